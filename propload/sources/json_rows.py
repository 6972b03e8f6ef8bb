"""Rows of JSON: a line each, one array, or objects one after the other."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from propload.batch import CREATED_AS
from propload.errors import SourceError
from propload.sources.chunking import CUT, MAX_ROW_BYTES, Chunks
from propload.sources.decoding import to_utf8
from propload.sources.items import RowBatches
from propload.sources.json_text import (
    Decoder,
    NoRow,
    decode_list,
    decode_value,
    explain,
)
from propload.sources.source import KEPT_BYTES, located, noted
from propload.values import as_text
from propload.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from propload.batch import Batch
    from propload.options import SourceOptions

#: The reading options that JSON heeds.
TAKES = frozenset({"encoding"})
#: Between values; commas too, since arrays are read value by value.
BETWEEN = re.compile(r"[\s,]*")
#: The longest word that is no string (`-Infinity`) or escape: a fault so near the end
#: may be for lack of what follows.
CUT_CHARACTERS = 16


def read_json(
    blocks: Iterator[bytes], name: str, options: SourceOptions, *, lines: bool
) -> Iterator[Batch]:
    """Yield the rows of a JSON text.

    Args:
        blocks: The bytes of the text.
        name: What messages call it.
        options: How much goes into one batch.
        lines: Whether each line is a value, so that a broken one costs one row.

    Raises:
        SourceError: It is empty, cut short or broken; rows before the place were
            yielded.
    """
    notes: list[str] = []
    text = to_utf8(blocks, name, options.encoding, notes)
    yield from noted(_read_text(text, name, options, lines=lines), notes)


def _doubt_single(rows: pa.RecordBatch, name: str) -> str:
    """Return where the rows may be that a file's only row holds, or nothing."""
    for column in rows.schema:
        if (column.metadata or {}).get(CREATED_AS) != b"jsonb":
            continue
        value = json.loads(rows.column(column.name)[0].as_py())
        inner = value.items() if isinstance(value, dict) else []
        paths = [([column.name], value), *(([column.name, n], v) for n, v in inner)]
        for path, found in paths:
            if found and isinstance(found, list) and isinstance(found[0], dict):
                within = "".join(f"[{json.dumps(one)}]" for one in path)
                return (
                    f"{name} is one row, in which {'.'.join(path)} holds "
                    f"{counted(len(found), 'object')}. If these are the rows, load "
                    f"them alone: jq -c '.{within}[]' FILE | propload ingest - "
                    f"--format ndjson, or propload.ingest(json.load(file){within})"
                )
    return ""


def _read_text(
    text: Iterator[bytes], name: str, options: SourceOptions, *, lines: bool
) -> Iterator[Batch]:
    maker = RowBatches(name, options)
    try:
        if lines:
            yield from _read_lines(Chunks(text, options.chunk_bytes), maker)
        else:
            for value in _values(text):
                if _add(value, maker):
                    yield from maker.flush()
    except SourceError as error:
        yield from maker.flush()
        raise located(error, name, maker.rows_read) from error
    for batch in maker.flush():
        is_single = maker.rows_read == 1 and batch.rows.num_rows == 1
        doubt = _doubt_single(batch.rows, name) if is_single else ""
        yield replace(batch, notes=(doubt,)) if doubt else batch
    if not maker.rows_read:
        msg = f"{name} is empty: it holds no rows"
        raise SourceError(msg, source=name)
    if maker.rows_read == maker.rows_refused:
        msg = (
            f"{name} holds no row of JSON: {maker.complaint}. "
            "If its format is another one, say so (--format)"
        )
        raise SourceError(msg, source=name)


def _read_lines(chunks: Chunks, maker: RowBatches) -> Iterator[Batch]:
    line = 1
    for chunk in chunks:
        if chunk.overlong:
            shown = chunk.text[:KEPT_BYTES].decode("utf-8", "backslashreplace")
            message = f"line {line}: it is longer than {MAX_ROW_BYTES >> 20} MiB"
            maker.skip(f"{shown}…", "too_long", message)
            chunks.drop_line()
            line += 1
            continue
        end = len(chunk.text) if chunk.final else chunk.text.rfind(b"\n") + 1
        text = chunk.text[:end].split(b"\n")
        rows = _decode_at_once([entry for entry in text if entry.strip()])
        if rows is None:
            yield from _decode_apart(text, line, maker, final=chunk.final)
        else:
            for row in rows:
                if maker.add_own(row):
                    yield from maker.flush()
        line += len(text) - 1
        chunks.take(end)
        if chunk.paused:
            yield from maker.flush()
    if chunks.error:
        raise chunks.error


def _decode_at_once(lines: list[bytes]) -> list[dict[str, Any]] | None:
    """Return the rows of lines that are one object each, else None.

    One call for all lines takes less than half the time of a call for each.
    """
    try:
        rows = decode_list(b",".join(lines))
    except (ValueError, RecursionError):
        return None
    if len(rows) != len(lines) or not all(type(row) is dict for row in rows):
        return None
    return rows


