"""DuckDB's own types, which it hands over as bytes that bear their name.

It does so with `SET arrow_lossless_conversion = true`; else some of them come as bytes
without a name, which nobody can tell from others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TEXT = pa.large_string()
#: Whole numbers of 128 bits have up to 39 digits.
_WHOLE = pa.decimal256(39, 0)
#: What an offset from UTC is counted down from, in seconds.
_MOST_OFFSET = 16 * 60 * 60 - 1
#: Of a time with an offset, the bits that hold the offset.
_OFFSET_BITS = 24
#: Bytes of a number of any length that tell its sign and how many follow.
_HEADER = 3


def _bits(raw: bytes) -> str:
    """Return bits as text; the first byte tells how many of the next are none."""
    return "".join(f"{byte:08b}" for byte in raw[1:])[raw[0] :]


def _time_text(raw: bytes) -> str:
    number = int.from_bytes(raw, "little")
    microseconds, counted = number >> _OFFSET_BITS, number & (2**_OFFSET_BITS - 1)
    seconds, rest = divmod(microseconds, 1_000_000)
    offset = _MOST_OFFSET - counted
    return (
        f"{_clock(seconds)}.{rest:06}{'-' if offset < 0 else '+'}{_clock(abs(offset))}"
    )


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _digits(raw: bytes) -> str:
    """Return a number of any length; all bytes of one below zero are complements."""
    if raw[0] & 0x80:
        return str(int.from_bytes(raw[_HEADER:], "big"))
    return str(-int.from_bytes(bytes(255 - byte for byte in raw[_HEADER:]), "big"))


def _as_texts(write: Callable[[bytes], str]) -> Callable[[pa.Array], pa.Array]:
    def convert(storage: pa.Array) -> pa.Array:
        """Return the values as texts."""
        values = storage.to_pylist()
        return pa.array([None if one is None else write(one) for one in values], _TEXT)

    return convert


def _as_numbers(*, signed: bool) -> Callable[[pa.Array], pa.Array]:
    def text(raw: bytes) -> str:
        """Return a whole number of 128 bits."""
        return str(int.from_bytes(raw, "little", signed=signed))

    convert = _as_texts(text)
    return lambda storage: convert(storage).cast(_WHOLE)


#: What makes a column of each, and the type of a new column for it.
OF_DUCKDB: Mapping[str, tuple[Callable[[pa.Array], pa.Array], str | None]] = {
    "bit": (_as_texts(_bits), "bit varying"),
    "hugeint": (_as_numbers(signed=True), "numeric(39,0)"),
    "uhugeint": (_as_numbers(signed=False), "numeric(39,0)"),
    "bignum": (_as_texts(_digits), "numeric"),
    "time_tz": (_as_texts(_time_text), "time with time zone"),
}
