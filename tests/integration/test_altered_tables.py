"""A table that is altered while rows are on their way into it."""

import pytest

import propload
from propload.errors import LoadError
from tests.faults.server import wait_until
from tests.integration.reading import read_table, run_sql

pytestmark = pytest.mark.timeout(60)

MADE = "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)"
#: More than the spool's least, so that a server that has one is told to copy a file.
PART = 500


def rows(first):
    return [{"id": n, "price": n + 100_000} for n in range(first, first + PART)]


def test_no_value_is_taken_for_one_of_another_type(database, state_dir):
    run_sql(database, MADE)
    settings = {"to": database, "table": "homes", "key": "id"}
    metrics = propload.Metrics()
    loader = propload.Loader(metrics=metrics, batch_seconds=0.05, **settings)
    loader.put(rows(0))
    wait_until(lambda: metrics.snapshot().counts.accounted == PART)
    run_sql(database, "ALTER TABLE homes ALTER price TYPE double precision")
    loader.put(rows(PART))
    with pytest.raises(LoadError) as caught:
        loader.close()
    assert (
        "table public.homes was changed while rows were on their way into it: column "
        "price is double precision now and was bigint"
    ) in str(caught.value)
    assert caught.value.report.counts.inserted == PART
    assert read_table(database, "homes").height == PART
    (report,) = propload.recover(to=database)
    assert report.counts.inserted == 2 * PART
    stored = read_table(database, "homes").sort("id")
    assert stored["price"].to_list() == [float(n + 100_000) for n in range(2 * PART)]


def test_rows_that_went_with_their_table_are_told_of_by_a_recovery(
    database, state_dir, caplog
):
    run_sql(database, MADE)
    metrics = propload.Metrics()
    loader = propload.Loader(
        to=database, table="homes", key="id", metrics=metrics, batch_seconds=0.05
    )
    loader.put(rows(0))
    wait_until(lambda: metrics.snapshot().counts.accounted == PART)
    run_sql(database, "DROP TABLE homes", MADE)
    loader.put(rows(PART))
    with pytest.raises(LoadError, match="it was dropped and made again"):
        loader.close()
    propload.recover(to=database)
    assert read_table(database, "homes")["id"].min() == PART
    assert (
        f"had written {PART} rows into public.homes, which is another table since"
        in caplog.text
    )
