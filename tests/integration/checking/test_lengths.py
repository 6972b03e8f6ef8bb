"""A value of a wrong length, or of too many digits, is told as a load rejects it."""

from __future__ import annotations

from decimal import Decimal

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(180)

TEXTS = ["101", "10", "1010", "abc", None, "101  ", ""]
NUMBERS = [Decimal("1.5"), Decimal("1.25"), Decimal("12345.5"), None]
#: How many values each type rejects.
OF_TEXTS = {
    "bit(3)": 5,
    "bit": 6,
    "varbit(3)": 3,
    "char(3)": 1,
    "varchar(3)": 1,
    "three": 5,
}


def says_what_is_done(dsn, pg_type, values, form):
    run_sql(
        dsn,
        "CREATE DOMAIN three AS bit(3)",
        f"CREATE TABLE rows (id int PRIMARY KEY, v {pg_type})",
    )
    rows = [{"id": n, "v": form(v)} for n, v in enumerate(values)]
    told = {"to": dsn, "table": "rows", "key": "id"}
    said = propload.check(rows, **told)
    done = propload.ingest(rows, **told)
    assert said.expected == done.counts
    reasons = done.reasons.select("column", "check", "rows").rows()
    assert {(one.column, one.check, one.rows) for one in said.reasons} == set(reasons)
    return done.counts.rejected


@pytest.mark.parametrize(("pg_type", "rejected"), OF_TEXTS.items())
def test_a_text_of_a_wrong_length_is_told(database, pg_type, rejected):
    found = says_what_is_done(database, pg_type, TEXTS, lambda text: text)
    assert found == rejected


@pytest.mark.parametrize(
    "form",
    [
        lambda text: None if text is None else ["101", text],
        # read as a list of the source's own, and as a text
        lambda text: None if text is None else f'{{"101","{text}"}}',
    ],
    ids=["lists", "texts"],
)
@pytest.mark.parametrize(("pg_type", "rejected"), OF_TEXTS.items())
def test_an_element_of_a_wrong_length_is_told(database, pg_type, rejected, form):
    # of a bit alone, the element that is good elsewhere is bad
    rejected = 6 if pg_type == "bit" else rejected
    assert says_what_is_done(database, f"{pg_type}[]", TEXTS, form) == rejected


@pytest.mark.parametrize("pg_type", ["numeric(4,1)", "numeric(4,1)[]"])
def test_a_number_of_too_many_digits_is_told(database, pg_type):
    is_list = pg_type.endswith("[]")
    form = (lambda n: None if n is None else [n]) if is_list else (lambda n: n)
    assert says_what_is_done(database, pg_type, NUMBERS, form) == 2
