"""The candidates of the benchmark `peers`: each does each work, on equal terms."""

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
    # these tests are of the measuring; the version of the server does not matter
    pytest.mark.one_server,
]

ROWS = 200
WORKLOADS = ListingWorkloads().names
#: Candidates that, as dlt does by default, rewrite unchanged rows.
REWRITING = {"dlt_arrow", "dlt_keyless", "dlt_dicts"}


@pytest.fixture
def scratch(database):
    """Yield a namespace in the test's database."""
    with open_scratch(database) as opened:
        yield opened


def cases_of(scratch, name, workloads=WORKLOADS):
    """Yield the cases of a candidate, or skip the test if it is not installed."""
    if Candidate.find(name) is None:
        pytest.skip(f"{name} is not installed")
    options = Options(ROWS, 1, only=(name,))
    for work in workloads:
        yield from peers.cases(scratch, ListingWorkloads(), work, options)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import no_such_library", None),
        ("from benchmarks.no_such_module import load", ModuleNotFoundError),
        ("from benchmarks.listings import no_such_name", ImportError),
        ("import polars.no_such_part", None),
    ],
)
def test_candidate_is_left_out_only_if_its_library_is_not_installed(
    code, error, tmp_path, monkeypatch, capsys
):
    (tmp_path / "broken.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(peers, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "benchmarks.peers.broken", raising=False)
    if error is not None:
        with pytest.raises(error):
            Candidate.find("broken")
        return
    assert Candidate.find("broken") is None
    assert "left out broken" in capsys.readouterr().out


@pytest.mark.parametrize("name", CANDIDATES)
def test_candidate_performs_every_work(name, scratch):
    done = set()
    for case in cases_of(scratch, name):
        case.prepare()
        case.run()
        case.verify()
        done.add(case.labels["work"])
    assert done == set(WORKLOADS)


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_finds_rows_stored_in_the_given_order(name, scratch):
    (case,) = cases_of(scratch, name, [UNCHANGED])
    case.prepare()
    expected = (
        ListingWorkloads().workload(UNCHANGED, ROWS).incoming.get_column("listing_id")
    )
    assert keys_in_physical_order(scratch) == expected.to_list()


def test_arrange_brings_rows_into_the_order_of_another_table(scratch):
    rows = listings(ROWS)
    scratch.fill("original", rows)
    scratch.fill("target", rows.sort("listing_id"))
    scratch.execute("ALTER TABLE target ADD COLUMN own text")
    scratch.arrange("target", "original")
    assert keys_in_physical_order(scratch) == rows.get_column("listing_id").to_list()
    scratch.verify("target", scratch.digest_of(rows))


@pytest.mark.parametrize("name", CANDIDATES)
def test_server_finishes_earlier_work_before_each_run(name, scratch, monkeypatch):
    settled = []
    monkeypatch.setattr(
        type(scratch), "settle", lambda _, *tables: settled.append(tables)
    )
    new, unchanged = cases_of(scratch, name, [NEW, UNCHANGED])
    settled.clear()
    new.prepare()
    # an empty table that was analyzed would get other plans than a new one
    assert settled == [()]
    unchanged.prepare()
    assert settled[1:] == [("target",)]


@pytest.mark.parametrize("name", [one for one in CANDIDATES if one not in REWRITING])
def test_unchanged_rows_are_not_rewritten(name, scratch):
    (case,) = cases_of(scratch, name, [UNCHANGED])
    case.prepare()
    before = versions(scratch)
    case.run()
    assert len(before) == ROWS
    assert versions(scratch) == before


def versions(scratch):
    """Return the place of each row and the transaction that wrote it."""
    with scratch.connect() as connection:
        query = b"SELECT ctid::text, xmin::text FROM target ORDER BY 1"
        return connection.execute(query).fetchall()


def keys_in_physical_order(scratch):
    """Return the keys of the table's rows in their physical order."""
    with scratch.connect() as connection:
        found = connection.execute(b"SELECT listing_id FROM target ORDER BY ctid")
        return [key for (key,) in found]


def test_conflict_clause_updates_nothing_if_all_columns_are_keys():
    layout = Layout({"id": "bigint", "day": "date"}, ("id", "day"))
    assert on_conflict_clause(layout) == 'ON CONFLICT ("id", "day") DO NOTHING'


def test_tuned_dlt_loads_one_slice_per_processor_in_parallel(scratch, monkeypatch):
    tuned = pytest.importorskip("benchmarks.peers.dlt_tuned")
    runs = []
    monkeypatch.setattr(
        tuned,
        "run",
        lambda slices, *_, **__: runs.append(
            ([part.num_rows for part in slices], os.environ["LOAD__WORKERS"])
        ),
    )
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(tuned, "LEAST_SLICE", 10)
    monkeypatch.delenv("LOAD__WORKERS", raising=False)
    tuned.load(ListingWorkloads().workload(UNCHANGED, 101).incoming, scratch, "target")
    assert runs == [([51, 50], "2")]
    # the next candidate is dlt with its defaults
    assert "LOAD__WORKERS" not in os.environ
