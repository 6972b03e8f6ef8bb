"""An Arrow row with a text that is not UTF-8 is rejected alone."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from propload.batch import Unread
from propload.sources.arrow.undecodable import reject_undecodable

#: Texts as written by a program that mixes Latin-1 with UTF-8.
WRITTEN = [b"Delft", "Mün".encode("latin-1"), "Coëvorden".encode(), None, b"\xff", b""]
UNDECODABLE_ROWS = [1, 4]


def texts(dtype):
    binary = {
        pa.string(): pa.binary(),
        pa.large_string(): pa.large_binary(),
        pa.string_view(): pa.binary_view(),
    }[dtype]
    return pa.array(WRITTEN, binary).view(dtype)


def in_lists(column):
    offsets = pa.array(range(len(column) + 1), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, column)


def in_dictionary(column):
    return pa.DictionaryArray.from_arrays(pa.array(range(len(column))), column)


def in_map(column):
    keys = pa.array([f"k{place}" for place in range(len(column))])
    return pa.MapArray.from_arrays(pa.array(range(len(column) + 1)), keys, column)


COLUMNS = {
    "string": lambda: texts(pa.string()),
    "large": lambda: texts(pa.large_string()),
    "view": lambda: texts(pa.string_view()),
    "list": lambda: in_lists(texts(pa.string())),
    "struct": lambda: pa.StructArray.from_arrays([texts(pa.string())], ["town"]),
    "dictionary": lambda: in_dictionary(texts(pa.string())),
    "map": lambda: in_map(texts(pa.string())),
    "extension": lambda: pa.ExtensionArray.from_storage(pa.json_(), texts(pa.string())),
}


def rows_of(column):
    return pa.record_batch({"id": range(len(column)), "town": column})


@pytest.mark.parametrize("kind", COLUMNS)
def test_only_rows_with_undecodable_texts_are_rejected(kind):
    rows, faults = reject_undecodable(rows_of(COLUMNS[kind]()))
    assert [fault.row for fault in faults] == UNDECODABLE_ROWS
    assert {fault.check for fault in faults} == {"encoding"}
    assert rows.column("id").to_pylist() == [0, 2, 3, 5]
    rows.validate(full=True)


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize(("start", "stop"), [(2, 4), (2, 2), (5, 6)])
def test_rows_outside_a_slice_are_not_checked(kind, start, stop):
    sliced = rows_of(COLUMNS[kind]()).slice(start, stop - start)
    rows, faults = reject_undecodable(sliced)
    assert (rows.column("id").to_pylist(), faults) == ([*range(start, stop)], ())


@pytest.mark.parametrize(
    ("count", "dtype", "shown"),
    [
        (10**7, pa.date32(), "'29349-01-26'"),
        (-(2**62), pa.timestamp("us"), "out of range"),
    ],
)
def test_rejected_row_may_hold_time_out_of_range_of_python(count, dtype, shown):
    moments = pa.array([count] * len(WRITTEN), dtype)
    rows = rows_of(texts(pa.string())).append_column("at", moments)
    faults = reject_undecodable(rows)[1]
    assert [fault.row for fault in faults] == UNDECODABLE_ROWS
    assert all(shown in fault.text for fault in faults)


def test_message_shows_value_and_names_column():
    [first, _] = reject_undecodable(rows_of(texts(pa.string())))[1]
    assert first.message == (
        r"column town: 'M\xfcn' is not UTF-8: write the text again in that encoding"
    )
    assert first.text == r"{'id': 1, 'town': 'M\\xfcn'}"


def test_row_with_several_undecodable_texts_is_rejected_once():
    column = texts(pa.string())
    faults = reject_undecodable(pa.record_batch({"a": column, "b": column}))[1]
    assert [(fault.row, fault.message.split(":")[0]) for fault in faults] == [
        (1, "column a"),
        (4, "column a"),
    ]


def test_undecodable_dictionary_value_that_no_row_uses_is_ignored():
    values = pa.array([b"Delft", b"\xff"], pa.binary()).view(pa.string())
    column = pa.DictionaryArray.from_arrays(pa.array([0, 0, None]), values)
    rows, faults = reject_undecodable(rows_of(column))
    assert rows.column("town").to_pylist() == ["Delft", "Delft", None]
    assert faults == ()
    rows.validate(full=True)


def test_rows_rejected_earlier_keep_their_numbers():
    before = [Unread(place, "", "value", "") for place in (0, 3, 8)]
    rows, faults = reject_undecodable(rows_of(texts(pa.string())), before)
    assert rows.num_rows == 4
    # row 6 of the source is the fifth row left after the earlier rejects
    assert [(one.row, one.check) for one in faults] == [
        (0, "value"),
        (2, "encoding"),
        (3, "value"),
        (6, "encoding"),
        (8, "value"),
    ]


def test_other_values_that_arrow_calls_invalid_are_left_alone():
    # 24:00 is valid in PostgreSQL
    midnight = pa.array([86_400], pa.int32()).cast(pa.int32()).view(pa.time32("s"))
    column = pa.StructArray.from_arrays([midnight, pa.array(["é"])], ["at", "town"])
    rows = rows_of(column)
    assert reject_undecodable(rows) == (rows, ())


def test_other_damage_raises_the_error_of_arrow():
    offsets = pa.array([0, 9, 3], pa.int32()).buffers()[1]
    column = pa.Array.from_buffers(
        pa.string(), 2, [None, offsets, pa.py_buffer("é".encode() * 5)]
    )
    with pytest.raises(pa.ArrowInvalid, match="offset"):
        reject_undecodable(rows_of(column))


def as_table(table, _path):
    return table


def as_reader(table, _path):
    return table.to_reader()


def as_parquet(table, path):
    pq.write_table(table, path / "t.parquet", row_group_size=4)
    return str(path / "t.parquet")


def as_arrow(table, path):
    with pa.ipc.new_file(path / "t.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=4)
    return str(path / "t.arrow")


@pytest.mark.parametrize("convert", [as_table, as_reader, as_parquet, as_arrow])
@pytest.mark.parametrize("chunk_rows", [2, 100])
def test_every_kind_of_arrow_source_is_checked(read, tmp_path, convert, chunk_rows):
    table = pa.Table.from_batches([rows_of(texts(pa.string()))] * 2)
    reading = read(convert(table, tmp_path), chunk_rows=chunk_rows)
    assert reading.error is None
    assert [fault.row for fault in reading.unread] == [2, 5, 8, 11]
    assert reading.numbers == [1, 3, 4, 6, 7, 9, 10, 12]
    assert [row["town"] for row in reading.rows] == ["Delft", "Coëvorden", None, ""] * 2
