"""Routes rows to lanes: the same key always goes to the same lane.

The hash is computed here from the key's values, not by a library: a run that is
resumed by another version has to send each row to the same lane as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import polars as pl

from propload.batch import Deduped
from propload.errors import SchemaMismatchError
from propload.names.type_names import type_name
from propload.prepare.casting.text_out import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Odd 64-bit constants with well-mixed bits: 2**64 divided by the golden ratio,
#: and the two multipliers of the finalizer of splitmix64.
GOLDEN = 0x9E3779B97F4A7C15
_SCRAMBLING = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
WORD_BYTES = 8
#: Most words of a text that are hashed: keys that differ only after them share a lane.
HASHED_WORDS = 32

_LANE = "propload_lane"


def route(
    rows: Deduped,
    /,
    *,
    key: Sequence[str],
    lanes: int,
    together: bool = False,
) -> list[Deduped]:
    """Return the rows that each lane writes, in their order.

    Args:
        rows: The rows of a batch, in key order.
        key: The columns that identify a row; without any, each lane gets a run
            of consecutive rows.
        lanes: How many lanes there are, at least 1.
        together: Whether all rows go to the first lane.
    """
    if lanes == 1 or together:
        return [rows, *[Deduped((rows.layers[0].clear(),))] * (lanes - 1)]
    if not key:
        return _slices(rows.layers, lanes)
    parts = [_by_hash(layer, key, lanes) for layer in rows.layers]
    versions: Sequence[pl.DataFrame | None] = [None] * lanes
    if rows.versions is not None:
        versions = _by_hash(rows.versions, key, lanes)
    return [
        Deduped(
            tuple(
                layer
                for part in parts
                if (layer := part[lane]).height or part is parts[0]
            ),
            versions[lane],
        )
        for lane in range(lanes)
    ]


def _slices(layers: Sequence[pl.DataFrame], lanes: int) -> list[Deduped]:
    return [
        Deduped(
            tuple(
                layer.slice(
                    start := layer.height * lane // lanes,
                    layer.height * (lane + 1) // lanes - start,
                )
                for layer in layers
            )
        )
        for lane in range(lanes)
    ]


def _by_hash(layer: pl.DataFrame, key: Sequence[str], lanes: int) -> list[pl.DataFrame]:
    lane = lane_of(layer, key, lanes)
    return [layer.filter(lane == number) for number in range(lanes)]


def lane_of(frame: pl.DataFrame, key: Sequence[str], lanes: int) -> pl.Series:
    """Return the lane of each row, from 0.

    Args:
        frame: Rows with keys without nulls.
        key: The columns that identify a row.
        lanes: How many lanes there are.
    """
    hashed = pl.Series(_LANE, [0], dtype=pl.UInt64).new_from_index(0, frame.height)
    for column in key:
        # depends on the order of the columns: (1, 2) and (2, 1) are different keys
        hashed = hashed * GOLDEN ^ _words(frame.get_column(column))
    return _scramble(hashed) % lanes


def _scramble(words: pl.Series) -> pl.Series:
    """Return words whose low bits depend on all bits (splitmix64's finalizer)."""
    for bits, multiplier in _SCRAMBLING:
        words = (words ^ (words // (1 << bits))) * multiplier
    return words ^ (words // (1 << 31))


def _words(column: pl.Series) -> pl.Series:
    """Return a 64-bit word for each value, equal for equal values of one type.

    Raises:
        SchemaMismatchError: Values of this type cannot identify a row.
    """
    dtype = column.dtype
    if dtype == pl.Boolean or (dtype.is_unsigned_integer() and dtype != pl.UInt128):
        return column.cast(pl.UInt64)
    if (dtype.is_signed_integer() and dtype != pl.Int128) or dtype.is_temporal():
        return column.to_physical().cast(pl.Int64).reinterpret(signed=False)
    if dtype in (pl.String, pl.Binary):
        return _text_words(column.cast(pl.Binary))
    if dtype.is_float():
        # 0.0 and -0.0 are the same key
        zero = pl.Series([0.0], dtype=dtype)
        column = column.zip_with(column != 0, zero).alias(column.name)
    text = write_text(pl.col(column.name), dtype)
    if text is None:
        kind = type_name(dtype)
        msg = (
            f"key column {column.name} is {kind}, which cannot identify a row: use "
            "another key (--key), or turn the column into text with a mapping"
        )
        raise SchemaMismatchError(msg)
    return _text_words(column.to_frame().select(text.cast(pl.Binary)).to_series())


def _text_words(content: pl.Series) -> pl.Series:
    """Return a hash of each text: a polynomial of its length and its 8-byte words.

    Words beyond the end of a text count as zero, so that its hash does not depend on
    the longest text of the batch.
    """
    one = content.head(1)
    if len(content) > 1 and (content == one).all():
        # all texts are equal (such as a source's name), so one hash serves for all
        return _text_words(one).new_from_index(0, len(content))
    text = pl.first()
    filler = pl.lit(bytes(WORD_BYTES - 1))
    frame = content.to_frame().select(
        text.bin.size().cast(pl.UInt64).alias("length"), (text + filler).alias("text")
    )
    longest = cast("int | None", frame.get_column("length").max()) or 0
    numbers = [
        pl.col("text")
        .bin.slice(place * WORD_BYTES, WORD_BYTES)
        .bin.reinterpret(dtype=pl.UInt64, endianness="little")
        .fill_null(0)
        .alias(str(place))
        for place in range(min(HASHED_WORDS, -(-longest // WORD_BYTES)))
    ]
    mixed, factor = frame.get_column("length"), 1
    for words in frame.select(numbers).get_columns():
        factor = factor * GOLDEN % 2**64
        mixed = mixed + _scramble(words) * factor
    return mixed
