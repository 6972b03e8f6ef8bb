"""What happens after the table was read is heeded: no row is kept back for it."""

import pytest

import propload
from tests.integration.reading import read_table, run_sql
from tests.integration.stored_rows.homes import (
    REACHING,
    after_the_reading,
    homes,
    load,
    named_homes,
    recorded_ends,
)

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize(
    "change",
    [
        ["TRUNCATE homes_1"],
        [
            "ALTER TABLE homes DETACH PARTITION homes_1",
            "ALTER TABLE homes ATTACH PARTITION spare FOR VALUES FROM (1000) TO (2000)",
        ],
    ],
    ids=["emptied", "another"],
)
def test_rows_that_went_with_a_partition_since_the_table_was_read_are_sent(
    database, compared, monkeypatch, change
):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, price bigint, street text, "
        "seen timestamptz) PARTITION BY RANGE (k)",
        *(
            f"CREATE TABLE homes_{n} PARTITION OF homes "
            f"FOR VALUES FROM ({n * 1_000}) TO ({(n + 1) * 1_000})"
            for n in range(3)
        ),
        "CREATE TABLE spare (LIKE homes INCLUDING ALL)",
    )
    frame = homes()
    load(database, frame)
    after_the_reading(monkeypatch, lambda: run_sql(database, *change))
    counts = load(database, frame, workers=1, batch_rows=500)
    assert compared()
    assert counts == propload.Counts(read=3_000, inserted=1_000, unchanged=2_000)
    assert read_table(database, "homes").sort("k").equals(frame)


# a rule that is made meanwhile ends the load
@pytest.mark.parametrize("what", ["trigger", "reference"])
def test_what_changes_others_since_the_table_was_read_is_heeded(
    database, compared, monkeypatch, what
):
    frame = named_homes(database)
    after_the_reading(monkeypatch, lambda: run_sql(database, *REACHING[what]))
    given_up = recorded_ends(monkeypatch)
    assert load(database, frame, workers=1, batch_rows=100).unchanged == 500
    assert compared()
    assert given_up


@pytest.mark.parametrize(
    "change", ["TRUNCATE homes", "ALTER TABLE homes ALTER price TYPE int4"]
)
def test_rows_that_went_with_their_file_since_the_table_was_read_are_sent(
    database, compared, monkeypatch, change
):
    frame = homes(500)
    load(database, frame)
    after_the_reading(monkeypatch, lambda: run_sql(database, change))
    told = {"to": database, "table": "homes", "key": "k", "progress": False}
    if change.startswith("TRUNCATE"):
        report = propload.ingest(frame, workers=1, batch_rows=100, **told)
        assert report.counts == propload.Counts(read=500, inserted=500)
        assert read_table(database, "homes").sort("k").equals(frame)
    else:
        with pytest.raises(propload.LoadError, match="price is integer now"):
            propload.ingest(frame, workers=1, batch_rows=100, **told)
    assert compared()
