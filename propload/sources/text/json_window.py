"""Reads a JSON text value by value, wherever its blocks of bytes are cut."""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, Any

from propload.errors import SourceError
from propload.sources.blocks import PAUSE
from propload.sources.source import KEPT_BYTES
from propload.sources.text.chunking import MAX_ROW_BYTES, PARSED_BYTES
from propload.sources.text.json_text import Decoder, InvalidRow, decode_value, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

#: What is between values: commas as well, as lists and objects are read value by value.
BETWEEN = re.compile(r"[\s,]*")
_TEXT = r'[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"'
_NESTED = rf"[\[{{](?:{_TEXT})*+[\]}}]"
_NESTED_TWICE = rf"[\[{{](?:{_TEXT}|{_NESTED})*+[\]}}]"
#: The content of an object or list up to the next bracket, or to a string that is cut
#: off. Whole rows with lists in them are matched at once: going from bracket to bracket
#: takes twice as long.
UP_TO_BRACKET = re.compile(rf"(?:{_TEXT}|{_NESTED_TWICE})*+", re.DOTALL)
#: All that is left of the text after a number that may continue in the next block.
CUT_NUMBER = re.compile(r"(?:\.|[eE][-+]?)?")
#: Between two objects of a list.
_BETWEEN_OBJECTS = re.compile(r"\}\s*,\s*\{")
#: No literal (`-Infinity`) or escape is longer: a fault this close to the end of the
#: text may only mean that the rest of one is in the next block.
CUT_CHARACTERS = 16


