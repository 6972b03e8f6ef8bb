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

from propload.config.values import expanded
from propload.errors import ConfigError, SourceError
from propload.messages.wording import counted, listed
from propload.sources.files.formats import (
    NOTE_SUFFIX,
    is_own,
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
_OF_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
#: A folder that file systems keep at the top of a disk; users cannot look into it.
_OF_DISKS = "lost+found"


def printable(path: str | Path) -> str:
    """Return a path as text; bytes that are not UTF-8 are escaped.

    PostgreSQL could not store them.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def find_files(pattern: str, given: str | None, notes: list[str]) -> list[Path | None]:
    """Return the files that a path, a folder, a glob or `-` (stdin) stands for.

    Args:
        pattern: The path, folder or glob as the user gave it.
        given: The format that the user gave for the files, or None.
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
    path = expanded(pattern)
    state = _state_of(path, pattern)
    if state is not None and stat.S_ISDIR(state.st_mode):
        return _files_of_folder(path, given, notes)
    if state is not None:
        return [path]
    _refuse_address(pattern)
    if not glob.has_magic(pattern):
        msg = f"{pattern} does not exist: check the path"
        raise SourceError(msg, source=pattern)
    return _files_of_glob(pattern, path, given, notes)


def _files_of_glob(
    pattern: str, path: Path, given: str | None, notes: list[str]
) -> list[Path | None]:
    _refuse_shut(path)
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - keeps "~"
    matched = [Path(match) for match in matches]
    if not is_own(path.name):
        matched = [match for match in matched if not is_own(match.name)]
    found = [match for match in matched if not match.is_dir()]
    folders = [match for match in matched if match.is_dir()]
    passed = _passed_over(pattern, folders, found, given)
    if not found:
        msg = f"{pattern} matches no file: {passed or 'check the path'}"
        raise SourceError(msg, source=pattern)
    notes += filter(None, [passed])
    return list(found)


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
        if error.errno in _OF_NOTHING:
            return None
        raise _unreached(shown, error) from error


def _unreached(pattern: str, error: OSError) -> SourceError:
    """Return the error for a path whose status cannot be determined."""
    if error.errno != errno.ENAMETOOLONG:
        msg = f"{pattern} cannot be opened: {error.strerror}"
        return SourceError(msg, source=pattern)
    # the user probably passed the rows themselves instead of a path
    shown = f"{pattern[:_MOST_SHOWN]}…"
    msg = f"{shown!r} is too long for a path: give one, or rows as a list or a frame"
    return SourceError(msg, source=shown)


def _passed_over(
    pattern: str, folders: Sequence[Path], found: Sequence[Path], given: str | None
) -> str:
    """Return a note on folders that a glob matches without any of their files."""
    reached = {parent for file in found for parent in file.parents}
    left = [
        printable(one.name)
        for one in folders
        if one not in reached and _holds_readable(one, given)
    ]
    if not left:
        return ""
    verb = "was" if len(left) == 1 else "were"
    return (
        f"{counted(len(left), 'folder')} that {printable(pattern)} matches {verb} "
        f"skipped: {listed(left, _MOST_NAMED)}. Name a folder itself to read the "
        "files in it"
    )


def _holds_readable(folder: Path, given: str | None) -> bool:
    """Return whether a folder directly holds a file to read; False without access.

    Folders below it are not searched: there may be millions of files in them.
    """
    with suppress(OSError):
        return any(is_readable(p.name, given) and p.is_file() for p in folder.iterdir())
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
    folder: Path, given: str | None, notes: list[str]
) -> list[Path | None]:
    found = list(_paths_below(folder))
    meant = [one for one in found if is_readable(str(one.relative_to(folder)), given)]
    read = sorted(filter(_is_there, meant))
    if not read:
        raise _without_rows(folder, found)
    # pipes are skipped with a note: one without a writer would block the other files
    left = set(found).difference(read)
    passed = {one for one in left.intersection(meant) if one.exists()}
    passed.update(one for one in left if _is_link_elsewhere(one, folder, given))
    if passed:
        names = [printable(one.relative_to(folder)) for one in sorted(passed)]
        notes.append(
            f"skipped in {printable(folder)}, as pipes, devices and links to "
            f"folders are: {listed(names, _MOST_NAMED)}. Name what is to be read"
        )
    return list(read)


