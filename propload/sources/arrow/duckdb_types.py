"""Reads DuckDB's own types, which it exports as bytes with the name of the type.

It does so with `SET arrow_lossless_conversion = true`. Without it, some of them come as
bytes without a name, which cannot be told from other bytes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from propload.sources.arrow.wide_numbers import WIDE_DECIMAL, WIDE_PG_TYPE
from propload.values.plain_columns import TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

#: An offset from UTC is stored as this number of seconds minus the offset.
_MOST_OFFSET = 16 * 60 * 60 - 1
#: How many bits of a time with an offset hold the offset.
_OFFSET_BITS = 24
#: The first bytes of a number of any length: its sign, and how many bytes follow.
_HEADER = 3


def _bit_text(raw: bytes) -> str:
    """Return a bit string as text; the first byte is the number of padding bits."""
    return "".join(f"{byte:08b}" for byte in raw[1:])[raw[0] :]


def _time_text(raw: bytes) -> str:
    number = int.from_bytes(raw, "little")
    microseconds, stored_offset = number >> _OFFSET_BITS, number & (2**_OFFSET_BITS - 1)
    seconds, micros = divmod(microseconds, 1_000_000)
    offset = _MOST_OFFSET - stored_offset
    sign = "-" if offset < 0 else "+"
    return f"{_clock_text(seconds)}.{micros:06}{sign}{_clock_text(abs(offset))}"


def _clock_text(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _number_text(raw: bytes) -> str:
    """Return a number of any length as text; a negative one has all bytes inverted."""
    if raw[0] & 0x80:
        return str(int.from_bytes(raw[_HEADER:], "big"))
    return str(-int.from_bytes(bytes(255 - byte for byte in raw[_HEADER:]), "big"))


def _integer_text(raw: bytes, *, signed: bool) -> str:
    return str(int.from_bytes(raw, "little", signed=signed))


class DuckDBType(NamedTuple):
    """How a DuckDB type is read.

    Attributes:
        write: Returns the text of a value.
        kind: The Arrow type that the texts are cast to.
        created_as: The PostgreSQL type of a new column.
    """

    write: Callable[[bytes], str]
    kind: pa.DataType
    created_as: bytes


#: The types, by DuckDB's names.
DUCKDB_TYPES: Mapping[str, DuckDBType] = {
    "bit": DuckDBType(_bit_text, TEXT, b"bit varying"),
    "hugeint": DuckDBType(
        partial(_integer_text, signed=True), WIDE_DECIMAL, WIDE_PG_TYPE
    ),
    "uhugeint": DuckDBType(
        partial(_integer_text, signed=False), WIDE_DECIMAL, WIDE_PG_TYPE
    ),
    "bignum": DuckDBType(_number_text, TEXT, b"numeric"),
    "time_tz": DuckDBType(_time_text, TEXT, b"time with time zone"),
}
