"""What is said of a value that a column cannot hold."""

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.casting.row_casting import Cast, cast_types

ADVICE = (
    "; an empty text is no null: --null-words '' makes it one in a CSV, a mapping with "
    "a parser anywhere"
)


def messages(*texts):
    frame = pl.DataFrame({"floor": texts}).with_row_index(ROW)
    wanted = [Cast("floor", pl.Float64(), "double precision")]
    reasons = cast_types(frame, wanted).reasons
    return dict(reasons.select("value", "message").rows())


def test_of_an_empty_text_it_is_said_that_it_is_no_null():
    told = messages("1.5", "", "ground", None)
    plain = "column floor: '{}' cannot be stored exactly as double precision"
    assert told == {
        "": plain.format("") + ADVICE,
        "ground": plain.format("ground"),
    }


@pytest.mark.parametrize("text", ["x", " "])
def test_of_other_texts_it_is_not(text):
    assert not messages(text)[text].endswith(ADVICE)
