from __future__ import annotations

import pyarrow as pa

from propload.batch import Batch
from propload.options import SourceOptions
from propload.sources.row_batches import RowBatchBuilder
from propload.values.arrow_fields import IS_JSON


def columns(*ids):
    return pa.record_batch({"id": pa.array(ids, pa.int64())})


def test_rows_and_columns_of_one_batch_stay_together():
    builder = RowBatchBuilder("homes", SourceOptions())
    assert not builder.add_row({"id": 1})
    assert builder.settle() == {"id": pa.int64()}
    assert list(builder.add_columns(columns(2, 3))) == []
    builder.add_unread("?", "json", "it is not JSON")
    builder.add_row({"id": 5})
    builder.settle()
    (batch,) = builder.flush()
    assert batch.rows.to_pydict() == {"id": [1, 2, 3, 5]}
    assert batch.numbers == (1, 2, 3, 5)
    assert [fault.row for fault in batch.unread] == [4]
    assert list(builder.flush()) == []


def test_column_has_one_type_and_all_rows_have_all_columns_of_their_batch():
    builder = RowBatchBuilder("homes", SourceOptions())
    builder.add_row({"id": 1})
    builder.settle()
    assert list(builder.add_columns(columns(2))) == []
    builder.add_row({"id": 2.5, "extra": {"a": 1}})
    builder.settle()
    builder.add_row({"id": 4})
    (batch,) = builder.flush()
    assert batch.rows.to_pydict() == {
        "id": [1.0, 2.0, 2.5, 4.0],
        "extra": [None, None, '{"a": 1}', None],
    }
    assert batch.rows.schema.field("extra").metadata == IS_JSON


def test_columns_that_do_not_fit_into_a_batch_begin_the_next():
    builder = RowBatchBuilder("homes", SourceOptions(chunk_rows=3))
    builder.add_row({"id": 1})
    builder.settle()
    assert list(builder.add_columns(columns(2))) == []
    (first,) = builder.add_columns(columns(3, 4))
    assert first.rows.to_pydict() == {"id": [1, 2]}
    (second,) = builder.add_columns(columns(5))
    assert second.rows.to_pydict() == {"id": [3, 4, 5]}
    assert second.first_row == 3
    assert builder.rows_read == 5


def test_unfit_row_among_rows_that_were_made_columns_keeps_its_number():
    builder = RowBatchBuilder("homes", SourceOptions())
    builder.add_row({"id": "a"})
    builder.settle()
    builder.add_row({"id": "b"})
    builder.add_row({"id": "\ud800"})
    builder.add_row({"id": "d"})
    builder.settle()
    builder.add_row({"id": 5})
    (batch,) = builder.flush()
    assert batch.rows.to_pydict() == {"id": ["a", "b", "d", "5"]}
    assert [(fault.row, fault.check) for fault in batch.unread] == [(3, "value")]


def test_unfit_row_after_a_batch_that_was_passed_on_has_its_number():
    builder = RowBatchBuilder("homes", SourceOptions())
    builder.pass_on(Batch(columns(1, 2), "homes", 1))
    builder.add_row({"id": "c"})
    builder.add_row({"id": "\ud800"})
    (batch,) = builder.flush()
    assert list(batch.numbers) == [3]
    assert [(fault.row, fault.check) for fault in batch.unread] == [(4, "value")]
