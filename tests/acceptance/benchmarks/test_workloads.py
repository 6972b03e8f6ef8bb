"""The workloads of benchmarks, and how their results are verified."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.layout import Layout, column_types
from benchmarks.listings import LISTINGS, changed, listings
from benchmarks.scratch import WrongValuesError, open_scratch
from benchmarks.workloads import NEW, SECOND, UNCHANGED, FileWorkloads, ListingWorkloads
from propload.postgres.session.dsn import parse_dsn

pytestmark = [
    pytest.mark.timeout(240),
    # these tests are of the measuring; the version of the server does not matter
    pytest.mark.one_server,
]


def test_second_file_replaces_the_rows_whose_keys_it_shares(files):
    workloads = FileWorkloads.read(files, ("id", "day"))
    assert workloads.layout == Layout(
        {"id": "bigint", "day": "date", "price": "text"}, ("id", "day")
    )
    workload = workloads.workload(SECOND, 10)
    expected = pl.DataFrame(
        {
            "id": [1, 1, 2, 3],
            "day": [date(2026, 11, day) for day in (1, 2, 1, 1)],
            "price": ["$5", None, "$8", "$9"],
        }
    )
    assert_frame_equal(workload.result.sort("id", "day"), expected)


def test_single_file_has_no_workload_of_a_second_file(files):
    workloads = FileWorkloads.read(files[:1], ("id", "day"))
    assert workloads.names == (NEW, UNCHANGED)
    assert workloads.workload(NEW, 2).result.height == 2


@pytest.mark.parametrize(
    ("key", "message"),
    [(("id",), "does not name each row once"), (("code",), "has no column code")],
)
def test_columns_that_are_no_key_are_refused(files, key, message):
    with pytest.raises(ValueError, match=message):
        FileWorkloads.read(files, key)


def test_columns_of_unsupported_types_are_refused():
    with pytest.raises(ValueError, match="column a: benchmarks have no rows of type"):
        column_types(pl.DataFrame({"a": [[1]]}))


@pytest.mark.parametrize("name", ListingWorkloads().names)
def test_result_of_a_workload_has_unique_keys_and_every_stored_key(name):
    workload = ListingWorkloads().workload(name, 200)
    keys = list(LISTINGS.key)
    assert workload.result.select(keys).n_unique() == workload.result.height
    assert (
        workload.result.join(
            workload.incoming, on=workload.incoming.columns, how="semi"
        ).height
        >= 100
    )
    lost = workload.stored.join(workload.result, on=keys, how="anti")
    assert lost.is_empty()


@pytest.mark.parametrize("name", ListingWorkloads().names)
def test_rows_can_be_ordered_by_their_key(name):
    scattered = ListingWorkloads().workload(name, 200)
    ordered = ListingWorkloads(by_key=True).workload(name, 200)
    keys = list(LISTINGS.key)
    assert not scattered.incoming.equals(scattered.incoming.sort(keys))
    assert ordered.incoming.equals(scattered.incoming.sort(keys))
    assert ordered.stored.equals(scattered.stored.sort(keys))
    assert ordered.result.equals(scattered.result)


def test_verify_finds_wrong_values_and_missing_rows(database):
    rows = listings(50)
    with open_scratch(database) as scratch:
        scratch.fill("target", rows)
        expected = scratch.digest_of(rows)
        scratch.verify("target", expected)
        scratch.verify_part("target", rows.head(10), rows=50)
        with pytest.raises(WrongValuesError, match="holds 50 rows, expected 49"):
            scratch.verify_part("target", rows.head(10), rows=49)
        scratch.fill("target", changed(rows, 0.05))
        with pytest.raises(WrongValuesError, match="values"):
            scratch.verify("target", expected)
        with pytest.raises(WrongValuesError, match="values"):
            scratch.verify_part("target", rows.head(10), rows=50)
        scratch.fill("target", rows.head(49))
        with pytest.raises(WrongValuesError, match="holds 49 rows, expected 50"):
            scratch.verify("target", expected)


@pytest.mark.timeout(120)
def test_dsn_of_the_benchmark_server_has_only_old_parameters():
    # libpq refuses a connection string with any parameter newer than itself
    with open_scratch() as scratch:
        assert set(parse_dsn(scratch.dsn)) <= {"host", "port", "user", "dbname"}
        assert scratch.settings()["server_version"]