class Window:
    """A part of a text that moves on as values are decoded or skipped.

    Values are checked before it moves: all together, for losses in decoding.
    Checking them one by one would take half as long again.

    Args:
        blocks: The text as UTF-8, in blocks of any size.
        chunk_bytes: Bytes that are read together, up to `PARSED_BYTES`.
    """

    def __init__(self, blocks: Iterator[bytes], chunk_bytes: int = 0) -> None:
        self._blocks = blocks
        self._chunk_bytes = min(chunk_bytes, PARSED_BYTES)
        self._to_text = codecs.getincrementaldecoder("utf-8")().decode
        self._decoder: Decoder | None = None
        self._text = ""
        self._place = 0
        self._dropped = 0
        self._ended = False
        self._decoded: list[Any] = []
        self._spans: list[tuple[int, int]] = []
        self._is_noncontiguous = False
        self._checked: list[Any] = []
        #: Where the text ended that `take_objects` was given last.
        self._parsed_end = 0

    def peek(self) -> str:
        """Move to the next value or closing bracket, and return its first character.

        At the end, an empty text is returned.
        """
        while True:
            match = BETWEEN.match(self._text, self._place)
            self._place = match.end() if match else self._place
            if self._place < len(self._text) or self._ended:
                return self._text[self._place : self._place + 1]
            self._read_more()

    def elements(self) -> Iterator[None]:
        """Yield at the beginning of each element of the list here; end behind it."""
        self._place += 1
        while not self._is_at("]"):
            yield
        self._place += 1

    def members(self) -> Iterator[str]:
        """Yield each name of the object here, at its value; end behind the object."""
        self._place += 1
        while not self._is_at("}"):
            self._require('"', "Expecting property name enclosed in double quotes")
            name = self.take()
            self._require(":", "Expecting ':' delimiter")
            self._place += 1
            yield name
        self._place += 1

    def decode(self) -> None:
        """Decode the value that begins here, keep it as a row, and move past it."""
        value, end = self._decode()
        self._decoded.append(value)
        self._spans.append((self._place, end))
        self._place = end

    @property
    def has_new_objects(self) -> bool:
        """Whether more was read since `take_objects` was called last."""
        return self._dropped + len(self._text) > self._parsed_end

    def take_objects(
        self, parse: Callable[[bytes, int], pa.RecordBatch | None]
    ) -> pa.RecordBatch | None:
        """Return the objects that begin here as columns, and move past them.

        These are all that the text read so far holds as a whole. The values decoded
        before must have been checked.

        Args:
            parse: Returns as columns a text of so many objects, or None if they have
                to be decoded one by one.
        """
        self._parsed_end = self._dropped + len(self._text)
        between = _BETWEEN_OBJECTS.search(self._text, self._place)
        if between is None:
            return None
        end = self._text.rfind(between[0], self._place) + 1
        # a string that holds the like gets a line end, which the parser refuses
        objects = self._text[self._place : end].replace(between[0], "}\n{")
        count = self._text.count(between[0], self._place, end) + 1
        columns = parse(objects.encode(), count)
        if columns is not None:
            self._place = end
        return columns

    def take(self) -> Any:
        """Return the value that begins here without keeping it, and move past it."""
        value, self._place = self._decode()
        self._is_noncontiguous = bool(self._decoded)
        return value

    def skip(self) -> None:
        """Move past the value that begins here, however long a list or object is."""
        if self.peek() not in ("[", "{"):
            self.take()
            return
        self._is_noncontiguous = bool(self._decoded)
        self._place += 1
        depth = 1
        while depth:
            match = UP_TO_BRACKET.match(self._text, self._place)
            self._place = match.end() if match else self._place
            bracket = self._text[self._place : self._place + 1]
            if bracket in ("", '"'):
                self._require_more()
                self._read_more()
                continue
            self._place += 1
            depth += 1 if bracket in "[{" else -1

    def mark(self) -> tuple[int, str]:
        """Return the current place, as `text_since` takes it."""
        shown = self._text[self._place : self._place + KEPT_BYTES]
        return self._dropped + self._place, shown

    def text_since(self, start: tuple[int, str]) -> str:
        """Return the text from a place up to here; only the beginning of a long one."""
        place, shown = start
        length = self._dropped + self._place - place
        return shown[:length] if length <= len(shown) else f"{shown}…"

    def refuse(self, row: InvalidRow) -> None:
        """Add the refusal of a value that is not a row, after the values before it."""
        self.check_decoded()
        self._checked.append(row)

    def check_decoded(self) -> None:
        """Check the values decoded since the last time; faulty ones become refusals."""
        if not self._decoded:
            return
        if self._decoder and self._decoder.was_lossy(self._decoded_text().encode()):
            texts = (self._text[start:end] for start, end in self._spans)
            self._decoded = [decode_value(text) for text in texts]
        self._checked += self._decoded
        self._decoded, self._spans, self._is_noncontiguous = [], [], False

    def pop_checked(self) -> list[Any]:
        """Return the values that were checked since the last call."""
        checked, self._checked = self._checked, []
        return checked

    def _decoded_text(self) -> str:
        if self._is_noncontiguous:
            return ",".join(self._text[start:end] for start, end in self._spans)
        return self._text[self._spans[0][0] : self._spans[-1][1]]

    def _decode(self) -> tuple[Any, int]:
        """Return the value that begins here, and where it ends."""
        while True:
            if self._decoder is None:
                self._decoder = Decoder(self._text)
            try:
                value, end = self._decoder.decode(self._text, self._place)
            except (ValueError, RecursionError) as error:
                if self._ended or not self._may_be_cut(error):
                    raise _json_error(error) from error
            else:
                if self._ended or not CUT_NUMBER.fullmatch(self._text, end):
                    return value, end
            self._read_more()

    def _may_be_cut(self, error: Exception) -> bool:
        if not isinstance(error, json.JSONDecodeError):
            return False
        near_end = error.pos >= len(self._text) - CUT_CHARACTERS
        return near_end or error.msg.startswith("Unterminated string")

    def _is_at(self, closing: str) -> bool:
        next_char = self.peek()
        if not next_char:
            self._require_more("array" if closing == "]" else "object")
        return next_char == closing

    def _require(self, mark: str, complaint: str) -> None:
        if self.peek() != mark:
            error = json.JSONDecodeError(complaint, self._text, self._place)
            raise _json_error(error)

    def _require_more(self, kind: str = "object") -> None:
        if self._ended:
            msg = f"the JSON {kind} is cut short: fetch the file again"
            raise SourceError(msg)

    def _read_more(self) -> None:
        """Drop the text before this place, and read as much again as is left.

        At least one block is read unless the text has ended, and no more at a pause.
        """
        self.check_decoded()
        self._text = self._text[self._place :]
        self._dropped += self._place
        self._place = 0
        if len(self._text) > MAX_ROW_BYTES:
            msg = f"the next value is longer than {MAX_ROW_BYTES >> 20} MiB"
            raise SourceError(msg)
        wanted = max(self._chunk_bytes, 2 * len(self._text))
        parts, size = [self._text], len(self._text)
        while not self._ended and (size < wanted or not size):
            block = next(self._blocks, None)
            if block == PAUSE and size:
                break
            self._ended = block is None
            parts.append(self._decode_bytes(block or b"", final=block is None))
            size += len(parts[-1])
        self._text = "".join(parts)
        # made when a value is decoded: skipped text needs none
        self._decoder = None

    def _decode_bytes(self, block: bytes, *, final: bool) -> str:
        try:
            return self._to_text(block, final)
        except UnicodeDecodeError as error:
            msg = f"its text cannot be decoded: {error.reason}; set the encoding"
            raise SourceError(msg) from error


def _json_error(error: Exception) -> SourceError:
    return SourceError(f"the next value is cut short or not JSON: {explain(error)}")
