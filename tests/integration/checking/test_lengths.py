"""A check rejects values of a wrong length or precision as the load does."""

from __future__ import annotations

from decimal import Decimal

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(180)

TEXTS = ["101", "10", "1010", "abc", None, "101  ", ""]
NUMBERS = [Decimal("1.5"), Decimal("1.25"), Decimal("12345.5"), None]
#: How many of the texts each type rejects.
REJECTED_TEXTS = {
    "bit(3)": 5,
    "bit": 6,
    "varbit(3)": 3,
    "char(3)": 1,
    "varchar(3)": 1,
    "three": 5,
}


def rejected_by_check_and_load(dsn, pg_type, values, form):
    """Return how many values a load rejects, once the check has predicted the same."""
    run_sql(
        dsn,
        "CREATE DOMAIN three AS bit(3)",
        f"CREATE TABLE rows (id int PRIMARY KEY, v {pg_type})",
    )
    rows = [{"id": n, "v": form(v)} for n, v in enumerate(values)]
    settings = {"to": dsn, "table": "rows", "key": "id"}
    checked = propload.check(rows, **settings)
    loaded = propload.ingest(rows, **settings)
    assert checked.expected == loaded.counts
    reasons = loaded.reasons.select("column", "check", "rows").rows()
    assert {(one.column, one.check, one.rows) for one in checked.reasons} == set(
        reasons
    )
    return loaded.counts.rejected


@pytest.mark.parametrize(("pg_type", "rejected"), REJECTED_TEXTS.items())
def test_texts_of_a_wrong_length_are_rejected(database, pg_type, rejected):
    count = rejected_by_check_and_load(database, pg_type, TEXTS, lambda text: text)
    assert count == rejected


@pytest.mark.parametrize(
    "form",
    [
        lambda text: None if text is None else ["101", text],
        # the same list as a text in the server's notation
        lambda text: None if text is None else f'{{"101","{text}"}}',
    ],
    ids=["lists", "texts"],
)
@pytest.mark.parametrize(("pg_type", "rejected"), REJECTED_TEXTS.items())
def test_array_elements_of_a_wrong_length_are_rejected(
    database, pg_type, rejected, form
):
    # a single bit cannot hold the first element, which is good elsewhere
    rejected = 6 if pg_type == "bit" else rejected
    assert rejected_by_check_and_load(database, f"{pg_type}[]", TEXTS, form) == rejected


@pytest.mark.parametrize("pg_type", ["numeric(4,1)", "numeric(4,1)[]"])
def test_numbers_with_too_many_digits_are_rejected(database, pg_type):
    is_list = pg_type.endswith("[]")
    form = (lambda n: None if n is None else [n]) if is_list else (lambda n: n)
    assert rejected_by_check_and_load(database, pg_type, NUMBERS, form) == 2
