"""The candidates of the benchmark `peers`: each does each work, and is no worse off."""

from __future__ import annotations

import os
import sys

import pytest

from benchmarks import peers
from benchmarks.candidates import CANDIDATES, Candidate
from benchmarks.layout import Layout
from benchmarks.listings import listings
from benchmarks.measuring import Options
from benchmarks.peers.upsert import on_conflict_clause
from benchmarks.scratch import open_scratch
from benchmarks.workloads import NEW, UNCHANGED, ListingWorkloads

pytestmark = [
    pytest.mark.timeout(120),
    # what is tested is how things are measured; a server is only where rows go
    pytest.mark.one_server,
]

ROWS = 200
WORKLOADS = ListingWorkloads().names
#: dlt by default writes a row anew that is stored as it is.
REWRITING = {"dlt_arrow", "dlt_keyless", "dlt_dicts"}


@pytest.fixture
def scratch(database):
    """Give a namespace in the test's database."""
    with open_scratch(database) as opened:
        yield opened


def cases_of(scratch, name, workloads=WORKLOADS):
    """Give the cases of a candidate, or skip the test where it is not installed."""
    if Candidate.find(name) is None:
        pytest.skip(f"{name} is not installed")
    options = Options(ROWS, 1, only=(name,))
    for work in workloads:
        yield from peers.cases(scratch, ListingWorkloads(), work, options)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import no_such_library", None),
        ("from benchmarks.no_such_module import load", ModuleNotFoundError),
        ("from benchmarks.listings import no_such_name", ImportError),
        ("import polars.no_such_part", None),
    ],
)
def test_only_a_library_that_is_not_installed_leaves_a_candidate_out(
    code, found, tmp_path, monkeypatch, capsys
):
    (tmp_path / "broken.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(peers, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "benchmarks.peers.broken", raising=False)
    if found is not None:
        with pytest.raises(found):
            Candidate.find("broken")
        return
    assert Candidate.find("broken") is None
    assert "left out broken" in capsys.readouterr().out


@pytest.mark.parametrize("name", CANDIDATES)
def test_a_candidate_does_each_work(name, scratch):
    done = set()
    for case in cases_of(scratch, name):
        case.prepare()
        case.run()
        case.verify()
        done.add(case.labels["work"])
    assert done == set(WORKLOADS)


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_meets_rows_in_the_order_in_which_they_were_given(
    name, scratch
):
    (case,) = cases_of(scratch, name, [UNCHANGED])
    case.prepare()
    given = (
        ListingWorkloads().workload(UNCHANGED, ROWS).incoming.get_column("listing_id")
    )
    assert places(scratch) == given.to_list()


def test_rows_are_brought_into_the_order_of_another_table(scratch):
    rows = listings(ROWS)
    scratch.fill("original", rows)
    scratch.fill("target", rows.sort("listing_id"))
    scratch.execute("ALTER TABLE target ADD COLUMN own text")
    scratch.arrange("target", "original")
    assert places(scratch) == rows.get_column("listing_id").to_list()
    scratch.verify("target", scratch.digest_of(rows))


@pytest.mark.parametrize("name", CANDIDATES)
def test_the_server_has_finished_earlier_work_before_each_run(
    name, scratch, monkeypatch
):
    settled = []
    monkeypatch.setattr(
        type(scratch), "settle", lambda _, *tables: settled.append(tables)
    )
    new, unchanged = cases_of(scratch, name, [NEW, UNCHANGED])
    settled.clear()
    new.prepare()
    # an empty table that was analyzed would have other plans than a new one
    assert settled == [()]
    unchanged.prepare()
    assert settled[1:] == [("target",)]


@pytest.mark.parametrize("name", [one for one in CANDIDATES if one not in REWRITING])
def test_a_row_that_is_stored_as_it_is_stays_alone(name, scratch):
    (case,) = cases_of(scratch, name, [UNCHANGED])
    case.prepare()
    before = versions(scratch)
    case.run()
    assert len(before) == ROWS
    assert versions(scratch) == before


def versions(scratch):
    """Return where the rows of the table lie, each with the transaction it is of."""
    with scratch.connect() as connection:
        query = b"SELECT ctid::text, xmin::text FROM target ORDER BY 1"
        return connection.execute(query).fetchall()


def places(scratch):
    """Return the keys of the table's rows in the order in which they lie there."""
    with scratch.connect() as connection:
        found = connection.execute(b"SELECT listing_id FROM target ORDER BY ctid")
        return [key for (key,) in found]


def test_rows_that_are_all_key_have_nothing_to_set():
    layout = Layout({"id": "bigint", "day": "date"}, ("id", "day"))
    assert on_conflict_clause(layout) == 'ON CONFLICT ("id", "day") DO NOTHING'


def test_tuned_dlt_loads_a_slice_a_processor_side_by_side(scratch, monkeypatch):
    tuned = pytest.importorskip("benchmarks.peers.dlt_tuned")
    seen = []
    monkeypatch.setattr(
        tuned,
        "run",
        lambda slices, *_, **__: seen.append(
            ([part.num_rows for part in slices], os.environ["LOAD__WORKERS"])
        ),
    )
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(tuned, "LEAST_SLICE", 10)
    monkeypatch.delenv("LOAD__WORKERS", raising=False)
    tuned.load(ListingWorkloads().workload(UNCHANGED, 101).incoming, scratch, "target")
    assert seen == [([51, 50], "2")]
    # the next candidate is dlt as it comes
    assert "LOAD__WORKERS" not in os.environ
