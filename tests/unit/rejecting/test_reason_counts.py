import polars as pl

from propload.batch import REASONS
from propload.rejecting import ReasonCounts
from propload.report import ReasonCount


def reasons(*parts):
    rows = [
        (row, "check", column, "ge", "v", message, None)
        for row, column, message in parts
    ]
    return pl.DataFrame(rows, schema=REASONS, orient="row")


def test_row_counts_once_per_reason_however_often_that_is_repeated():
    repeated = reasons(
        (1, "tags", "the first of its values is wrong"),
        (1, "tags", "another one is wrong"),
        (1, "price", "price is wrong"),
        (2, "tags", "wrong"),
    )
    counts = ReasonCounts()
    counts.add(repeated)
    assert counts.counted == (
        ReasonCount("check", "tags", "ge", 2, "the first of its values is wrong"),
        ReasonCount("check", "price", "ge", 1, "price is wrong"),
    )
    # lines that are read back are counted in the same way
    again = ReasonCounts()
    for row in (1, 2):
        of_row = repeated.filter(pl.col("propload_row") == row)
        again.add_line({"reasons": of_row.drop("propload_row").to_dicts()})
    assert again.counted == counts.counted
    counts.retract(repeated)
    assert counts.counted == ()
