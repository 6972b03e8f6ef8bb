"""The limit on rejects of a load does not hold for the replay of its rejects."""

import polars as pl
import pytest

import propload
from propload.errors import RejectLimitError

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

ROWS = [{"id": n, "price": "dear" if n < 10 else "1"} for n in range(100)]


def mend_one(frame):
    mended = pl.when(pl.col("id") == 0).then(pl.lit("7")).otherwise("price")
    return frame.with_columns(price=mended)


@pytest.fixture
def rejected(database):
    settings = {"to": database, "table": "homes", "key": "id"}
    propload.ingest([{"id": 100, "price": 1}], **settings)
    report = propload.ingest(ROWS, max_rejects="20%", **settings)
    assert report.counts.rejected == 10
    return report


def test_limit_of_the_load_does_not_stop_the_replay(database, rejected):
    again = propload.replay(rejected.run_id, fix=mend_one, to=database)
    assert (again.status, again.counts.inserted) == ("loaded", 1)
    assert again.counts.rejected == 9


def test_limit_given_to_the_replay_stops_it(database, rejected):
    with pytest.raises(RejectLimitError):
        propload.replay(rejected.run_id, fix=mend_one, to=database, max_rejects="20%")
