"""Rows from files: paths, globs, folders and stdin, of any known format."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import IO, TYPE_CHECKING

from propload.errors import SourceError
from propload.names.format_names import check_format
from propload.sources.files.archive_members import find_members
from propload.sources.files.estimating import estimate_rows
from propload.sources.files.finding import printable
from propload.sources.files.readers import options_taken_by, refuse_unused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from propload.batch import Batch
    from propload.options import SourceOptions

#: Bytes at a file's beginning and at its end that go into its fingerprint: they tell
#: apart files that have the same size and time.
FINGERPRINT_BYTES = 64 << 10
#: A partition folder, `COLUMN=VALUE`, whose value belongs to all rows below it; Spark
#: and pyarrow write these.
_PARTITION = re.compile(r"([^=]+)=.*", re.DOTALL)


class FileSource:
    """Rows of one or several files, one after the other.

    Args:
        paths: The files; None stands for stdin.
        options: How to read them, and how much goes into one batch.
        name: The name of all of them together in messages.
        notes: Notes for the user on how the files were found.
    """

    def __init__(
        self,
        paths: Sequence[Path | None],
        options: SourceOptions,
        *,
        name: str,
        notes: Sequence[str] = (),
    ) -> None:
        self.name = printable(name)
        self.paths = tuple(paths)
        # a pipe given by a path (/dev/stdin, a shell's `<(...)`) is read only once, as
        # stdin is
        self.rereadable = all(path and path.is_file() for path in self.paths)
        self._options = replace(options, by_clock=not self.rereadable)
        self._notes: dict[str, None] = dict.fromkeys(notes)
        self._partitions: set[tuple[str, ...]] = set()
        self._changed: dict[str, None] = {}

    @property
    def prefetchable(self) -> bool:
        """Whether its rows can be read at any time without running a user's code."""
        return self.rereadable

    def rows_expected(self) -> int | None:
        """Return about how many rows the files have, or None if that is not known.

        Only speed may depend on it.
        """
        paths = [path for path in self.paths if path] if self.rereadable else []
        return estimate_rows(paths, self._options)

    def fingerprint(self) -> str | None:
        """Return a hash of the files' paths, sizes, times, beginnings and ends."""
        if not self.rereadable:
            return None
        digest = hashlib.sha256()
        for path in self.paths:
            if path:
                digest.update(_fingerprint(path))
        return digest.hexdigest()

    def __iter__(self) -> Iterator[Batch]:
        for path in self.paths:
            if path is None:
                yield from self._rows(_stdin(), "stdin")
                continue
            with _open(path) as file:
                modified, state_before = _modified_at(path), _state_of(file)
                for batch in self._rows(file, printable(path)):
                    self._note_partitions(batch)
                    yield replace(batch, as_of=modified)
                if modified and _state_of(file) != state_before:
                    self._changed[_change_note(path)] = None

    def _rows(self, file: IO[bytes], name: str) -> Iterator[Batch]:
        for member in find_members(file, name, self._options):
            if len(self.paths) == 1 and not self.rereadable:
                self._refuse_unused({member.kind})
            for batch in member.read(self._options):
                self._notes |= dict.fromkeys(batch.notes)
                yield batch

    def _note_partitions(self, batch: Batch) -> None:
        """Note values that only names of folders hold, including those of archives."""
        folders = PurePath(batch.source).parts[:-1]
        matches = [_PARTITION.fullmatch(part) for part in folders]
        columns = batch.rows.schema.names
        missing = [match for match in matches if match and match[1] not in columns]
        names = tuple(match[1] for match in missing)
        if missing and names not in self._partitions:
            self._partitions.add(names)
            note = _partition_note(names, missing[0][0])
            self._notes[note] = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on how files were found and read so far."""
        advice = "Load it again once it is written"
        return (*self._notes, *(f"{note}. {advice}" for note in self._changed))

    @property
    def incomplete(self) -> str:
        """Which files changed while they were read; empty if none did."""
        return "; ".join(self._changed)

    def refuse_unused(self) -> None:
        """Refuse options that no file's format takes, if the formats are known already.

        Raises:
            ConfigError: There is such an option.
        """
        kinds = _kinds(self.paths, self._options) if self._options.explicit else None
        if kinds is not None:
            self._refuse_unused(kinds)

    def _refuse_unused(self, kinds: Collection[str]) -> None:
        described = f"{self.name} ({', '.join(sorted(kinds))})"
        refuse_unused(self._options, options_taken_by(kinds), described)


def _kinds(
    paths: Sequence[Path | None], options: SourceOptions
) -> frozenset[str] | None:
    """Return the formats of the files, or None if one of them is not known yet."""
    if options.format:
        return frozenset({check_format(options.format)})
    if not all(path and path.is_file() for path in paths):
        return None
    kinds: set[str] = set()
    try:
        for path in filter(None, paths):
            with _open(path) as file:
                kinds.update(
                    member.kind for member in find_members(file, str(path), options)
                )
    except SourceError:
        # reported when the file is read
        return None
    return frozenset(kinds)


def _modified_at(path: Path) -> datetime | None:
    if not path.is_file():
        return None
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (ValueError, OverflowError):
        # written under a wrong clock, in a year that `datetime` does not have
        return None


def _state_of(file: IO[bytes]) -> tuple[int, int]:
    """Return the size and time of an open file, which change when it is written to."""
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns


def _change_note(path: Path) -> str:
    return (
        f"{printable(path)} was changed while it was being read: rows of it may be "
        "missing, or mixed from before and after"
    )


def _partition_note(names: Sequence[str], example: str) -> str:
    return (
        f"the files are in folders such as {example}, and have no column "
        f"{' or '.join(names)} themselves: names of folders are not loaded. To load "
        "them, pass rows that have them, such as pl.scan_parquet(..., "
        "hive_partitioning=True) in Python"
    )


def _stdin() -> IO[bytes]:
    # a service has no stdin, and some editors replace it by an object of their own
    stdin: IO[bytes] | None = getattr(sys.stdin, "buffer", None)
    if stdin is None:
        msg = (
            "stdin cannot be read: it is not an open pipe or file. Give a path, or rows"
        )
        raise SourceError(msg, source="stdin")
    return stdin


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        msg = f"{path} cannot be opened: {error.strerror}"
        raise SourceError(msg, source=str(path)) from error


def _resolve(path: Path) -> Path:
    try:
        return path.resolve()
    except OSError as error:
        msg = f"{path} has no full path: the current folder was deleted. Go to another"
        raise SourceError(msg, source=str(path)) from error


def _fingerprint(path: Path) -> bytes:
    with _open(path) as file:
        stat = path.stat()
        # a path may hold bytes that are not valid text
        digest = hashlib.sha256(os.fsencode(_resolve(path)))
        digest.update(f"\0{stat.st_size}{stat.st_mtime_ns}".encode())
        try:
            digest.update(file.read(FINGERPRINT_BYTES))
            file.seek(max(0, stat.st_size - FINGERPRINT_BYTES))
            digest.update(file.read(FINGERPRINT_BYTES))
        except OSError as error:
            msg = f"{path} cannot be read: {error.strerror}"
            raise SourceError(msg, source=str(path)) from error
    return digest.digest()
