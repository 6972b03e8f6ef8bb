"""Functions that apply_fix rejected rows."""

import threading

import polars as pl
import pytest

from propload.earlier_runs.fixing import apply_fix, fix_fingerprint
from propload.errors import ConfigError

NUMBERS = (5, 6, 7, 8)


def mended(fix, **columns):
    read = pl.DataFrame(columns or {"id": [1, 2, 3, 4]})
    rows, numbers = apply_fix(read, NUMBERS[: read.height], "a.csv", fix)
    return rows.to_pydict(), numbers


def test_rows_come_with_the_numbers_that_they_are_returned_with():
    assert mended(lambda frame: frame) == ({"id": [1, 2, 3, 4]}, NUMBERS)
    turned = mended(lambda frame: frame.reverse())
    assert turned == ({"id": [4, 3, 2, 1]}, (8, 7, 6, 5))
    split = mended(lambda frame: pl.concat([frame[1:3], frame[:1]]))
    assert split == ({"id": [2, 3, 1]}, (6, 7, 5))
    texts = mended(lambda frame: frame[3:].cast(pl.String))
    assert texts == ({"id": ["4"]}, (8,))
    assert mended(lambda frame: frame.clear()) == ({"id": []}, ())


@pytest.mark.parametrize(
    "without",
    [
        lambda frame: frame.select("id"),
        lambda frame: frame.with_columns(propload_row=None),
        lambda frame: frame.with_columns(propload_row=pl.lit("x")),
    ],
)
def test_a_fix_that_leaves_out_rows_has_to_keep_their_numbers(without):
    with pytest.raises(ConfigError, match=r"made 1 row of 4 without .*propload_row"):
        mended(lambda frame: without(frame[:1]))
    # as many as there were are taken for those
    assert mended(without) == ({"id": [1, 2, 3, 4]}, NUMBERS)


def test_a_column_of_the_rows_own_is_no_number():
    own = {"id": [1], "propload_row": [70]}
    assert mended(lambda frame: frame, **own) == (own, (5,))


@pytest.mark.parametrize(
    ("fix", "told"),
    [
        (lambda _: None, "TypeError"),
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (lambda frame: frame.select("nothing"), "ColumnNotFoundError"),
    ],
)
def test_a_fix_that_fails_is_named(fix, told):
    with pytest.raises(ConfigError, match=rf"the fix .*lambda.* of a.csv: {told}"):
        mended(fix)


def made(body, **others):
    """Return a fix of that body, which refers to other things by name."""
    others["__name__"] = "fixes"
    exec(f"def fix(frame):\n    {body}", others)  # noqa: S102 - it is ours
    return others["fix"]


def test_a_fix_is_known_by_what_it_does():
    bodies = ("return frame", "return frame[:1]", "# as it is\n    return frame")
    one, other, commented = (fix_fingerprint(made(body)) for body in bodies)
    assert one == fix_fingerprint(made(bodies[0])) == commented
    assert len({one, other, fix_fingerprint(None)}) == 3
    low, high = (fix_fingerprint(made("return price", price=price)) for price in (1, 2))
    assert low != high


def test_a_fix_that_nobody_can_look_into_is_known_by_its_code():
    bodies = ("return lock, frame", "return lock, frame", "return lock, frame[:1]")
    found = [fix_fingerprint(made(body, lock=threading.Lock())) for body in bodies]
    assert found[0] == found[1] != found[2]
