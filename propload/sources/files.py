"""Rows from files: paths, globs, folders and stdin, of any known format."""

from __future__ import annotations

import glob
import hashlib
import sys
import tempfile
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from propload.errors import SourceError
from propload.sources.blocks import peek
from propload.sources.columnar import read_arrow, read_parquet
from propload.sources.compression import (
    is_packed,
    is_zip,
    unpack,
    zip_members,
)
from propload.sources.delimited import read_delimited
from propload.sources.excel import read_workbook
from propload.sources.formats import (
    check_format,
    find_format,
    is_readable,
    is_workbook,
)
from propload.sources.json_rows import read_json
from propload.sources.pipes import read_stream, without_pauses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.batch import Batch
    from propload.options import SourceOptions

STDIN = "-"
#: Of a file's beginning and of its end, into its fingerprint: where files of one
#: size that were written at one time differ.
FINGERPRINT_BYTES = 64 << 10
#: Enough to tell a format by.
HEAD_BYTES = 4 << 10


class FileSource:
    """Rows of one or several files, one after the other.

    Args:
        paths: The files; None stands for stdin.
        options: What is known of them, and how much goes into one batch.
        name: What messages call all of them.
    """

    def __init__(
        self, paths: Sequence[Path | None], options: SourceOptions, *, name: str
    ) -> None:
        self.name = name
        self.paths = tuple(paths)
        # a pipe by its name (/dev/stdin, a shell's `<(...)`) is read once, as stdin is
        self.rereadable = all(path and path.is_file() for path in self.paths)
        self._options = options

    def fingerprint(self) -> str | None:
        """Return a hash of paths, sizes, times, beginnings and ends."""
        if not self.rereadable:
            return None
        found = hashlib.sha256()
        for path in self.paths:
            if path:
                found.update(_fingerprint(path))
        return found.hexdigest()

    def __iter__(self) -> Iterator[Batch]:
        for path in self.paths:
            if path is None:
                yield from _read(sys.stdin.buffer, "stdin", self._options)
                continue
            with _open(path) as file:
                changed = _changed_at(path)
                for batch in _read(file, str(path), self._options):
                    yield replace(batch, as_of=changed)


def _changed_at(path: Path) -> datetime | None:
    if not path.is_file():
        return None
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def find_files(pattern: str) -> list[Path | None]:
    """Return the files that a path, a folder, a glob or `-` (stdin) stands for.

    Raises:
        SourceError: There are none.
    """
    if pattern == STDIN:
        return [None]
    path = Path(pattern).expanduser()
    if path.is_dir():
        return _files_of_folder(path)
    if path.exists():
        return [path]
    if not glob.has_magic(pattern):
        msg = f"{pattern} does not exist: check the path"
        raise SourceError(msg, source=pattern)
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - keeps "~"
    found: list[Path | None] = [Path(match) for match in matches]
    found = [match for match in found if match and not match.is_dir()]
    if not found:
        msg = f"{pattern} matches no file: check the path"
        raise SourceError(msg, source=pattern)
    return found


def _files_of_folder(folder: Path) -> list[Path | None]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if is_readable(str(path.relative_to(folder))) and path.is_file()
    )
    if not files:
        msg = f"{folder} is a folder without files of a known format"
        raise SourceError(msg, source=str(folder))
    return list(files)


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        msg = f"{path} cannot be opened: {error.strerror}"
        raise SourceError(msg, source=str(path)) from error


def _fingerprint(path: Path) -> bytes:
    with _open(path) as file:
        stat = path.stat()
        found = hashlib.sha256(f"{path.resolve()}\0{stat.st_size}".encode())
        found.update(str(stat.st_mtime_ns).encode())
        found.update(file.read(FINGERPRINT_BYTES))
        file.seek(max(0, stat.st_size - FINGERPRINT_BYTES))
        found.update(file.read(FINGERPRINT_BYTES))
    return found.digest()


def _read(file: IO[bytes], name: str, options: SourceOptions) -> Iterator[Batch]:
    """Yield the rows of an open file of any format, packed or not."""
    head, blocks = peek(read_stream(file, name), HEAD_BYTES)
    if not head:
        msg = f"{name} is empty"
        raise SourceError(msg, source=name)
    if is_zip(head):
        with _seekable(file, blocks) as archive:
            yield from _read_zip(archive, name, options)
        return
    plain: IO[bytes] | None = file
    if is_packed(head):
        plain = None
        unpacked = unpack(without_pauses(blocks), name)
        head, blocks = peek(unpacked, HEAD_BYTES)
    kind = find_format(name, head, options.format)
    if kind in ("csv", "tsv"):
        yield from read_delimited(blocks, name, options, tabs=kind == "tsv")
    elif kind in ("json", "ndjson"):
        yield from read_json(blocks, name, options, lines=kind == "ndjson")
    else:
        with _seekable(plain, blocks) as opened:
            yield from BINARY[kind](opened, name, options)


BINARY = {"parquet": read_parquet, "arrow": read_arrow, "xlsx": read_workbook}


def _read_zip(file: IO[bytes], name: str, options: SourceOptions) -> Iterator[Batch]:
    is_excel = options.format is not None and check_format(options.format) == "xlsx"
    if is_excel or _holds_workbook(file):
        yield from read_workbook(file, name, options)
        return
    for member, opened in zip_members(file, name):
        yield from _read(opened, f"{name}/{member}", options)


def _holds_workbook(file: IO[bytes]) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            found = is_workbook(archive.namelist())
    except zipfile.BadZipFile:
        # reported where the archive is read
        found = False
    file.seek(0)
    return found


def _seekable(file: IO[bytes] | None, blocks: Iterator[bytes]) -> IO[bytes]:
    """Return a file to jump about in, made of the blocks where there is none.

    Closing it leaves the given file open to its owner's closing.
    """
    if file is not None and file.seekable():
        file.seek(0)
        return file
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    copy.writelines(blocks)
    copy.seek(0)
    return copy
