"""The formats of files, the reader of each, and the options that each takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING

from propload.errors import ConfigError
from propload.sources.files import columnar, excel
from propload.sources.text import delimited, json_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from propload.batch import Batch
    from propload.options import SourceOptions


@dataclass(frozen=True, slots=True)
class FormatReader:
    """How files of one format are read.

    Attributes:
        takes: The reading options that the format takes.
        from_blocks: Reads a stream of bytes; None if a seekable file is needed.
        from_file: Reads a seekable file; None if `from_blocks` is given.
        count: Returns about how many rows a seekable file has by its metadata; None if
            files of the format do not state it.
    """

    takes: frozenset[str] = frozenset()
    from_blocks: (
        Callable[[Iterator[bytes], str, SourceOptions], Iterator[Batch]] | None
    ) = None
    from_file: Callable[[IO[bytes], str, SourceOptions], Iterator[Batch]] | None = None
    count: Callable[[IO[bytes]], int | None] | None = None


_DELIMITED = frozenset({"delimiter", "skip_lines", "header", "encoding", "null_words"})
_JSON = frozenset({"encoding", "rows_at"})
_WORKBOOK = frozenset({"sheet", "skip_lines", "header", "null_words"})
READERS: Mapping[str, FormatReader] = {
    "csv": FormatReader(_DELIMITED, delimited.read_delimited),
    "tsv": FormatReader(_DELIMITED, partial(delimited.read_delimited, tabs=True)),
    "ndjson": FormatReader(_JSON, partial(json_rows.read_json, lines=True)),
    "json": FormatReader(_JSON, partial(json_rows.read_json, lines=False)),
    # the next two take no options: their files state all of it
    "parquet": FormatReader(
        from_file=columnar.read_parquet, count=columnar.count_parquet
    ),
    "arrow": FormatReader(from_file=columnar.read_arrow, count=columnar.count_arrow),
    "xlsx": FormatReader(_WORKBOOK, from_file=excel.read_workbook),
}


def options_taken_by(kinds: Collection[str]) -> frozenset[str]:
    """Return the options that at least one of these formats takes."""
    return frozenset({"format"}).union(*(READERS[kind].takes for kind in kinds))


def refuse_unused(
    options: SourceOptions, takes: Collection[str], described: str
) -> None:
    """Refuse options that were given for a source that does not take them.

    Args:
        options: The options that were given.
        takes: The options that the source takes.
        described: The source's name in messages.

    Raises:
        ConfigError: There is such an option.
    """
    for option in sorted(options.explicit.difference(takes)):
        formats = [kind for kind, reader in READERS.items() if option in reader.takes]
        msg = (
            f"{option} does not apply to {described}, "
            f"only to {_join_words(formats) or 'files'}: leave it out"
        )
        raise ConfigError(msg)


def _join_words(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
