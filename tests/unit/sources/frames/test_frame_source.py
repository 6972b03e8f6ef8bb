from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest

from propload.errors import SourceError
from propload.options import SourceOptions
from propload.sources import open_source

FRAME = pl.DataFrame(
    {
        "id": [2**60, 2, None],
        "name": ["a", None, ""],
        "price": [1.5, None, 3.0],
        # naive, as the column is
        "seen": [dt.datetime(2024, 1, 1), None, dt.datetime(2024, 1, 2)],  # noqa: DTZ001
    }
)

FORMS = {
    "polars": lambda: FRAME,
    "lazy": FRAME.lazy,
    "table": FRAME.to_arrow,
    "batch": lambda: FRAME.to_arrow().to_batches()[0],
    "reader": lambda: FRAME.to_arrow().to_reader(),
    "dataset": lambda: pyarrow.dataset.dataset(FRAME.to_arrow()),
    "scanner": lambda: pyarrow.dataset.dataset(FRAME.to_arrow()).scanner(),
    "pandas": lambda: FRAME.to_pandas(use_pyarrow_extension_array=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_frames_of_every_kind_are_read(read, form):
    reading = read(FORMS[form](), chunk_rows=2)
    assert reading.rows == FRAME.to_dicts()
    assert [batch.rows.num_rows for batch in reading.batches] == [2, 1]
    assert [batch.first_row for batch in reading.batches] == [1, 3]
    assert not any(batch.untyped for batch in reading.batches)


@pytest.mark.parametrize("form", ["polars", "lazy"])
def test_no_more_of_a_frame_is_exported_at_once_than_goes_into_a_batch(
    read, monkeypatch, form
):
    narrow = pl.DataFrame({"id": range(3000), "text": "x"})
    wide = pl.DataFrame({"id": range(3000, 6000), "text": "x" * 1000})
    frame = pl.concat([narrow, wide])
    sizes = []
    export = pl.DataFrame.to_arrow

    def weighed(part):
        sizes.append(part.estimated_size())
        return export(part)

    monkeypatch.setattr(pl.DataFrame, "to_arrow", weighed)
    reading = read(frame.lazy() if form == "lazy" else frame, chunk_bytes=50_000)
    assert reading.rows == frame.to_dicts()
    assert max(sizes) <= 100_000


@pytest.mark.parametrize("form", FORMS)
def test_only_frames_in_memory_are_read_again(form):
    source = open_source(FORMS[form](), SourceOptions())
    assert source.rereadable is (form != "reader")
    if source.rereadable:
        assert len(list(source)) == len(list(source)) == 1


FRAMES = [form for form in FORMS if form in ("polars", "table", "batch", "pandas")]


@pytest.mark.parametrize("form", FRAMES)
def test_a_frame_in_memory_is_known_again_by_its_rows(form):
    def mark(frame):
        return open_source(frame, SourceOptions()).fingerprint()

    given = FORMS[form]()
    assert mark(given) == mark(FORMS[form]()) is not None
    assert mark(given) != mark(FRAME.head(2))
    assert mark(given) != mark(FRAME.with_columns(id=pl.col("id") + 1))
    assert mark(given) != mark(FRAME.rename({"id": "key"}))


@pytest.mark.parametrize("form", ["lazy", "reader"])
def test_what_is_read_once_or_asked_anew_is_not_known_again(form):
    assert open_source(FORMS[form](), SourceOptions()).fingerprint() is None


def test_texts_of_a_frame_are_not_copied(read):
    texts = [None if n % 5 == 0 else f"a longer text, number {n}" for n in range(100)]
    frame = pl.DataFrame({"id": range(100), "text": texts})
    reading = read(frame, chunk_rows=30)
    own = frame["text"].to_arrow(compat_level=pl.CompatLevel.newest()).buffers()
    for batch in reading.batches:
        lent = batch.rows.column("text").buffers()
        assert [part.address for part in lent[2:]] == [part.address for part in own[2:]]
        # and they weigh what their own rows do
        assert batch.nbytes < 60 * batch.rows.num_rows
    assert [row["text"] for row in reading.rows] == texts


def test_a_table_is_known_again_wherever_its_texts_lie():
    texts = [f"a longer text, number {n}" for n in range(100)]
    frame = pl.DataFrame({"text": texts})
    again = pl.DataFrame({"text": ["another text before", *texts]})[1:]
    known, found = (
        open_source(each, SourceOptions()).fingerprint() for each in (frame, again)
    )
    assert known == found


@pytest.mark.parametrize("form", ["polars", "lazy", "table"])
def test_no_rows_still_have_columns(read, form):
    empty = {
        "polars": FRAME.head(0),
        "lazy": FRAME.lazy().filter(pl.col("id") == 0),
        "table": FRAME.head(0).to_arrow(),
    }[form]
    reading = read(empty)
    assert reading.names == FRAME.columns
    assert reading.rows == []


def test_a_lazy_query_that_fails_names_the_row(read):
    query = pl.LazyFrame({"a": ["1", "x"]}).select(pl.col("a").cast(pl.Int64))
    reading = read(query)
    assert reading.error is not None
    assert "lazy frame" in str(reading.error)


def test_a_function_of_a_query_that_fails_is_told_as_its_source(read):
    def fails(_value):
        msg = "no such home"
        raise LookupError(msg)

    reading = read(FRAME.lazy().select(pl.col("name").map_elements(fails, pl.String)))
    error = reading.error
    assert isinstance(error, SourceError)
    assert "lazy frame cannot be read: LookupError: no such home" in str(error)
    assert isinstance(error.__cause__, LookupError)


class OddArray(pd.api.extensions.ExtensionArray):
    """A column of a library that has no Arrow type for it."""

    def __init__(self, values):
        self._values = np.asarray(values)

    class Odd(pd.api.extensions.ExtensionDtype):
        name = "odd"
        type = int

    dtype = Odd()

    def __len__(self):
        return len(self._values)

    def __getitem__(self, at):
        found = self._values[at]
        return OddArray(found) if isinstance(found, np.ndarray) else found

    def isna(self):
        return np.zeros(len(self), bool)

    def copy(self):
        return OddArray(self._values)

    def __arrow_array__(self, type=None):  # noqa: A002 - pyarrow's name
        msg = "no Arrow type is like it"
        raise NotImplementedError(msg)


def test_a_column_that_its_library_cannot_hand_over_is_told_with_what_to_do(read):
    reading = read(pd.DataFrame({"id": [1, 2], "place": OddArray([3, 4])}))
    assert isinstance(reading.error, SourceError)
    assert "column place is odd, which cannot be read (no Arrow type is like it)" in (
        str(reading.error)
    )
    assert "astype(str)" in str(reading.error)


def test_objects_become_text_or_values(read):
    frame = pl.DataFrame({"a": pl.Series([Decimal("1.5"), "x", None], dtype=pl.Object)})
    assert read(frame).rows == [{"a": "1.5"}, {"a": "x"}, {"a": None}]


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": pl.Series(["x", "x".strip], dtype=pl.Object)}),
        pd.DataFrame({"a": ["x", "x".strip]}),
        pd.DataFrame({"a": ["x", "\ud800"]}, dtype=object),
    ],
)
def test_an_object_that_is_no_value_costs_its_row(read, frame):
    reading = read(frame)
    assert (reading.rows, reading.numbers, reading.error) == ([{"a": "x"}], [1], None)
    [fault] = reading.unread
    assert (fault.row, fault.check) == (2, "value")
    assert fault.message.startswith("column a: a value cannot be stored: ")
    assert fault.text.startswith("{'a': ")
    # its other rows tell a table, and it is known again
    assert open_source(frame, SourceOptions()).fingerprint() is not None


