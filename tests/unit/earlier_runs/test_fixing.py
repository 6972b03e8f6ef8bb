"""Functions that fix rejected rows before they are replayed."""

import threading

import polars as pl
import pytest

from propload.earlier_runs.fixing import apply_fix, fix_fingerprint
from propload.errors import ConfigError

NUMBERS = (5, 6, 7, 8)


def apply(fix, **columns):
    rows_read = pl.DataFrame(columns or {"id": [1, 2, 3, 4]})
    rows, numbers = apply_fix(rows_read, NUMBERS[: rows_read.height], "a.csv", fix)
    return rows.to_pydict(), numbers


def test_fixed_rows_keep_their_numbers_when_moved_or_left_out():
    assert apply(lambda frame: frame) == ({"id": [1, 2, 3, 4]}, NUMBERS)
    reversed_rows = apply(lambda frame: frame.reverse())
    assert reversed_rows == ({"id": [4, 3, 2, 1]}, (8, 7, 6, 5))
    rearranged = apply(lambda frame: pl.concat([frame[1:3], frame[:1]]))
    assert rearranged == ({"id": [2, 3, 1]}, (6, 7, 5))
    texts = apply(lambda frame: frame[3:].cast(pl.String))
    assert texts == ({"id": ["4"]}, (8,))
    assert apply(lambda frame: frame.clear()) == ({"id": []}, ())


@pytest.mark.parametrize(
    "drop_numbers",
    [
        lambda frame: frame.select("id"),
        lambda frame: frame.with_columns(propload_row=None),
        lambda frame: frame.with_columns(propload_row=pl.lit("x")),
    ],
)
def test_fix_that_leaves_out_rows_must_keep_the_column_of_numbers(drop_numbers):
    with pytest.raises(ConfigError, match=r"made 1 row of 4 without .*propload_row"):
        apply(lambda frame: drop_numbers(frame[:1]))
    # if none is left out, the rows are taken to be in the same order
    assert apply(drop_numbers) == ({"id": [1, 2, 3, 4]}, NUMBERS)


def test_propload_row_column_of_the_data_is_not_taken_for_numbers():
    columns = {"id": [1], "propload_row": [70]}
    assert apply(lambda frame: frame, **columns) == (columns, (5,))


@pytest.mark.parametrize(
    ("fix", "error_name"),
    [
        (lambda _: None, "TypeError"),
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (lambda frame: frame.select("nothing"), "ColumnNotFoundError"),
    ],
)
def test_error_names_the_fix_that_failed(fix, error_name):
    with pytest.raises(
        ConfigError, match=rf"the fix .*lambda.* of a.csv: {error_name}"
    ):
        apply(fix)


def make_fix(body, **others):
    """Return a fix with this body, which refers to the others by their names."""
    others["__name__"] = "fixes"
    exec(f"def fix(frame):\n    {body}", others)  # noqa: S102 - it is ours
    return others["fix"]


def test_fingerprint_of_a_fix_depends_on_its_code_and_its_globals():
    bodies = ("return frame", "return frame[:1]", "# as it is\n    return frame")
    one, other, commented = (fix_fingerprint(make_fix(body)) for body in bodies)
    assert one == fix_fingerprint(make_fix(bodies[0])) == commented
    assert len({one, other, fix_fingerprint(None)}) == 3
    low, high = (
        fix_fingerprint(make_fix("return price", price=price)) for price in (1, 2)
    )
    assert low != high


def test_fingerprint_is_of_the_code_alone_if_globals_are_opaque():
    bodies = ("return lock, frame", "return lock, frame", "return lock, frame[:1]")
    found = [fix_fingerprint(make_fix(body, lock=threading.Lock())) for body in bodies]
    assert found[0] == found[1] != found[2]
