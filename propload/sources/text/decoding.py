"""Converts text of any encoding to UTF-8, block by block."""

from __future__ import annotations

import codecs
import re
from itertools import chain
from typing import TYPE_CHECKING

import charset_normalizer

from propload.errors import ConfigError, SourceError
from propload.sources.blocks import peek

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # before UTF-16, whose mark is the first half of this one
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Guessing an encoding from more text than this takes seconds and is no better.
GUESSED_BYTES = 16 << 10
UNORDERED = ("utf-16", "utf-32")
#: Bytes at the beginning of a text by which its encoding is detected.
HEAD_BYTES = 64 << 10
#: The legacy encoding of Western Europe; browsers use it for "latin-1" as well.
LEGACY = "cp1252"
BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")

#: Control characters that do not occur in text.
BINARY_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a\x1b"))
#: A tenth of random bytes are control characters; text has none, or a stray NUL.
BINARY_SHARE = 0.02
#: With more control characters than this, bytes are not text in any encoding.
CERTAIN_SHARE = 0.30


def to_utf8(
    blocks: Iterator[bytes], name: str, encoding: str | None, notes: list[str]
) -> Iterator[bytes]:
    """Yield text as UTF-8 without a byte order mark.

    Bytes that cannot be decoded are yielded as bytes that are not valid UTF-8, so that
    only the row that holds them is refused.

    Args:
        blocks: The bytes of the text.
        name: Its name in messages.
        encoding: Its encoding, or None to detect it.
        notes: A note is appended to it if the encoding was guessed.

    Raises:
        ConfigError: There is no such encoding.
        SourceError: The bytes are not text.
    """
    head, blocks = peek(blocks, HEAD_BYTES)
    mark, marked_encoding = _byte_order_mark(head)
    encoding = marked_encoding or _with_order(encoding, head)
    if not (encoding or "").startswith(UNORDERED):
        _refuse_binary(head[:HEAD_BYTES], name)
    blocks = _strip_mark(mark, blocks)
    if encoding is None:
        # encodings differ only beyond ASCII, and the first accent may come late
        for block in blocks:
            if not block.isascii():
                blocks = chain([block], blocks)
                break
            yield block
        sample, blocks = peek(blocks, HEAD_BYTES)
        encoding = guess_encoding(sample)
        if encoding != "utf-8":
            notes.append(
                f"{name} is not UTF-8: it was read as {encoding}, which is "
                "a guess. If letters come out wrong, use --encoding NAME "
                "(encoding = NAME): cp1252, cp1250, iso8859-15, ..."
            )
    yield from _transcode(blocks, name, encoding)


def _byte_order_mark(head: bytes) -> tuple[bytes, str | None]:
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return mark, encoding
    return b"", None


def _with_order(encoding: str | None, head: bytes) -> str | None:
    """Return the encoding, little-endian if it leaves the byte order open.

    If it is None, return UTF-16 if that is detected, else None.
    """
    if encoding is None:
        return _wide_encoding(head)
    codec = _codec_of(encoding).name
    return f"{codec}-le" if codec in UNORDERED else encoding


def _strip_mark(mark: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    return chain([first[len(mark) :]], blocks)


def _wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 if about every other byte is zero, as in Western text, or None."""
    sample = head[: HEAD_BYTES & ~1]
    pairs = len(sample) // 2
    if pairs < 2:
        return None
    even, odd = sample[0::2].count(0) / pairs, sample[1::2].count(0) / pairs
    if odd > 0.5 and even < 0.05:
        return "utf-16-le"
    if even > 0.5 and odd < 0.05:
        return "utf-16-be"
    return None


def _refuse_binary(sample: bytes, name: str) -> None:
    controls = len(sample) - len(sample.translate(None, BINARY_CONTROLS))
    share = controls / max(1, len(sample))
    if share > CERTAIN_SHARE or (share > BINARY_SHARE and not _seems_utf8(sample)):
        msg = f"{name} holds binary data, not text: check the file or set its format"
        raise SourceError(msg, source=name)


def _seems_utf8(sample: bytes) -> bool:
    """Return whether at least half of the characters beyond ASCII are valid UTF-8."""
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if broken and sample[-1:] > b"\x7f":
        # the sample may end in the middle of a character
        broken -= 1
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return beyond_ascii - text.count("\ufffd") >= broken


def guess_encoding(block: bytes) -> str:
    """Return the encoding of text that is neither UTF-16 nor UTF-32.

    Args:
        block: Some of its bytes, including some beyond ASCII.
    """
    if _seems_utf8(block):
        return "utf-8"
    lines = [line for line in block.splitlines() if not line.isascii()]
    sample = b"\n".join(lines)[:GUESSED_BYTES]
    if _is_western(sample):
        return LEGACY
    for match in charset_normalizer.from_bytes(sample):
        if not match.encoding.startswith("utf_"):
            return LEGACY if match.encoding == "latin_1" else match.encoding
    return LEGACY


def _is_western(sample: bytes) -> bool:
    """Return whether most bytes beyond ASCII stand alone, as accented letters do.

    In other alphabets whole words are beyond ASCII. Letter statistics can tell those
    apart, but not the accents of one Western country from those of another.
    """
    runs = [*map(len, BEYOND_ASCII.findall(sample))]
    return sum(run for run in runs if run > 1) * 2 < sum(runs)


def _transcode(blocks: Iterator[bytes], name: str, encoding: str) -> Iterator[bytes]:
    codec = _codec_of(encoding)
    if codec.name == "utf-8":
        yield from blocks
        return
    is_wide = codec.name.startswith(UNORDERED)
    decoder = codec.incrementaldecoder(
        "surrogatepass" if is_wide else "surrogateescape"
    )
    try:
        for block in blocks:
            yield decoder.decode(block).encode("utf-8", "surrogatepass")
        if rest := decoder.decode(b"", final=True):
            yield rest.encode("utf-8", "surrogatepass")
    except UnicodeError as error:
        msg = f"{name} is not {encoding} or is cut short: {error}"
        raise SourceError(msg, source=name) from error


def _codec_of(encoding: str) -> codecs.CodecInfo:
    """Return the codec of an encoding.

    Raises:
        ConfigError: There is no encoding of that name.
    """
    try:
        return codecs.lookup("utf-8" if encoding == "utf-8-sig" else encoding)
    except LookupError as error:
        msg = f"encoding {encoding!r} is unknown: give utf-8, utf-16, cp1252, ..."
        raise ConfigError(msg) from error