def test_pandas_columns_of_mixed_types_lose_nothing(read):
    frame = pd.DataFrame(
        {"a": [1, "x", None], "b": [2**70, 1, 2], "c": [1.0, float("nan"), 3.0]}
    )
    reading = read(frame)
    assert reading.tuples == [
        ("1", str(2**70), 1.0),
        ("x", "1", None),
        (None, "2", 3.0),
    ]


@pytest.mark.parametrize("kind", [None, "category"])
def test_spans_of_pandas_are_their_texts(read, kind):
    months = pd.Series(pd.PeriodIndex(["2024-01", None], freq="M"))
    bins = pd.Series(pd.IntervalIndex.from_tuples([(0, 1), None], closed="both"))
    frame = pd.DataFrame({"month": months, "bin": bins})
    reading = read(frame.astype(kind) if kind else frame)
    assert reading.rows == [
        {"month": "2024-01", "bin": "[0.0, 1.0]"},
        {"month": None, "bin": None},
    ]


@pytest.mark.parametrize(
    "values",
    [
        [Decimal("1.5"), Decimal(2), None],
        [uuid.UUID(int=1), None, uuid.UUID(int=2)],
        [dt.date(2024, 1, 1), None, dt.date(2024, 1, 2)],
        [(1, 2), None, (3,)],
        [5, "a", None],
        ["a", "b", None],
    ],
    ids=lambda values: type(values[0]).__name__,
)
def test_categories_of_objects_are_what_the_objects_are(read, values):
    column = pd.Series(values, dtype=object)
    [alone] = read(pd.DataFrame({"v": column})).batches
    [within] = read(pd.DataFrame({"v": column.astype("category")})).batches
    assert within.rows.to_pylist() == alone.rows.to_pylist()
    kind = within.rows.schema.field("v").type
    of_values = kind.value_type if pa.types.is_dictionary(kind) else kind
    assert of_values == alone.rows.schema.field("v").type


