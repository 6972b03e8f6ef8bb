"""Where rows go: a table, its key, and how rows are written into it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from propload.batch import Piece
    from propload.report import Counts

Mode = Literal["upsert", "append", "insert-new", "replace"]
OnNull = Literal["overwrite", "keep"]
OnNewColumns = Literal["refuse", "add", "ignore"]

#: A part of a name: the text between dots that are not in quotes.
_PART = re.compile(r'(?:^|\.)((?:[^".]|"(?:[^"]|"")*")*)')
_IN_QUOTES = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name in two parts; `namespace` is PostgreSQL's schema."""

    namespace: str
    table: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Return the name from `table`, `namespace.table` or `"quoted"."names"`.

        Raises:
            ConfigError: A part is empty, there are more than two, or a quote is open.
        """
        parts = _split_identifier(text)
        if len(parts) > 2 or not all(parts):
            msg = f"table {text!r} is not a name: give TABLE or NAMESPACE.TABLE"
            raise ConfigError(msg)
        return cls(*parts) if len(parts) == 2 else cls("public", parts[0])

    def __str__(self) -> str:
        """Return the one text by which users, ledgers and locks identify the table.

        `parse` reads it back: a part that contains a dot or quote is quoted.
        """
        return f"{_quoted(self.namespace)}.{_quoted(self.table)}"


def parse_table(text: str | None, /) -> TableName | None:
    """Return the table of that name, or None without a name.

    Raises:
        ConfigError: The text is not the name of a table.
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


def _bare(match: re.Match[str]) -> str:
    return match[1].replace('""', '"')


#: Types that are sent as text and compared as text; enums and JSON have another order.
_SORTED_TEXTS = ("text", "character varying")


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """How the text of an array is written.

    Attributes:
        delimiter: The delimiter between its elements, a semicolon for boxes.
        nested: Whether each element is itself an array, as values of a domain can be.
    """

    delimiter: str = ","
    nested: bool = False


#: The form of most arrays.
USUAL_ARRAY = ArrayForm()


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How one column is sent to the table.

    Attributes:
        column: Its name, in the frame and in the table.
        dtype: The Polars type it is cast to before it is sent.
        transfer_format: `copy` if COPY writes the table's type directly, `text` if the
            server casts the text of the value.
        pg_type: The type of the table's column as PostgreSQL writes it.
        domain_base_array: For an array of a domain, the array of the type that the
            domain is over, with its length or precision; None for any other type.
        array: How its text is written if it is an array.
        of_postgis: Whether the type, or that of its elements, is a PostGIS type for
            places.
    """

    column: str
    dtype: pl.DataType
    transfer_format: Literal["copy", "text"]
    pg_type: str
    domain_base_array: str | None = None
    array: ArrayForm = USUAL_ARRAY
    of_postgis: bool = False

    @property
    def sorts_like_server(self) -> bool:
        """Whether values sort here as they do on the server (text byte by byte)."""
        if self.transfer_format == "text":
            return False
        return str(self.dtype) != "String" or self.pg_type.startswith(_SORTED_TEXTS)


_CHOICES = {
    "mode": get_args(Mode),
    "on_null": get_args(OnNull),
    "on_new_columns": get_args(OnNewColumns),
}


def _require_table(table: object) -> None:
    if not isinstance(table, TableName):
        msg = f"table: {table!r} is not a TableName: give TableName.parse(TEXT)"
        raise ConfigError(msg)


def _read_key(key: object) -> tuple[str, ...]:
    """Return the columns; a text is one, as in `ingest(key="id")`."""
    names = (key,) if isinstance(key, str) else key
    if isinstance(names, list | tuple) and all(isinstance(one, str) for one in names):
        return tuple(names)
    msg = f'key: {key!r} is not a tuple of names: write ("id",)'
    raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class Target:
    """A table and the rules for writing into it.

    Attributes:
        table: Its qualified name.
        key: Columns that identify a row: upsert and insert-new find rows by them,
            replace keeps one row of each key, append sorts by them. Only the last
            two can do without a key.
        newest: The column that orders the versions of a row, or None for
            source order.
        mode: What happens to a row whose key is stored already.
        on_null: Whether a null overwrites a stored value or keeps it.
        on_new_columns: What happens if rows have columns that the table lacks.
    """

    table: TableName
    key: tuple[str, ...] = ()
    newest: str | None = None
    mode: Mode = "upsert"
    on_null: OnNull = "overwrite"
    on_new_columns: OnNewColumns = "refuse"

    def __post_init__(self) -> None:
        self._check_types()
        if self.mode in ("upsert", "insert-new") and not self.key:
            msg = (
                f"table {self.table} has no key to find rows by: "
                "specify key columns (--key A,B), or use --mode append to add every row"
            )
            raise ConfigError(msg)
        if len(set(self.key)) != len(self.key):
            msg = f"key {','.join(self.key)} names a column twice"
            raise ConfigError(msg)

    def _check_types(self) -> None:
        """Refuse what a user's schema got wrong, where it is written.

        Raises:
            ConfigError: A part has another type, or is not one of its words.
        """
        _require_table(self.table)
        object.__setattr__(self, "key", _read_key(self.key))
        for name, words in _CHOICES.items():
            if (given := getattr(self, name)) not in words:
                msg = f"{name}: {given!r} is not one of {', '.join(words)}"
                raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome of writing a piece.

    Attributes:
        counts: How many of the piece's rows had which outcome; `read` is not set.
        reasons: Rejected rows, columns `REASONS`, stage `database`.
        erased: By column, a lower bound for how many stored values were erased by
            nulls, as far as that was counted.
    """

    counts: Counts
    reasons: pl.DataFrame
    erased: Mapping[str, int] = field(default_factory=dict)


class OnRefused(Protocol):
    """A callback that keeps the rows of a piece that the database rejects."""

    def __call__(self, piece: Piece, reasons: pl.DataFrame, /) -> None:
        """Keep the rejected rows; called before the piece's commit, so none is lost.

        Args:
            piece: The piece.
            reasons: One line per reason, columns `REASONS`, stage `database`; empty if
                an earlier attempt, since rolled back, had reasons and this one has
                none.
        """


class Writer(Protocol):
    """Writes the pieces of a lane; owned and used by one thread."""

    def get_ready(self) -> None:
        """Prepare ahead of the first piece; leave it to `write` to raise errors."""

    def write(self, piece: Piece) -> Written:
        """Commit a piece in one transaction and return the outcome of its rows."""

    def cancel(self) -> None:
        """Cancel what is being written; the only method for other threads."""

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
