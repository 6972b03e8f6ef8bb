"""Computes for incoming rows the hashes that PostgreSQL computes for stored ones.

The server's extended hash functions do not change from version to version, because
hash-partitioned tables depend on them. The results here are those of little-endian
machines. If a server computes other hashes, no incoming row is taken for a stored one.

Each value is hashed with a seed, which is not 0: with 0, the float 0.0 would have the
hash of a null. 64-bit integers and timestamps are hashed as the eight bytes of their
binary format (`int8send`), since the server's own hash functions for them have only 32
bits of the value.

Sources: PostgreSQL's `src/common/hashfn.c`, which is Bob Jenkins's lookup3 of 2006, and
`hash_record_extended` in `src/backend/utils/adt/rowtypes.c`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import numpy as np
import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Hashes: TypeAlias = NDArray[np.uint64]
    _Words: TypeAlias = NDArray[np.uint32]
    _Blocks: TypeAlias = NDArray[np.void]

#: The initial value of each of the three words, to which the number of bytes is added.
_START = (0x9E3779B9 + 3923095) % 2**32
#: How many bytes are mixed in at a time: three words.
_BLOCK = 12
#: The length in bytes of the longest value that is hashed: each block of the longest
#: value of a piece takes 45 µs, so a value of this length takes 30 ms.
LONGEST = 8_192
#: By how many bits words are rotated while a block is mixed in, and at the end.
_MIX_ROTATIONS = (4, 6, 8, 16, 19, 4)
_FINAL_ROTATIONS = (14, 11, 25, 16, 4, 14, 24)
#: The factor by which a row's hash is multiplied before the next column's is added.
_COLUMN_FACTOR = np.uint64(31)
#: PostgreSQL counts days and microseconds from the year 2000, Arrow from 1970.
_DAYS_BEFORE = 10_957
_MICROSECONDS_BEFORE = _DAYS_BEFORE * 86_400_000_000


class _HashState(NamedTuple):
    """The three words of the hash of each of several values, and arrays for results."""

    a: _Words
    b: _Words
    c: _Words
    rotated: _Words
    overflow: _Words

    @classmethod
    def of(cls, sizes: _Words, seed: int) -> _HashState:
        """Return the initial words of values of these sizes in bytes."""
        initial = sizes + np.uint32(_START)
        high, low = np.uint32(seed >> 32), np.uint32(seed % 2**32)
        buffers = np.empty_like(initial), np.empty_like(initial)
        state = cls(initial + high, initial + low, initial, *buffers)
        state.mix()
        return state

    @classmethod
    def of_equal_sizes(cls, size: int, count: int, seed: int) -> _HashState:
        """Return the initial words of `count` values of the same size in bytes."""
        state = cls.of(np.array([size], np.uint32), seed)
        return cls(*(np.repeat(words, count) for words in state))

    def head(self, count: int) -> _HashState:
        """Return views of the words of the first `count` values."""
        return _HashState(*(words[:count] for words in self))

    def add(self, *addends: _Words) -> None:
        """Add to the first, second and third words, as far as arguments are given."""
        for words, addend in zip(self[:3], addends, strict=False):
            np.add(words, addend, out=words)

    def add_end(self, first: _Words, second: _Words, third: _Words) -> None:
        """Add the bytes after a value's last whole block, as words.

        Bits beyond the value have to be zeros.
        """
        # the lowest byte of the third word is reserved for the size
        self.add(first, second, third << np.uint32(8))

    def rotate(self, words: _Words, by: int) -> _Words:
        """Return the words rotated left by some bits; valid until the next call."""
        np.left_shift(words, np.uint32(by), out=self.rotated)
        np.right_shift(words, np.uint32(32 - by), out=self.overflow)
        return np.bitwise_or(self.rotated, self.overflow, out=self.rotated)

    def mix(self) -> None:
        """Mix the words, after a block was added to them."""
        order = (self.a, self.b, self.c)
        for step, by in enumerate(_MIX_ROTATIONS):
            one, next_one, last = (order[(step + n) % 3] for n in range(3))
            one -= last
            one ^= self.rotate(last, by)
            last += next_one

    def hashes(self) -> Hashes:
        """Return the hashes, after everything was added; this changes the words."""
        order = (self.c, self.a, self.b)
        for step, by in enumerate(_FINAL_ROTATIONS):
            one, last = order[step % 3], order[(step + 2) % 3]
            one ^= last
            one -= self.rotate(last, by)
        return (self.b.astype(np.uint64) << np.uint64(32)) | self.c


def hash_columns(frame: pl.DataFrame, seed: int, /) -> list[Hashes]:
    """Return the hashes of each column's values, which `combine_hashes` takes.

    A value of more than `LONGEST` bytes gets a random hash, which no stored row has.

    Args:
        frame: The rows, with columns of the types in `HASHED`.
        seed: The seed, from 1 to 2⁶³ - 1.
    """
    return [_hash_column(column, seed) for column in frame.get_columns()]


def is_hashed(column: pl.Series, /) -> bool:
    """Return whether all values of a column are short enough to be hashed."""
    if column.dtype == pl.String:
        sizes = column.str.len_bytes()
    elif column.dtype == pl.Binary:
        sizes = column.bin.size()
    else:
        return True
    return cast("int", sizes.max() or 0) <= LONGEST


def combine_hashes(columns: Sequence[Hashes], /) -> Hashes:
    """Return the hashes of rows from those of their values, column by column.

    They are those of `hash_record_extended(ROW(...), SEED)`.

    Args:
        columns: The hashes of one or more columns.
    """
    hashed = columns[0].copy()
    for values in columns[1:]:
        hashed *= _COLUMN_FACTOR
        hashed += values
    return hashed


def _hash_column(column: pl.Series, seed: int) -> Hashes:
    hashed = HASHED[column.dtype](column, seed)
    if column.null_count():
        hashed[column.is_null().to_numpy()] = 0
    return hashed


def _hash_small(column: pl.Series, seed: int) -> Hashes:
    return _hash_four_bytes(_zero_filled(column).astype(np.int32), seed)


def _hash_large(column: pl.Series, seed: int) -> Hashes:
    return _hash_eight_bytes(_zero_filled(column).astype(">i8"), seed)


def _hash_dates(column: pl.Series, seed: int) -> Hashes:
    days: NDArray[np.int32] = _zero_filled(column.to_physical())
    return _hash_four_bytes(days - np.int32(_DAYS_BEFORE), seed)


def _hash_timestamps(column: pl.Series, seed: int) -> Hashes:
    microseconds: NDArray[np.int64] = _zero_filled(column.to_physical())
    timestamps = microseconds - np.int64(_MICROSECONDS_BEFORE)
    return _hash_eight_bytes(timestamps.astype(">i8"), seed)


def _hash_floats(column: pl.Series, seed: int) -> Hashes:
    numbers = _zero_filled(column).astype(np.float64)
    # all bit patterns of NaN have the same hash
    numbers[np.isnan(numbers)] = np.nan
    hashed = _hash_eight_bytes(numbers, seed)
    hashed[numbers == 0] = seed
    return hashed


def _zero_filled(column: pl.Series) -> NDArray[Any]:
    """Return the values of a column of numbers, with zeros for nulls."""
    # fill_null takes as long as hashing, even if there are no nulls
    return (column.fill_null(0) if column.null_count() else column).to_numpy()


def _hash_four_bytes(numbers: NDArray[np.int32], seed: int) -> Hashes:
    state = _HashState.of_equal_sizes(4, len(numbers), seed)
    state.add(numbers.view(np.uint32))
    return state.hashes()


def _hash_eight_bytes(numbers: NDArray[np.generic], seed: int) -> Hashes:
    words = numbers.view("<u4").reshape(-1, 2)
    state = _HashState.of_equal_sizes(8, len(words), seed)
    state.add(words[:, 0], words[:, 1])
    return state.hashes()


def _hash_bytes(column: pl.Series, seed: int) -> Hashes:
    views = _views(column)
    longer = np.flatnonzero(views[:, 0] >= _BLOCK)
    if len(longer) == len(views):
        return _hash_blocks(column, seed)
    hashed = _hash_views(views, seed)
    if len(longer):
        hashed[longer] = _hash_blocks(column.gather(longer), seed)
    return hashed


def _views(column: pl.Series) -> _Words:
    """Return the Arrow views of a column's values, of four words each.

    The first word is the number of bytes. For a value of up to twelve bytes, the others
    are these bytes, padded with zeros, in the form in which they are mixed in.
    """
    values = column.to_arrow(compat_level=pl.CompatLevel.newest())
    _, views, *_ = values.buffers()
    words = np.frombuffer(views, "<u4", 4 * len(values), 16 * values.offset)
    return words.reshape(-1, 4)


def _hash_views(views: _Words, seed: int) -> Hashes:
    """Return the hashes of values shorter than a block, from their views."""
    sizes, *ends = views.T
    state = _HashState.of(sizes, seed)
    state.add_end(*ends)
    return state.hashes()


def _hash_blocks(column: pl.Series, seed: int) -> Hashes:
    """Return the hashes of values of any size; those too long get a random number."""
    begins, sizes, blocks_at = _memory_layout(column)
    is_long = sizes > LONGEST
    sizes = np.where(is_long, 0, sizes)
    blocks = sizes // _BLOCK
    most = int(blocks.max(initial=0))
    # values with the most blocks first, so that each step is on a head of the arrays
    order = np.argsort(most - blocks, kind="stable")
    begins, sizes = begins[order], sizes[order]
    longer = len(sizes) - np.cumsum(np.bincount(blocks, minlength=most + 1))
    state = _HashState.of(sizes.astype(np.uint32), seed)
    for count in longer[:most]:
        part = state.head(count)
        firsts = begins[:count]
        part.add(*_words_of(blocks_at[firsts]))
        part.mix()
        firsts += _BLOCK
    state.add_end(*(_words_of(blocks_at[begins]) & _ENDS[:, sizes % _BLOCK]))
    hashed = np.empty(len(sizes), np.uint64)
    hashed[order] = state.hashes()
    hashed[is_long] = secrets.randbits(64)
    return hashed


def _words_of(blocks: _Blocks) -> _Words:
    """Return the three words of each block, as the rows of an array."""
    return blocks.view("<u4").reshape(-1, 3).T


#: For each of the last three words of a value, the mask of the bits that belong to it,
#: by the number of bytes left after the last whole block.
_ENDS = np.array(
    [
        [2 ** (8 * min(4, max(0, left - place))) - 1 for left in range(_BLOCK)]
        for place in (0, 4, 8)
    ],
    np.uint32,
)


def _memory_layout(
    column: pl.Series,
) -> tuple[NDArray[np.int64], NDArray[np.int64], _Blocks]:
    """Return where each value begins, its size in bytes, and the block at each byte."""
    values = column.cast(pl.Binary).to_arrow(compat_level=pl.CompatLevel.oldest())
    values = cast("pa.LargeBinaryArray", values.cast(pa.large_binary()))
    _, offsets, content = values.buffers()
    count, shift = len(values), values.offset
    starts = np.frombuffer(offsets, np.int64, count + 1, 8 * shift)
    # padded, because the block after the last byte is read as well
    buffer = np.zeros(int(starts[-1] - starts[0]) + _BLOCK, np.uint8)
    if content is not None:
        buffer[:-_BLOCK] = np.frombuffer(content, np.uint8)[starts[0] : starts[-1]]
    blocks: _Blocks = np.ndarray(
        (len(buffer) - _BLOCK + 1,), "V12", buffer, strides=(1,)
    )
    return starts[:-1] - starts[0], np.diff(starts), blocks


#: The function that hashes a column's values, by its type.
HASHED: Mapping[pl.DataType, Callable[[pl.Series, int], Hashes]] = {
    pl.Boolean(): _hash_small,
    pl.Int16(): _hash_small,
    pl.Int32(): _hash_small,
    pl.Int64(): _hash_large,
    pl.Float32(): _hash_floats,
    pl.Float64(): _hash_floats,
    pl.Date(): _hash_dates,
    pl.Datetime("us"): _hash_timestamps,
    pl.Datetime("us", "UTC"): _hash_timestamps,
    pl.String(): _hash_bytes,
    pl.Binary(): _hash_bytes,
}
