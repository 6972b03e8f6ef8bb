"""Changes made after the table was read are noticed: no row is left unsent wrongly."""

import pytest

import propload
from tests.integration.reading import read_table, run_sql
from tests.integration.stored_rows.homes import (
    SIDE_EFFECTS,
    act_after_reading,
    homes,
    load,
    load_named_homes,
    recorded_give_ups,
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
def test_rows_of_a_partition_lost_since_the_table_was_read_are_sent(
    database, were_compared, monkeypatch, change
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
    act_after_reading(monkeypatch, lambda: run_sql(database, *change))
    counts = load(database, frame, workers=1, batch_rows=500)
    assert were_compared()
    assert counts == propload.Counts(read=3_000, inserted=1_000, unchanged=2_000)
    assert read_table(database, "homes").sort("k").equals(frame)


# a rule created meanwhile ends the load
@pytest.mark.parametrize("side_effect", ["trigger", "reference"])
def test_comparing_ends_if_writing_a_row_may_now_change_others(
    database, were_compared, monkeypatch, side_effect
):
    frame = load_named_homes(database)
    act_after_reading(
        monkeypatch, lambda: run_sql(database, *SIDE_EFFECTS[side_effect])
    )
    given_up = recorded_give_ups(monkeypatch)
    assert load(database, frame, workers=1, batch_rows=100).unchanged == 500
    assert were_compared()
    assert given_up


@pytest.mark.parametrize(
    "change", ["TRUNCATE homes", "ALTER TABLE homes ALTER price TYPE int4"]
)
def test_no_row_counts_as_stored_once_the_table_was_rewritten(
    database, were_compared, monkeypatch, change
):
    frame = homes(500)
    load(database, frame)
    act_after_reading(monkeypatch, lambda: run_sql(database, change))
    settings = {"to": database, "table": "homes", "key": "k", "progress": False}
    if change.startswith("TRUNCATE"):
        report = propload.ingest(frame, workers=1, batch_rows=100, **settings)
        assert report.counts == propload.Counts(read=500, inserted=500)
        assert read_table(database, "homes").sort("k").equals(frame)
    else:
        with pytest.raises(propload.LoadError, match="price is integer now"):
            propload.ingest(frame, workers=1, batch_rows=100, **settings)
    assert were_compared()
