"""Where rows go: a table, its key, and what happens where rows meet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from propload.batch import Piece
    from propload.report import Counts

Mode = Literal["upsert", "append", "insert-new", "replace"]
OnNull = Literal["overwrite", "keep"]
OnNewColumns = Literal["refuse", "add", "ignore"]

#: A part of a name: what stands between points that are not in quotes.
_PART = re.compile(r'(?:^|\.)((?:[^".]|"(?:[^"]|"")*")*)')
_IN_QUOTES = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name in two parts; `namespace` is PostgreSQL's schema."""

    namespace: str
    table: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Return the name in `table`, `namespace.table` or `"quoted"."names"`.

        Raises:
            ConfigError: The text is empty or its quotes do not close.
        """
        parts = _split_identifier(text)
        if len(parts) > 2 or not all(parts):
            msg = f"table {text!r} is not a name: give TABLE or NAMESPACE.TABLE"
            raise ConfigError(msg)
        return cls(*parts) if len(parts) == 2 else cls("public", parts[0])

    def __str__(self) -> str:
        """Return the one text that people, ledgers and locks know the table by.

        `parse` reads it back: a part that it would split has quotes.
        """
        return f"{_quoted(self.namespace)}.{_quoted(self.table)}"


def parse_table(text: str | None, /) -> TableName | None:
    """Return the table that is named, or None where none is.

    Raises:
        ConfigError: The text is no name.
    """
    return None if text is None else TableName.parse(text)


def _quoted(part: str) -> str:
    if "." not in part and '"' not in part:
        return part
    doubled = part.replace('"', '""')
    return f'"{doubled}"'


def _split_identifier(text: str) -> list[str]:
    if text.count('"') % 2:
        msg = f"table {text!r} has an open quote"
        raise ConfigError(msg)
    return [_IN_QUOTES.sub(_bare, part) for part in _PART.findall(text)]


def _bare(found: re.Match[str]) -> str:
    return found[1].replace('""', '"')


#: What travels as text and is compared as text; an enum or JSON has an own order.
_SORTED_TEXTS = ("text", "character varying")


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """How the text of an array is written.

    Attributes:
        delimiter: What stands between its elements: boxes have a semicolon.
        nested: Whether each element is an array itself, as a domain can be one.
    """

    delimiter: str = ","
    nested: bool = False


#: That of most arrays.
USUAL_ARRAY = ArrayForm()


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How one column travels into the table.

    Attributes:
        column: Its name, in the frame and in the table.
        dtype: The Polars type it is cast to before it is sent.
        carrier: `copy` where COPY writes the table's type directly, `text`
            where the server casts the text of the value.
        pg_type: The table's type as PostgreSQL writes it.
        held_as: The type in which an array of a domain holds its values, with the
            length or precision of its elements; None for any other type.
        array: How its text is written where it is an array.
        of_postgis: Whether that type, or its elements', is PostGIS' own for places.
    """

    column: str
    dtype: pl.DataType
    carrier: Literal["copy", "text"]
    pg_type: str
    held_as: str | None = None
    array: ArrayForm = USUAL_ARRAY
    of_postgis: bool = False

    @property
    def ranks(self) -> bool:
        """Whether the values sort here as they do in the server, byte by byte."""
        if self.carrier == "text":
            return False
        return str(self.dtype) != "String" or self.pg_type.startswith(_SORTED_TEXTS)


@dataclass(frozen=True, slots=True)
class Target:
    """A table and the rules for writing into it.

    Attributes:
        table: Its qualified name.
        key: Columns that identify a row: upsert and insert-new find rows by them,
            replace keeps one row of each key, append sorts by them. Only the last
            two do without.
        newest: The column that orders the versions of a row, or None for
            source order.
        mode: What happens to a row whose key is stored already.
        on_null: Whether a null erases a stored value or keeps it.
        on_new_columns: What happens to columns that the table lacks.
    """

    table: TableName
    key: tuple[str, ...] = ()
    newest: str | None = None
    mode: Mode = "upsert"
    on_null: OnNull = "overwrite"
    on_new_columns: OnNewColumns = "refuse"

    def __post_init__(self) -> None:
        if self.mode in ("upsert", "insert-new") and not self.key:
            msg = (
                f"table {self.table} has no key to find rows by: "
                "specify key columns (--key A,B), or use --mode append to add every row"
            )
            raise ConfigError(msg)
        if len(set(self.key)) != len(self.key):
            msg = f"key {','.join(self.key)} names a column twice"
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a piece's rows.

    Attributes:
        counts: How many met which end; they add up to the piece's rows, of which
            `read` tells nothing.
        reasons: Rejected rows, columns `REASONS`, stage `database`.
        erased: How many stored values nulls have erased at least, by column, as far
            as that was looked at.
    """

    counts: Counts
    reasons: pl.DataFrame
    erased: Mapping[str, int] = field(default_factory=dict)


class OnRefused(Protocol):
    """Who keeps the rows of a piece that the database refuses."""

    def __call__(self, piece: Piece, reasons: pl.DataFrame, /) -> None:
        """Keep them; called before the piece's commit, so that none is lost.

        Args:
            piece: The piece.
            reasons: One line a reason, columns `REASONS`, stage `database`; none
                where an earlier attempt of the piece was undone that had told some.
        """


class Writer(Protocol):
    """What a lane writes with; it is owned and used by one thread."""

    def get_ready(self) -> None:
        """Do what the first piece would wait for; what keeps from it `write` tells."""

    def write(self, piece: Piece) -> Written:
        """Commit a piece in one transaction and return what became of it."""

    def cancel(self) -> None:
        """Break off what is being written; the one call for another thread."""

    def close(self) -> None:
        """Give the connection back; a transaction that is open is undone."""
