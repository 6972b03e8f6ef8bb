"""Four processes load overlapping keys while a fifth session changes rows."""

from __future__ import annotations

import json

import pytest

import propload
from propload.errors import WriteError
from propload.postgres.session.connection import connect
from tests.faults import loading
from tests.integration.reading import read_table, run_sql

pytestmark = pytest.mark.timeout(400)

KEYS = 3_000
#: Loads repeatedly until its seconds are over; no two loads bring the same version.
LOADER = """
import json, sys, time
import polars as pl
import propload
dsn, seed, seconds, keys = sys.argv[1], *map(int, sys.argv[2:])
end, turn, totals = time.monotonic() + seconds, 0, propload.Counts()
while not turn or time.monotonic() < end:
    turn += 1
    ids = pl.int_range(0, keys, eager=True).shuffle(seed=seed * 1000 + turn)
    version = ids * 0 + turn * 4 + seed
    frame = pl.DataFrame({"id": ids, "version": version, "value": ids * version})
    report = propload.ingest(frame, to=dsn, table="shared", key="id",
                             newest="version", batch_rows=150, workers=seed % 3 + 1,
                             progress=False, retry_attempts=30)
    report.counts.verify()
    totals = totals + report.counts
print(json.dumps({"turns": turn, "counts": report.as_dict()["counts"],
                  "retries": report.retries}))
"""


def test_concurrent_loads_survive_deadlocks_and_lose_no_newer_row(dsn, chance, long):
    run_sql(
        dsn,
        "CREATE TABLE shared (id bigint PRIMARY KEY, version bigint, value bigint)",
    )
    seconds = 60 if long else 3
    processes = [
        loading.start_python(LOADER, dsn, seed, seconds, KEYS) for seed in range(4)
    ]
    changed = {}
    version = 0
    with connect(dsn, application_name="observer") as session:
        while not all(process.ended for process in processes):
            version += 1
            # in the reverse of the order in which loads take their locks
            ids = sorted(chance.sample(range(KEYS), 20), reverse=True)
            change(session, ids, 10**6 + version, changed)
    turns = 0
    for process in processes:
        assert process.wait() == 0, process.log
        result = json.loads(process.printed)
        propload.Counts(**result["counts"]).verify()
        turns = max(turns, result["turns"])
        newest = turns * 4 + 3
    table = {row[0]: row[1:] for row in read_table(dsn, "shared").iter_rows()}
    assert len(table) == KEYS
    assert changed
    for key, (stored_version, value) in table.items():
        assert value == key * stored_version
        if key in changed:
            # newer than any version that a load brings
            assert stored_version == changed[key]
        else:
            assert turns * 4 <= stored_version <= newest


def change(session, ids, version, changed):
    """Change rows one by one, as other programs do; a deadlock may undo the changes."""
    done = []
    try:
        for key in ids:
            count = session.execute(
                f"UPDATE shared SET version = {version}, "
                f"value = {key} * {version}::bigint WHERE id = {key}"
            )
            done += [key] if count else []
        session.commit()
    except WriteError as error:
        session.rollback()
        assert error.sqlstate == "40P01"  # noqa: PT017 - anything else is a fault
    else:
        changed |= dict.fromkeys(done, version)