def _without_rows(folder: Path, found: Sequence[Path]) -> SourceError:
    """Return the error for a folder in which there is no file to read."""
    files = [one for one in found if _is_file(one)]
    advice = "name the files and their --format"
    if any(one.suffix.lower() == NOTE_SUFFIX for one in files):
        texts = f"{folder}/*{NOTE_SUFFIX}"
        advice = f"name its {NOTE_SUFFIX} files ({texts}), or use --format csv"
    elif not files:
        advice = "name what is to be read" if found else "it is empty"
    msg = f"{folder} is a folder without files of a known format: {advice}"
    return SourceError(msg, source=str(folder))


def _is_link_elsewhere(path: Path, folder: Path, given: str | None) -> bool:
    """Return whether a path links to a folder whose files are not read otherwise."""
    if not path.is_dir() or not _holds_readable(path, given):
        return False
    here, there = folder.resolve(), path.resolve()
    return not there.is_relative_to(here) and not here.is_relative_to(there)


def _paths_below(folder: Path) -> Iterator[Path]:
    """Yield all paths below a folder that are not folders, including links to folders.

    Raises:
        SourceError: A folder cannot be read: its rows would be missing.
    """
    for place, below, names in os.walk(folder, onerror=_raise_shut):
        _refuse_versions(place, below, names)
        below[:] = [name for name in below if not _is_passed(name)]
        yield from (Path(place, name) for name in names)
        yield from filter(Path.is_symlink, (Path(place, name) for name in below))


def _refuse_versions(place: str, folders: Sequence[str], names: Sequence[str]) -> None:
    """Refuse a folder of a table format whose log tells which files are current.

    Raises:
        SourceError: It is one: its other files hold rows that were deleted.
    """
    paths = [f"{Path(place).name}/{name}" for name in (*folders, *names)]
    for kind, mark, reader in _TABLES:
        if any(re.fullmatch(mark, path) for path in paths):
            shown = printable(place)
            msg = (
                f"{shown} belongs to {kind}, whose files hold deleted rows as well: "
                f"load it in Python, with {reader}"
            )
            raise SourceError(msg, source=shown)


def _is_file(path: Path) -> bool:
    state = _state_of(path, printable(path))
    return state is not None and stat.S_ISREG(state.st_mode)


def _is_there(path: Path) -> bool:
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


def _is_passed(folder: str) -> bool:
    """Return whether a folder of this name is skipped with all its files."""
    return folder == _OF_DISKS or folder.startswith("_") or is_own(folder)


def _refuse_shut(path: Path) -> None:
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
            _look_into(folder, is_listed=is_listed or above.name == "**")
        if not is_glob:
            return
        is_listed = glob.has_magic(above.name)


def _look_into(folder: str, *, is_listed: bool) -> None:
    if Path(folder).name == _OF_DISKS:
        return
    # finding `.` in a folder takes the permission to enter it
    inside = os.path.join(folder, ".")  # noqa: PTH118 - a Path drops the dot
    try:
        if is_listed:
            os.scandir(inside).close()
        else:
            os.stat(inside)  # noqa: PTH116 - as above
    except OSError as error:
        _raise_shut(error)


def _raise_shut(error: OSError) -> None:
    """Raise the error for an unreadable folder, unless it was removed meanwhile."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return
    shown = printable(Path(error.filename))
    msg = (
        f"folder {shown} cannot be read: {error.strerror}. Rows in it would be "
        "missing: give this user access, or name the files to load"
    )
    raise SourceError(msg, source=shown) from error
