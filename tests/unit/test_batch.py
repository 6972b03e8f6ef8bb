import itertools

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from propload.batch import REASONS, ROW, Batch, Unread, reason_lines, referenced_bytes

LAYOUTS = [sizes for sizes in itertools.product((0, 1, 2), repeat=3) if any(sizes)]


@pytest.mark.parametrize("sizes", LAYOUTS, ids=str)
def test_reason_lines_do_not_depend_on_how_rows_are_chunked(sizes):
    """Polars 2.1 panics in `format` if the first chunk of a column is empty."""
    whole = pl.DataFrame({ROW: range(sum(sizes))}, schema={ROW: pl.UInt32})
    whole = whole.with_columns(text="x" + pl.col(ROW).cast(pl.String))
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    parts = [whole.slice(*place) for place in zip(starts, sizes, strict=True)]
    rows = pl.concat(parts, rechunk=False)
    labels = {"stage": "map", "column": "text", "check": "cast"}
    message = pl.format("{} is '{}'", pl.lit("text"), "text")
    found = reason_lines(rows, value=pl.col("text"), message=message, **labels)
    assert found.schema == REASONS
    values = whole["text"].to_list()
    expected = pl.DataFrame(
        {ROW: whole[ROW], **labels, "value": values, "sqlstate": None}
        | {"message": [f"text is '{value}'" for value in values]},
        schema=REASONS,
    )
    assert_frame_equal(found, expected)


def test_text_views_count_only_the_bytes_of_their_rows():
    texts = pa.array(["x" * 1_000] * 100)
    lists = pa.array([["y" * 1_000]] * 100)
    rows = pa.record_batch(
        {
            "text": texts.cast(pa.string_view()),
            "list": lists.cast(pa.list_(pa.string_view())),
        }
    )
    assert 200_000 <= referenced_bytes(rows) < 210_000
    assert 20_000 <= referenced_bytes(rows.slice(50, 10)) < 21_000
    assert Batch(rows.slice(0, 1), "s", 1).nbytes < 2_200


def test_size_of_a_single_row_is_that_of_its_values():
    row = pa.record_batch({"text": ["x" * 1_000], "number": [1]})
    assert 1_000 <= referenced_bytes(row) < 1_100
    assert (
        referenced_bytes(pa.record_batch({"text": ["x" * 5_000]}).slice(0, 1)) >= 5_000
    )


@pytest.mark.parametrize("unread", [(), (Unread(2, "x", "ragged", "bad"),)])
@pytest.mark.parametrize(
    ("start", "stop"), [(3, 1), (1, 3), (-2, 3), (0, 9), (7, 9), (-9, 1), (2, -1)]
)
def test_positions_outside_of_a_batch_mean_what_they_do_for_a_list(start, stop, unread):
    values = [1, 3, 4] if unread else [1, 2, 3]
    rows = pa.record_batch({"row": values})
    numbers = tuple(values) if unread else None
    part = Batch(rows, "s", 1, numbers, unread=unread).slice(start, stop)
    found = sorted([*part.rows["row"].to_pylist(), *(one.row for one in part.unread)])
    assert found == [1, 2, 3, 4][: 3 + len(unread)][start:stop]
    part.rows.validate(full=True)