def _decode_apart(
    lines: list[bytes], first_line: int, maker: RowBatches, *, final: bool
) -> Iterator[Batch]:
    last = first_line + len(lines) - 1
    for number, text in enumerate(lines, first_line):
        if not text.strip():
            continue
        try:
            shown = text.decode()
        except UnicodeDecodeError as error:
            shown = text.decode("utf-8", "backslashreplace")
            message = f"line {number}: its text cannot be decoded: {error.reason}"
            maker.skip(shown, "encoding", message)
            continue
        found = decode_value(shown)
        if final and number == last and isinstance(found, NoRow):
            found = replace(found, why=f"{found.why}; {CUT}")
        if _add(found, maker, f"line {number}: "):
            yield from maker.flush()


def _add(found: object, maker: RowBatches, where: str = "") -> bool:
    """Hand a decoded value on, and return whether a batch is due."""
    if type(found) is dict and found:
        return maker.add_own(found)
    if not isinstance(found, NoRow):
        found = NoRow(_written(found), "item", f"{_kind(found)} is no row")
    maker.skip(found.text, found.check, where + found.why)
    return False


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "an empty object" if value == {} else _written(value)


def _written(value: object) -> str:
    """Return a decoded value as JSON, its long numbers with all their digits."""
    if value is None or isinstance(value, str):
        return json.dumps(value)
    # of a pair of surrogates one may be missing, which no file of rejects can hold
    return as_text(value).encode("utf-8", "backslashreplace").decode()


def _values(blocks: Iterator[bytes]) -> Iterator[Any]:
    """Yield the values of an array, or of a text of values, one by one."""
    window = _Window(blocks)
    try:
        for _ in _decode_each(window):
            yield from window.settled()
    except SourceError:
        window.settle()
        yield from window.settled()
        raise
    window.settle()
    yield from window.settled()


def _decode_each(window: _Window) -> Iterator[None]:
    """Decode the values of a text; yield after each."""
    window.skip_between()
    in_array = window.ahead() == "["
    if in_array:
        window.place += 1
    while True:
        window.skip_between()
        ahead = window.ahead()
        if ahead == "":
            if in_array:
                msg = "the JSON array is cut short: fetch the file again"
                raise SourceError(msg)
            return
        if in_array and ahead == "]":
            window.place += 1
            _refuse_more(window)
            return
        window.decode()
        yield


def _refuse_more(window: _Window) -> None:
    window.skip_between()
    if window.ahead():
        msg = "there is more after the JSON array's end"
        raise SourceError(msg)


class _Window:
    """A part of a text that moves on as values are decoded.

    Values are settled before it moves: it is looked whether all of them were taken
    from the text without a loss, which one by one would take half as long again.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.place = 0
        self._blocks = blocks
        self._to_text = codecs.getincrementaldecoder("utf-8")().decode
        self._decoder = Decoder("")
        self._text = ""
        self._ended = False
        self._found: list[Any] = []
        self._spans: list[tuple[int, int]] = []
        self._settled: list[Any] = []

    def ahead(self) -> str:
        """Return the next character, or nothing at the end."""
        return self._text[self.place : self.place + 1]

    def skip_between(self) -> None:
        """Go to where the next value begins."""
        while True:
            match = BETWEEN.match(self._text, self.place)
            self.place = match.end() if match else self.place
            if self.place < len(self._text) or self._ended:
                return
            self._read_on()

    def decode(self) -> None:
        """Take the value that begins here, and go behind it."""
        while True:
            try:
                value, end = self._decoder.decode(self._text, self.place)
            except (ValueError, RecursionError) as error:
                if self._ended or not self._may_be_cut(error):
                    msg = f"the next value is cut short or no JSON: {explain(error)}"
                    raise SourceError(msg) from error
            else:
                if end < len(self._text) or self._ended:
                    self._found.append(value)
                    self._spans.append((self.place, end))
                    self.place = end
                    return
            self._read_on()

    def settle(self) -> None:
        """Look at the values that were decoded; those at fault become refused ones."""
        if not self._found:
            return
        taken = self._text[self._spans[0][0] : self._spans[-1][1]]
        if self._decoder.has_lost(taken.encode()):
            texts = (self._text[start:end] for start, end in self._spans)
            self._found = [decode_value(text) for text in texts]
        self._settled += self._found
        self._found, self._spans = [], []

    def settled(self) -> list[Any]:
        """Return the values that were settled since the last time."""
        found, self._settled = self._settled, []
        return found

    def _may_be_cut(self, error: Exception) -> bool:
        if not isinstance(error, json.JSONDecodeError):
            return False
        near_end = error.pos >= len(self._text) - CUT_CHARACTERS
        return near_end or error.msg.startswith("Unterminated string")

    def _read_on(self) -> None:
        """Drop what was decoded and read as much again as is left, or a block."""
        self.settle()
        self._text = self._text[self.place :]
        self.place = 0
        wanted = 2 * len(self._text)
        if wanted > 2 * MAX_ROW_BYTES:
            msg = f"the next value is longer than {MAX_ROW_BYTES >> 20} MiB"
            raise SourceError(msg)
        parts, size = [self._text], len(self._text)
        while not self._ended and (size < wanted or not size):
            block = next(self._blocks, None)
            self._ended = block is None
            parts.append(self._decoded(block or b"", final=block is None))
            size += len(parts[-1])
        self._text = "".join(parts)
        self._decoder = Decoder(self._text)

    def _decoded(self, block: bytes, *, final: bool) -> str:
        try:
            return self._to_text(block, final)
        except UnicodeDecodeError as error:
            msg = f"its text cannot be decoded: {error.reason}; set the encoding"
            raise SourceError(msg) from error
