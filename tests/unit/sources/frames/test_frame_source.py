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
        # naive, like the column
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
def test_every_kind_of_frame_is_read(read, form):
    reading = read(FORMS[form](), chunk_rows=2)
    assert reading.rows == FRAME.to_dicts()
    assert [batch.rows.num_rows for batch in reading.batches] == [2, 1]
    assert [batch.first_row for batch in reading.batches] == [1, 3]
    assert not any(batch.untyped for batch in reading.batches)


@pytest.mark.parametrize("form", ["polars", "lazy"])
def test_frame_is_exported_to_arrow_one_batch_at_a_time(read, monkeypatch, form):
    narrow = pl.DataFrame({"id": range(3000), "text": "x"})
    wide = pl.DataFrame({"id": range(3000, 6000), "text": "x" * 1000})
    frame = pl.concat([narrow, wide])
    sizes = []
    export = pl.DataFrame.to_arrow

    def export_and_note_size(part):
        sizes.append(part.estimated_size())
        return export(part)

    monkeypatch.setattr(pl.DataFrame, "to_arrow", export_and_note_size)
    reading = read(frame.lazy() if form == "lazy" else frame, chunk_bytes=50_000)
    assert reading.rows == frame.to_dicts()
    assert max(sizes) <= 100_000


@pytest.mark.parametrize("form", FORMS)
def test_every_frame_but_a_reader_can_be_read_again(form):
    source = open_source(FORMS[form](), SourceOptions())
    assert source.rereadable is (form != "reader")
    if source.rereadable:
        assert len(list(source)) == len(list(source)) == 1


FRAMES = [form for form in FORMS if form in ("polars", "table", "batch", "pandas")]


@pytest.mark.parametrize("form", FRAMES)
def test_fingerprint_of_frame_depends_on_its_rows_and_names(form):
    def fingerprint_of(frame):
        return open_source(frame, SourceOptions()).fingerprint()

    frame_in_memory = FORMS[form]()
    assert fingerprint_of(frame_in_memory) == fingerprint_of(FORMS[form]()) is not None
    assert fingerprint_of(frame_in_memory) != fingerprint_of(FRAME.head(2))
    assert fingerprint_of(frame_in_memory) != fingerprint_of(
        FRAME.with_columns(id=pl.col("id") + 1)
    )
    assert fingerprint_of(frame_in_memory) != fingerprint_of(
        FRAME.rename({"id": "key"})
    )


@pytest.mark.parametrize("form", ["lazy", "reader"])
def test_reader_and_lazy_frame_have_no_fingerprint(form):
    assert open_source(FORMS[form](), SourceOptions()).fingerprint() is None


def test_texts_of_frame_are_not_copied(read):
    texts = [None if n % 5 == 0 else f"a longer text, number {n}" for n in range(100)]
    frame = pl.DataFrame({"id": range(100), "text": texts})
    reading = read(frame, chunk_rows=30)
    frame_buffers = (
        frame["text"].to_arrow(compat_level=pl.CompatLevel.newest()).buffers()
    )
    for batch in reading.batches:
        batch_buffers = batch.rows.column("text").buffers()
        assert [part.address for part in batch_buffers[2:]] == [
            part.address for part in frame_buffers[2:]
        ]
        # a batch counts only the bytes of its own rows
        assert batch.nbytes < 60 * batch.rows.num_rows
    assert [row["text"] for row in reading.rows] == texts


def test_fingerprint_does_not_depend_on_where_texts_are_stored():
    texts = [f"a longer text, number {n}" for n in range(100)]
    frame = pl.DataFrame({"text": texts})
    sliced = pl.DataFrame({"text": ["another text before", *texts]})[1:]
    known, found = (
        open_source(each, SourceOptions()).fingerprint() for each in (frame, sliced)
    )
    assert known == found


@pytest.mark.parametrize("form", ["polars", "lazy", "table"])
def test_frame_without_rows_has_columns(read, form):
    empty = {
        "polars": FRAME.head(0),
        "lazy": FRAME.lazy().filter(pl.col("id") == 0),
        "table": FRAME.head(0).to_arrow(),
    }[form]
    reading = read(empty)
    assert reading.names == FRAME.columns
    assert reading.rows == []


def test_error_of_lazy_query_names_the_lazy_frame(read):
    query = pl.LazyFrame({"a": ["1", "x"]}).select(pl.col("a").cast(pl.Int64))
    reading = read(query)
    assert reading.error is not None
    assert "lazy frame" in str(reading.error)


def test_exception_in_function_of_lazy_query_becomes_source_error(read):
    def fails(_value):
        msg = "no such home"
        raise LookupError(msg)

    reading = read(FRAME.lazy().select(pl.col("name").map_elements(fails, pl.String)))
    error = reading.error
    assert isinstance(error, SourceError)
    assert "lazy frame cannot be read: LookupError: no such home" in str(error)
    assert isinstance(error.__cause__, LookupError)


class OddArray(pd.api.extensions.ExtensionArray):
    """A column of a library whose type Arrow does not know."""

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


def test_error_for_unconvertible_column_says_what_to_do(read):
    reading = read(pd.DataFrame({"id": [1, 2], "place": OddArray([3, 4])}))
    assert isinstance(reading.error, SourceError)
    assert "column place is odd, which cannot be read (no Arrow type is like it)" in (
        str(reading.error)
    )
    assert "astype(str)" in str(reading.error)