def test_a_pandas_index_with_a_name_is_a_column(read):
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="id"))
    assert read(frame).rows == [{"id": 7, "a": 1}, {"id": 8, "a": 2}]
    assert read(frame.reset_index(drop=True)).rows == [{"a": 1}, {"a": 2}]
    assert read(frame["a"]).rows == [{"id": 7, "a": 1}, {"id": 8, "a": 2}]


@pytest.mark.parametrize(
    "table",
    [
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"]),
        pd.DataFrame([[1, 2]], columns=["x", "x"]),
    ],
)
def test_duplicate_columns_are_named(read, table):
    assert "'x'" in str(read(table).error)


@pytest.mark.parametrize(
    "values",
    [["a", "1.50", 2.5, np.float64(3.25)], [{"a": 1}, {"b": 2}, None, [1, "x"]]],
)
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_objects_are_what_the_values_of_dicts_are(library, values):
    frame = {
        "pandas": lambda: pd.DataFrame({"v": pd.Series(values, dtype=object)}),
        "polars": lambda: pl.DataFrame({"v": pl.Series(values, dtype=pl.Object)}),
    }[library]()
    (found,) = open_source(frame, SourceOptions())
    (wanted,) = open_source([{"v": value} for value in values], SourceOptions())
    # which texts are numbers, and that a new column is jsonb, stands in the field
    assert found.rows.schema.equals(wanted.rows.schema, check_metadata=True)
    assert found.rows.schema.field("v").metadata
    assert found.rows == wanted.rows


def test_a_pandas_index_that_is_a_column_as_well_stands_once(read):
    frame = pd.DataFrame({"id": [7, 8], "day": ["a", None], "a": [1, 2]})
    kept = frame.set_index("id", drop=False)
    assert read(kept).rows == read(frame).rows
    assert read(kept.set_index("day", append=True)).rows == read(frame).rows
    both = frame.set_index(["id", "day"], drop=False)
    assert read(both).rows == read(frame).rows
    assert read(pd.Index([7, 8], name="id")).rows == [{"id": 7}, {"id": 8}]


def test_a_pandas_index_unlike_the_column_of_its_name_is_refused(read):
    frame = pd.DataFrame({"id": [1, 2]}, index=pd.Index([7, 8], name="id"))
    assert "several columns named 'id'" in str(read(frame).error)


class Query:
    """What gives its rows as a stream, and waits until that is let go."""

    def __init__(self, names):
        self.names = names
        self.is_open = False

    def __arrow_c_stream__(self, requested_schema=None):
        self.is_open = True
        keys = pa.struct({"a": pa.int64()})
        bad = pa.array([[({"a": 1}, 2)]], pa.map_(keys, pa.int64()))
        rows = pa.RecordBatch.from_arrays([bad] * len(self.names), self.names)
        reader = pa.RecordBatchReader.from_batches(rows.schema, self._read(rows))
        return reader.__arrow_c_stream__(requested_schema)

    def _read(self, rows):
        return Rows(self, rows)


class Rows:
    """The stream of a query, which ends with it."""

    def __init__(self, query, rows):
        self.query, self.left = query, [rows]

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop()

    def __del__(self):
        self.query.is_open = False


@pytest.mark.parametrize(
    ("names", "said"), [("a", "no text is made"), ("aa", "several columns")]
)
def test_a_query_is_let_go_where_it_cannot_be_read(read, names, said):
    query = Query(list(names))
    # the error lives on, and with it whatever it came through
    error = read(query).error
    assert said in str(error)
    assert not query.is_open


def test_a_reader_that_was_not_read_to_its_end_can_still_be_read():
    reader = pa.Table.from_batches([*FRAME.to_arrow().to_batches()] * 2).to_reader()
    batches = iter(open_source(reader, SourceOptions()))
    next(batches)
    batches.close()
    assert reader.read_next_batch().num_rows == len(FRAME)


def test_a_dataset_of_partitions_brings_what_their_folders_say(read, tmp_path):
    for year in (2024, 2025):
        (tmp_path / f"year={year}").mkdir()
        pl.DataFrame({"id": [year]}).write_parquet(tmp_path / f"year={year}" / "a.pq")
    dataset = pyarrow.dataset.dataset(tmp_path, partitioning="hive")
    found = [{"id": year, "year": year} for year in (2024, 2025)]
    assert read(dataset).rows == found
    assert read(dataset).rows == found
