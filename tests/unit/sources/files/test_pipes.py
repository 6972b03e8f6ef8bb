from __future__ import annotations

import gzip
import io
import os
import sys
import threading
import types
import zipfile

import polars as pl
import pytest

from propload.options import SourceOptions
from propload.sources import open_source
from propload.sources.files import pipes
from propload.sources.text import chunking

pytestmark = pytest.mark.timeout(120)

HEADER = "naam,prijs\n"
CSV = {"format": "csv"}
NDJSON = {"format": "ndjson"}


class Producer:
    """Writes parts into stdin's pipe, and waits after each until its rows were read.

    Attributes:
        waits: For each wait, whether the rows were read before it timed out.
    """

    def __init__(self, pipe, parts):
        self.waits = []
        self._seen = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._write, args=(pipe, parts))
        self._thread.start()

    def go_on(self):
        self._seen.release()

    def join(self):
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _write(self, pipe, parts):
        with pipe:
            for part, rows in parts:
                pipe.write(part.encode() if isinstance(part, str) else part)
                if rows and all(self.waits):
                    self.waits.append(self._seen.acquire(timeout=20))


@pytest.fixture
def pipe(monkeypatch):
    """Make stdin a pipe, and return the end to write to."""
    monkeypatch.setattr(pipes, "FLUSH_SECONDS", 0.02)
    read_descriptor, write_descriptor = os.pipe()
    with (
        os.fdopen(read_descriptor, "rb") as stdin,
        os.fdopen(write_descriptor, "wb", 0) as write_end,
    ):
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stdin))
        yield write_end


def read_while_open(pipe, parts, **options):
    """Return the batches of a pipe whose producer waits until its rows were read.

    `parts` are texts, each with the number of rows to be read before the next is
    written.
    """
    producer = Producer(pipe, parts)
    awaited = [rows for _, rows in parts if rows]
    batches = []
    for batch in open_source("-", SourceOptions(**options)):
        batches.append(batch)
        while awaited and sum(one.rows.num_rows for one in batches) >= awaited[0]:
            awaited.pop(0)
            producer.go_on()
    producer.join()
    assert producer.waits == [True] * sum(bool(rows) for _, rows in parts)
    return batches


def tuples_of(batches):
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    return [tuple(row.values()) for row in rows]


def test_csv_rows_are_passed_on_while_the_producer_waits(pipe):
    parts = [(HEADER + "Ede,1\n", 1), ("Urk,2\nGoes,3\n", 3), ("Ee,4", 0)]
    batches = read_while_open(pipe, parts, **CSV)
    assert [batch.first_row for batch in batches[:2]] == [1, 2]
    rows = [("Ede", "1"), ("Urk", "2"), ("Goes", "3"), ("Ee", "4")]
    assert tuples_of(batches) == rows


@pytest.mark.parametrize("options", [NDJSON, {}])
def test_ndjson_rows_are_passed_on_while_the_producer_waits(pipe, options):
    parts = [('{"n": 1}\n', 1), ('{"n": 2}\n{"n": 3}\n', 3), ('{"n": 4}', 0)]
    batches = read_while_open(pipe, parts, **options)
    assert [batch.first_row for batch in batches[:2]] == [1, 2]
    assert tuples_of(batches) == [(1,), (2,), (3,), (4,)]


def test_pipe_may_end_without_a_row_after_a_pause(pipe):
    assert tuples_of(read_while_open(pipe, [('{"n": 1}\n', 1)], **NDJSON)) == [(1,)]


@pytest.mark.parametrize("options", [{}, {"encoding": "utf-8"}])
def test_csv_row_and_character_split_by_a_pause_are_read_whole(pipe, options):
    beginning, ending = 'Ede,1\n"Súdwest-'.encode(), "Fryslân\nen meer é".encode()
    parts = [
        (HEADER.encode() + beginning, 1),
        (ending[:-1], 0),
        (ending[-1:] + b'",2\nUrk,3\n', 3),
    ]
    batches = read_while_open(pipe, parts, **CSV, **options)
    rows = [("Ede", "1"), ("Súdwest-Fryslân\nen meer é", "2"), ("Urk", "3")]
    assert tuples_of(batches) == rows
    assert not any(batch.unread for batch in batches)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_encoding_is_detected_if_first_accent_follows_a_pause(pipe, encoding):
    text = f"{HEADER}Ede,1\nSúdwest,2\n".encode(encoding)
    cut = text.index(b"dwest")
    parts = [(text[:cut], 1), (text[cut:], 2)]
    assert tuples_of(read_while_open(pipe, parts)) == [("Ede", "1"), ("Súdwest", "2")]


