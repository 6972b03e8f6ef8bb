import polars as pl

from propload.batch import REASONS
from propload.rejecting import ReasonCounts
from propload.report import ReasonCount


def reasons(*told):
    rows = [
        (row, "check", column, "ge", "v", message, None)
        for row, column, message in told
    ]
    return pl.DataFrame(rows, schema=REASONS, orient="row")


def test_a_row_counts_once_for_each_reason_however_often_it_is_said():
    said = reasons(
        (1, "tags", "the first of its values is wrong"),
        (1, "tags", "another one is wrong"),
        (1, "price", "price is wrong"),
        (2, "tags", "wrong"),
    )
    counts = ReasonCounts()
    counts.add(said)
    assert counts.counted == (
        ReasonCount("check", "tags", "ge", 2, "the first of its values is wrong"),
        ReasonCount("check", "price", "ge", 1, "price is wrong"),
    )
    # as the lines that are read back are counted
    again = ReasonCounts()
    for row in (1, 2):
        own = said.filter(pl.col("propload_row") == row)
        again.add_line({"reasons": own.drop("propload_row").to_dicts()})
    assert again.counted == counts.counted
    counts.retract(said)
    assert counts.counted == ()
