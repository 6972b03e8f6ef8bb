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
    """Writes into stdin's pipe; after each part waits until its rows were seen.

    Attributes:
        waits: For each wait whether it ended with the rows and not with the time.
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
    """Make stdin a pipe, and give the end to write into."""
    monkeypatch.setattr(pipes, "FLUSH_SECONDS", 0.02)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdin, os.fdopen(writing, "wb", 0) as written:
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stdin))
        yield written


def read_while_open(pipe, parts, **options):
    """Return the rows of a pipe whose producer goes on once rows were seen.

    `parts` are texts, each with how many rows are to be seen before the next one.
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


def test_rows_of_csv_go_on_while_the_producer_waits(pipe):
    parts = [(HEADER + "Ede,1\n", 1), ("Urk,2\nGoes,3\n", 3), ("Ee,4", 0)]
    batches = read_while_open(pipe, parts, **CSV)
    assert [batch.first_row for batch in batches[:2]] == [1, 2]
    rows = [("Ede", "1"), ("Urk", "2"), ("Goes", "3"), ("Ee", "4")]
    assert tuples_of(batches) == rows


@pytest.mark.parametrize("options", [NDJSON, {}])
def test_rows_of_ndjson_go_on_while_the_producer_waits(pipe, options):
    parts = [('{"n": 1}\n', 1), ('{"n": 2}\n{"n": 3}\n', 3), ('{"n": 4}', 0)]
    batches = read_while_open(pipe, parts, **options)
    assert [batch.first_row for batch in batches[:2]] == [1, 2]
    assert tuples_of(batches) == [(1,), (2,), (3,), (4,)]


def test_the_end_may_come_without_a_row_after_a_pause(pipe):
    assert tuples_of(read_while_open(pipe, [('{"n": 1}\n', 1)], **NDJSON)) == [(1,)]


@pytest.mark.parametrize("options", [{}, {"encoding": "utf-8"}])
def test_a_row_and_a_character_cut_by_a_pause_come_out_whole(pipe, options):
    begun, ended = 'Ede,1\n"Súdwest-'.encode(), "Fryslân\nen meer é".encode()
    parts = [
        (HEADER.encode() + begun, 1),
        (ended[:-1], 0),
        (ended[-1:] + b'",2\nUrk,3\n', 3),
    ]
    batches = read_while_open(pipe, parts, **CSV, **options)
    rows = [("Ede", "1"), ("Súdwest-Fryslân\nen meer é", "2"), ("Urk", "3")]
    assert tuples_of(batches) == rows
    assert not any(batch.unread for batch in batches)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_first_accent_may_come_at_a_pause(pipe, encoding):
    text = f"{HEADER}Ede,1\nSúdwest,2\n".encode(encoding)
    cut = text.index(b"dwest")
    parts = [(text[:cut], 1), (text[cut:], 2)]
    assert tuples_of(read_while_open(pipe, parts)) == [("Ede", "1"), ("Súdwest", "2")]


def test_an_object_and_a_character_cut_by_a_pause_come_out_whole(pipe):
    text = '{"n": "Ede"}\n{"n": "Fryslân"}\n{"n": "Urk"}\n'.encode()
    cut = text.index("â".encode()) + 1
    batches = read_while_open(pipe, [(text[:cut], 1), (text[cut:], 3)], **NDJSON)
    assert tuples_of(batches) == [("Ede",), ("Fryslân",), ("Urk",)]


def test_a_header_waits_for_its_first_row(pipe, monkeypatch):
    # without a wait each read is followed by a pause
    monkeypatch.setattr(pipes, "FLUSH_SECONDS", 0.0)
    parts = [("na", 0), ("am;prijs\n", 0), ('"Ed', 0), ("e\n", 0), ('";1\n', 1)]
    batches = read_while_open(pipe, [*parts, ("Urk;2\n", 2)], **CSV)
    assert batches[0].rows.schema.names == ["naam", "prijs"]
    assert tuples_of(batches) == [("Ede\n", "1"), ("Urk", "2")]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_nothing_is_held_back_after_full_blocks(pipe, monkeypatch, kind):
    for module in (pipes, chunking):
        monkeypatch.setattr(module, "BLOCK_BYTES", 32)
    lines = [f"{n},text" if kind == "csv" else f'{{"n": {n}}}' for n in range(100)]
    head = "n,text\n" if kind == "csv" else ""
    parts = [(head + "\n".join(lines) + "\n", 100), (f"{lines[0]}\n", 101)]
    batches = read_while_open(pipe, parts, format=kind, chunk_bytes=48)
    assert [int(row[0]) for row in tuples_of(batches)] == [*range(100), 0]


def test_a_bad_row_is_told_before_the_end(pipe):
    parts = [(HEADER + 'Ede,1\n5" hout,2\nUrk,3,4\n', 2), ("Goes,5\n", 3)]
    batches = read_while_open(pipe, parts, **CSV)
    assert tuples_of(batches) == [("Ede", "1"), ('5" hout', "2"), ("Goes", "5")]
    assert [f.check for batch in batches for f in batch.unread] == ["ragged"]


def test_what_lies_in_the_files_buffer_is_read_first(pipe):
    pipe.write(f"a line before\n{HEADER}Ede,1\n".encode())
    assert sys.stdin.buffer.readline() == b"a line before\n"
    batches = read_while_open(pipe, [("Urk,2\n", 2)], **CSV)
    assert tuples_of(batches) == [("Ede", "1"), ("Urk", "2")]


def text_of_every_kind():
    lines = ["naam,prijs,opmerking", "Ede,1,", '"Súdwest-\nFryslân",2,"zei ""ja"""']
    lines += ['5" hout,3,x', "te,veel,velden,4", '"open"x,5,y', "", "Goes,6,\tz"]
    return "\n".join(lines * 3).encode()


def packed_in(kind):
    frame = pl.DataFrame({"n": range(50), "text": ["één\n"] * 50})
    made = io.BytesIO()
    if kind == "parquet":
        frame.write_parquet(made)
    elif kind == "zip":
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("rows.csv", text_of_every_kind())
    elif kind == "csv.gz":
        # stored as it is, with its line ends, after which a pipe may pause
        made.write(gzip.compress(text_of_every_kind(), 0))
    elif kind == "json":
        made.write(frame.write_json().encode())
    elif kind == "ndjson":
        made.write(frame.write_ndjson().encode() + b'{"broken\n{"n": 1}')
    else:
        text = text_of_every_kind()
        made.write(text.decode().encode("utf-16" if kind == "utf-16" else "utf-8"))
    return made.getvalue()


@pytest.mark.parametrize("size", [7, 64])
@pytest.mark.parametrize(
    "kind", ["csv", "utf-16", "csv.gz", "zip", "ndjson", "json", "parquet"]
)
def test_pauses_anywhere_change_no_row(pipe, read, write, monkeypatch, kind, size):
    monkeypatch.setattr(pipes, "FLUSH_SECONDS", 0.0)
    content = packed_in(kind)
    told = {"csv.gz": "csv", "utf-16": "csv", "zip": None}.get(kind, kind)
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    producer = Producer(pipe, [(piece, 0) for piece in pieces])
    piped = read("-", format=told)
    producer.join()
    filed = read(write(f"rows.{kind}", content), format=told)
    assert piped.error is filed.error is None
    assert piped.rows == filed.rows
    assert piped.numbers == filed.numbers
    faults = [(f.row, f.check, f.text, f.message) for f in piped.unread]
    assert faults == [(f.row, f.check, f.text, f.message) for f in filed.unread]
    assert bool(faults) == (kind not in ("json", "parquet"))