def test_json_object_and_character_split_by_a_pause_are_read_whole(pipe):
    text = '{"n": "Ede"}\n{"n": "Fryslân"}\n{"n": "Urk"}\n'.encode()
    cut = text.index("â".encode()) + 1
    batches = read_while_open(pipe, [(text[:cut], 1), (text[cut:], 3)], **NDJSON)
    assert tuples_of(batches) == [("Ede",), ("Fryslân",), ("Urk",)]


def test_header_split_by_pauses_is_read_whole(pipe, monkeypatch):
    # with no wait, every read is followed by a pause
    monkeypatch.setattr(pipes, "FLUSH_SECONDS", 0.0)
    parts = [("na", 0), ("am;prijs\n", 0), ('"Ed', 0), ("e\n", 0), ('";1\n', 1)]
    batches = read_while_open(pipe, [*parts, ("Urk;2\n", 2)], **CSV)
    assert batches[0].rows.schema.names == ["naam", "prijs"]
    assert tuples_of(batches) == [("Ede\n", "1"), ("Urk", "2")]


@pytest.mark.parametrize("format_name", ["csv", "ndjson"])
def test_no_row_is_held_back_after_full_blocks(pipe, monkeypatch, format_name):
    for module in (pipes, chunking):
        monkeypatch.setattr(module, "BLOCK_BYTES", 32)
    lines = [
        f"{n},text" if format_name == "csv" else f'{{"n": {n}}}' for n in range(100)
    ]
    head = "n,text\n" if format_name == "csv" else ""
    parts = [(head + "\n".join(lines) + "\n", 100), (f"{lines[0]}\n", 101)]
    batches = read_while_open(pipe, parts, format=format_name, chunk_bytes=48)
    assert [int(row[0]) for row in tuples_of(batches)] == [*range(100), 0]


def test_bad_row_is_rejected_before_the_pipe_ends(pipe):
    parts = [(HEADER + 'Ede,1\n5" hout,2\nUrk,3,4\n', 2), ("Goes,5\n", 3)]
    batches = read_while_open(pipe, parts, **CSV)
    assert tuples_of(batches) == [("Ede", "1"), ('5" hout', "2"), ("Goes", "5")]
    assert [f.check for batch in batches for f in batch.unread] == ["ragged"]


def test_bytes_already_buffered_by_stdin_are_read_first(pipe):
    pipe.write(f"a line before\n{HEADER}Ede,1\n".encode())
    assert sys.stdin.buffer.readline() == b"a line before\n"
    batches = read_while_open(pipe, [("Urk,2\n", 2)], **CSV)
    assert tuples_of(batches) == [("Ede", "1"), ("Urk", "2")]


def csv_with_every_difficulty():
    lines = ["naam,prijs,opmerking", "Ede,1,", '"Súdwest-\nFryslân",2,"zei ""ja"""']
    lines += ['5" hout,3,x', "te,veel,velden,4", '"open"x,5,y', "", "Goes,6,\tz"]
    return "\n".join(lines * 3).encode()


def content_of(kind):
    frame = pl.DataFrame({"n": range(50), "text": ["één\n"] * 50})
    output = io.BytesIO()
    if kind == "parquet":
        frame.write_parquet(output)
    elif kind == "zip":
        with zipfile.ZipFile(output, "w") as archive:
            archive.writestr("rows.csv", csv_with_every_difficulty())
    elif kind == "csv.gz":
        # uncompressed, so that a pipe may pause after its line ends
        output.write(gzip.compress(csv_with_every_difficulty(), 0))
    elif kind == "json":
        output.write(frame.write_json().encode())
    elif kind == "ndjson":
        output.write(frame.write_ndjson().encode() + b'{"broken\n{"n": 1}')
    else:
        text = csv_with_every_difficulty()
        output.write(text.decode().encode("utf-16" if kind == "utf-16" else "utf-8"))
    return output.getvalue()


@pytest.mark.parametrize("size", [7, 64])
@pytest.mark.parametrize(
    "kind", ["csv", "utf-16", "csv.gz", "zip", "ndjson", "json", "parquet"]
)
def test_pauses_anywhere_change_no_row_and_no_fault(
    pipe, read, write, monkeypatch, kind, size
):
    monkeypatch.setattr(pipes, "FLUSH_SECONDS", 0.0)
    content = content_of(kind)
    format_name = {"csv.gz": "csv", "utf-16": "csv", "zip": None}.get(kind, kind)
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    producer = Producer(pipe, [(piece, 0) for piece in pieces])
    from_pipe = read("-", format=format_name)
    producer.join()
    from_file = read(write(f"rows.{kind}", content), format=format_name)
    assert from_pipe.error is from_file.error is None
    assert from_pipe.rows == from_file.rows
    assert from_pipe.numbers == from_file.numbers
    faults = [(f.row, f.check, f.text, f.message) for f in from_pipe.unread]
    assert faults == [(f.row, f.check, f.text, f.message) for f in from_file.unread]
    assert bool(faults) == (kind not in ("json", "parquet"))
