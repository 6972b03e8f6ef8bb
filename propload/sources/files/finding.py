"""Finds the files that a path, a folder, a glob or `-` stands for."""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from propload.config.values import expand_path
from propload.errors import ConfigError, SourceError
from propload.messages.wording import counted, listed
from propload.sources.files.formats import (
    NOTE_SUFFIX,
    is_internal,
    is_readable,
    suffix_format,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIN = "-"
#: Commands that fetch a URL and write it into a pipe, by scheme.
_FETCHED_BY = {
    "http": "curl -fsSL URL",
    "https": "curl -fsSL URL",
    "ftp": "curl -fsSL URL",
    "s3": "aws s3 cp URL -",
    "gs": "gcloud storage cat URL",
}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: The most skipped folders, pipes or links that a note names.
_MOST_NAMED = 5
#: How many characters of a path that is too long are shown in a message.
_MOST_SHOWN = 40
#: Table formats that consist of a folder, the path that reveals one, and its reader.
_TABLES = (
    ("a Delta table", r".*/_delta_log", "pl.scan_delta(FOLDER)"),
    ("an Iceberg table", r"metadata/.+\.metadata\.json", "pl.scan_iceberg(METADATA)"),
    ("a Hudi table", r".*/\.hoodie", "a program that knows it, as a frame"),
)
#: Errors that mean that nothing is at a path; a link that leads to itself is nothing.
_NOT_FOUND_ERRNOS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
#: A folder that file systems keep at the top of a disk; users cannot look into it.
_LOST_AND_FOUND = "lost+found"


def printable(path: str | Path) -> str:
    """Return a path as text; bytes that are not UTF-8 are escaped.

    PostgreSQL could not store them.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def find_files(
    pattern: str, user_format: str | None, notes: list[str]
) -> list[Path | None]:
    """Return the files that a path, a folder, a glob or `-` (stdin) stands for.

    Args:
        pattern: The path, folder or glob as the user gave it.
        user_format: The format that the user gave for the files, or None.
        notes: Notes for the user on what was skipped are appended to it.

    Raises:
        SourceError: There are no files, or a folder cannot be read.
        ConfigError: The pattern is empty, or there is no home folder for its `~`.
    """
    if not pattern:
        # `Path("")` would be the current folder with all its files
        msg = (
            "a source is an empty text: name a file, a glob or a folder (. is this one)"
        )
        raise ConfigError(msg)
    if pattern == STDIN:
        return [None]
    path = expand_path(pattern)
    state = _state_of(path, pattern)
    if state is not None and stat.S_ISDIR(state.st_mode):
        return _files_of_folder(path, user_format, notes)
    if state is not None:
        return [path]
    _refuse_address(pattern)
    if not glob.has_magic(pattern):
        msg = f"{pattern} does not exist: check the path"
        raise SourceError(msg, source=pattern)
    return _files_of_glob(pattern, path, user_format, notes)


def _files_of_glob(
    pattern: str, path: Path, user_format: str | None, notes: list[str]
) -> list[Path | None]:
    _refuse_inaccessible(path)
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - keeps "~"
    matched = [Path(match) for match in matches]
    if not is_internal(path.name):
        matched = [match for match in matched if not is_internal(match.name)]
    files = [match for match in matched if not match.is_dir()]
    folders = [match for match in matched if match.is_dir()]
    note = _skipped_note(pattern, folders, files, user_format)
    if not files:
        msg = f"{pattern} matches no file: {note or 'check the path'}"
        raise SourceError(msg, source=pattern)
    notes += filter(None, [note])
    return list(files)


def _state_of(path: Path, shown: str) -> os.stat_result | None:
    """Return the status of what is at a path, or None if nothing is there.

    From Python 3.14, `Path.exists` is also False if that cannot be determined.

    Raises:
        SourceError: It cannot be determined.
    """
    try:
        return path.stat()
    except ValueError:
        # the path contains a NUL, so nothing can be there
        return None
    except OSError as error:
        if error.errno in _NOT_FOUND_ERRNOS:
            return None
        raise _unreachable_error(shown, error) from error


def _unreachable_error(pattern: str, error: OSError) -> SourceError:
    """Return the error for a path whose status cannot be determined."""
    if error.errno != errno.ENAMETOOLONG:
        msg = f"{pattern} cannot be opened: {error.strerror}"
        return SourceError(msg, source=pattern)
    # the user probably passed the rows themselves instead of a path
    shown = f"{pattern[:_MOST_SHOWN]}…"
    msg = f"{shown!r} is too long for a path: give one, or rows as a list or a frame"
    return SourceError(msg, source=shown)


def _skipped_note(
    pattern: str,
    folders: Sequence[Path],
    files: Sequence[Path],
    user_format: str | None,
) -> str:
    """Return a note on folders that a glob matches without any of their files."""
    read_folders = {parent for file in files for parent in file.parents}
    skipped = [
        printable(folder.name)
        for folder in folders
        if folder not in read_folders and _has_readable_file(folder, user_format)
    ]
    if not skipped:
        return ""
    verb = "was" if len(skipped) == 1 else "were"
    return (
        f"{counted(len(skipped), 'folder')} that {printable(pattern)} matches {verb} "
        f"skipped: {listed(skipped, _MOST_NAMED)}. Name a folder itself to read the "
        "files in it"
    )


def _has_readable_file(folder: Path, user_format: str | None) -> bool:
    """Return whether a folder directly holds a file to read; False without access.

    Folders below it are not searched: there may be millions of files in them.
    """
    with suppress(OSError):
        return any(
            is_readable(p.name, user_format) and p.is_file() for p in folder.iterdir()
        )
    return False


def _refuse_address(text: str) -> None:
    """Refuse a URL.

    Raises:
        SourceError: It is a URL; the message leaves out its password and query.
    """
    if not _ADDRESS.match(text):
        return
    try:
        address = urlsplit(text)
        shown = f"{address.scheme}://{address.hostname or ''}{address.path}"
        kind = suffix_format(address.path) or "csv"
    except ValueError:
        # show only the scheme: what cannot be parsed may be a part of the password
        shown, kind = f"{text.partition('://')[0]}://...", "csv"
    fetch = _FETCHED_BY.get(text.partition("://")[0].lower())
    msg = f"{shown} is an address, and propload reads files and pipes: " + (
        f"fetch it, or {fetch} | propload ingest - --format {kind}"
        if fetch
        else "give a path, or what its own program writes into a pipe: "
        f"... | propload ingest - --format {kind}"
    )
    raise SourceError(msg, source=shown)


def _files_of_folder(
    folder: Path, user_format: str | None, notes: list[str]
) -> list[Path | None]:
    paths = list(_paths_below(folder))
    candidates = [
        path
        for path in paths
        if is_readable(str(path.relative_to(folder)), user_format)
    ]
    files = sorted(filter(_is_intact_file, candidates))
    if not files:
        raise _no_files_error(folder, paths)
    # pipes are skipped with a note: one without a writer would block the other files
    unread = set(paths).difference(files)
    skipped = {path for path in unread.intersection(candidates) if path.exists()}
    skipped.update(
        path for path in unread if _is_link_elsewhere(path, folder, user_format)
    )
    if skipped:
        names = [printable(path.relative_to(folder)) for path in sorted(skipped)]
        notes.append(
            f"skipped in {printable(folder)}, as pipes, devices and links to "
            f"folders are: {listed(names, _MOST_NAMED)}. Name what is to be read"
        )
    return list(files)


def _no_files_error(folder: Path, paths: Sequence[Path]) -> SourceError:
    """Return the error for a folder in which there is no file to read."""
    files = [path for path in paths if _is_file(path)]
    advice = "name the files and their --format"
    if any(path.suffix.lower() == NOTE_SUFFIX for path in files):
        texts = f"{folder}/*{NOTE_SUFFIX}"
        advice = f"name its {NOTE_SUFFIX} files ({texts}), or use --format csv"
    elif not files:
        advice = "name what is to be read" if paths else "it is empty"
    msg = f"{folder} is a folder without files of a known format: {advice}"
    return SourceError(msg, source=str(folder))


def _is_link_elsewhere(path: Path, folder: Path, user_format: str | None) -> bool:
    """Return whether a path links to a folder whose files are not read otherwise."""
    if not path.is_dir() or not _has_readable_file(path, user_format):
        return False
    here, there = folder.resolve(), path.resolve()
    return not there.is_relative_to(here) and not here.is_relative_to(there)


def _paths_below(folder: Path) -> Iterator[Path]:
    """Yield all paths below a folder that are not folders, including links to folders.

    Raises:
        SourceError: A folder cannot be read: its rows would be missing.
    """
    for root, folders, names in os.walk(folder, onerror=_raise_inaccessible):
        _refuse_table_format(root, folders, names)
        folders[:] = [name for name in folders if not _is_skipped_folder(name)]
        yield from (Path(root, name) for name in names)
        yield from filter(Path.is_symlink, (Path(root, name) for name in folders))


def _refuse_table_format(
    root: str, folders: Sequence[str], names: Sequence[str]
) -> None:
    """Refuse a folder of a table format whose log tells which files are current.

    Raises:
        SourceError: It is one: its other files hold rows that were deleted.
    """
    paths = [f"{Path(root).name}/{name}" for name in (*folders, *names)]
    for kind, pattern, reader in _TABLES:
        if any(re.fullmatch(pattern, path) for path in paths):
            shown = printable(root)
            msg = (
                f"{shown} belongs to {kind}, whose files hold deleted rows as well: "
                f"load it in Python, with {reader}"
            )
            raise SourceError(msg, source=shown)


def _is_file(path: Path) -> bool:
    state = _state_of(path, printable(path))
    return state is not None and stat.S_ISREG(state.st_mode)


def _is_intact_file(path: Path) -> bool:
    """Return whether a path is a regular file.

    Raises:
        SourceError: It is a broken link, so that rows would be missing, or its status
            cannot be determined.
    """
    if _is_file(path):
        return True
    if path.is_symlink() and not path.exists():
        shown = printable(path)
        msg = f"{shown} cannot be opened: it is a link to nothing. Fix or remove it"
        raise SourceError(msg, source=shown)
    return False


def _is_skipped_folder(folder: str) -> bool:
    """Return whether a folder of this name is skipped with all its files."""
    return folder == _LOST_AND_FOUND or folder.startswith("_") or is_internal(folder)


def _refuse_inaccessible(path: Path) -> None:
    """Refuse a glob that has to search a folder to which there is no access.

    Raises:
        SourceError: There is such a folder: its rows would be missing.
    """
    is_listed = glob.has_magic(path.name)
    for above in path.parents:
        is_glob = glob.has_magic(str(above))
        folders = [str(above)]
        if is_glob:
            # with a slash at its end, the glob matches folders only
            folders = glob.glob(f"{above}/", recursive=True)  # noqa: PTH207 - keeps the /
        for folder in folders:
            _require_access(folder, is_listed=is_listed or above.name == "**")
        if not is_glob:
            return
        is_listed = glob.has_magic(above.name)


def _require_access(folder: str, *, is_listed: bool) -> None:
    if Path(folder).name == _LOST_AND_FOUND:
        return
    # finding `.` in a folder takes the permission to enter it
    inside = os.path.join(folder, ".")  # noqa: PTH118 - a Path drops the dot
    try:
        if is_listed:
            os.scandir(inside).close()
        else:
            os.stat(inside)  # noqa: PTH116 - as above
    except OSError as error:
        _raise_inaccessible(error)


def _raise_inaccessible(error: OSError) -> None:
    """Raise the error for an unreadable folder, unless it was removed meanwhile."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return
    shown = printable(Path(error.filename))
    msg = (
        f"folder {shown} cannot be read: {error.strerror}. Rows in it would be "
        "missing: give this user access, or name the files to load"
    )
    raise SourceError(msg, source=shown) from error