def test_objects_of_mixed_types_become_texts(read):
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
def test_object_that_cannot_be_stored_rejects_its_row(read, frame):
    reading = read(frame)
    assert (reading.rows, reading.numbers, reading.error) == ([{"a": "x"}], [1], None)
    [fault] = reading.unread
    assert (fault.row, fault.check) == (2, "value")
    assert fault.message.startswith("column a: a value cannot be stored: ")
    assert fault.text.startswith("{'a': ")
    # its other rows suffice for a fingerprint
    assert open_source(frame, SourceOptions()).fingerprint() is not None


def test_pandas_columns_of_mixed_types_keep_every_value(read):
    frame = pd.DataFrame(
        {"a": [1, "x", None], "b": [2**70, 1, 2], "c": [1.0, float("nan"), 3.0]}
    )
    reading = read(frame)
    assert reading.tuples == [
        ("1", str(2**70), 1.0),
        ("x", "1", None),
        (None, "2", 3.0),
    ]


@pytest.mark.parametrize("dtype", [None, "category"])
def test_pandas_periods_and_intervals_become_texts(read, dtype):
    months = pd.Series(pd.PeriodIndex(["2024-01", None], freq="M"))
    bins = pd.Series(pd.IntervalIndex.from_tuples([(0, 1), None], closed="both"))
    frame = pd.DataFrame({"month": months, "bin": bins})
    reading = read(frame.astype(dtype) if dtype else frame)
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
def test_categories_are_read_like_a_column_of_their_values(read, values):
    column = pd.Series(values, dtype=object)
    [plain] = read(pd.DataFrame({"v": column})).batches
    [categorical] = read(pd.DataFrame({"v": column.astype("category")})).batches
    assert categorical.rows.to_pylist() == plain.rows.to_pylist()
    dtype = categorical.rows.schema.field("v").type
    value_dtype = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
    assert value_dtype == plain.rows.schema.field("v").type


def test_named_pandas_index_becomes_a_column(read):
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
def test_error_names_duplicate_column(read, table):
    assert "'x'" in str(read(table).error)


@pytest.mark.parametrize(
    "values",
    [["a", "1.50", 2.5, np.float64(3.25)], [{"a": 1}, {"b": 2}, None, [1, "x"]]],
)
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_object_column_is_read_like_values_of_dicts(library, values):
    frame = {
        "pandas": lambda: pd.DataFrame({"v": pd.Series(values, dtype=object)}),
        "polars": lambda: pl.DataFrame({"v": pl.Series(values, dtype=pl.Object)}),
    }[library]()
    (found,) = open_source(frame, SourceOptions())
    (wanted,) = open_source([{"v": value} for value in values], SourceOptions())
    # the field's metadata says which texts are numbers, and that it becomes jsonb
    assert found.rows.schema.equals(wanted.rows.schema, check_metadata=True)
    assert found.rows.schema.field("v").metadata
    assert found.rows == wanted.rows


def test_pandas_index_equal_to_a_column_is_read_once(read):
    frame = pd.DataFrame({"id": [7, 8], "day": ["a", None], "a": [1, 2]})
    kept = frame.set_index("id", drop=False)
    assert read(kept).rows == read(frame).rows
    assert read(kept.set_index("day", append=True)).rows == read(frame).rows
    both = frame.set_index(["id", "day"], drop=False)
    assert read(both).rows == read(frame).rows
    assert read(pd.Index([7, 8], name="id")).rows == [{"id": 7}, {"id": 8}]


def test_pandas_index_unlike_the_column_of_its_name_is_refused(read):
    frame = pd.DataFrame({"id": [1, 2]}, index=pd.Index([7, 8], name="id"))
    assert "several columns named 'id'" in str(read(frame).error)


class Query:
    """A query whose rows are an Arrow stream; it is open until that is released."""

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
        return QueryRows(self, rows)


class QueryRows:
    """The rows of a query, which is closed when they are released."""

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
    ("names", "message"), [("a", "no text is made"), ("aa", "several columns")]
)
def test_query_is_closed_if_it_cannot_be_read(read, names, message):
    query = Query(list(names))
    # the error is kept, and with it the frames of its traceback
    error = read(query).error
    assert message in str(error)
    assert not query.is_open


def test_reader_can_be_read_on_after_the_source_is_closed():
    reader = pa.Table.from_batches([*FRAME.to_arrow().to_batches()] * 2).to_reader()
    batches = iter(open_source(reader, SourceOptions()))
    next(batches)
    batches.close()
    assert reader.read_next_batch().num_rows == len(FRAME)


def test_dataset_includes_values_of_its_partition_folders(read, tmp_path):
    for year in (2024, 2025):
        (tmp_path / f"year={year}").mkdir()
        pl.DataFrame({"id": [year]}).write_parquet(tmp_path / f"year={year}" / "a.pq")
    dataset = pyarrow.dataset.dataset(tmp_path, partitioning="hive")
    found = [{"id": year, "year": year} for year in (2024, 2025)]
    assert read(dataset).rows == found
    assert read(dataset).rows == found


def test_frame_without_rows_keeps_its_columns(read):
    frame = pl.DataFrame(schema={"kind": pl.Categorical(), "at": pl.Duration("us")})
    [batch] = read(frame).batches
    assert (batch.height, batch.rows.schema.names) == (0, ["kind", "at"])
