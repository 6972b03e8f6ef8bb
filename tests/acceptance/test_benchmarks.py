"""The benchmarks: what they judge by is right, and each one runs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from types import SimpleNamespace
from unittest.mock import Mock

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import (
    batch_size,
    crawl,
    growth,
    latency,
    limit,
    measuring,
    memory,
    peers,
    stages,
    workers,
)
from benchmarks.alone import MemoryUse, numbers
from benchmarks.candidates import Candidate
from benchmarks.layout import Layout, column_types
from benchmarks.listings import LISTINGS, changed, listings
from benchmarks.scratch import WrongValuesError, open_scratch
from benchmarks.works import NEW, SECOND, UNCHANGED, FileWorks, ListingWorks

pytestmark = [
    pytest.mark.timeout(240),
    # what is tested is how things are measured; a server is only where rows go
    pytest.mark.one_server,
]

FIRST = "id,day,price\n1,2026-11-01,$5\n1,2026-11-02,\n2,2026-11-01,$7\n"
SECOND_FILE = "id,day,price\n2,2026-11-01,$8\n3,2026-11-01,$9\n"


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """Keep what is measured here from what this machine has measured."""
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def files(tmp_path):
    """Write two files that share a key."""
    paths = [tmp_path / "first.csv", tmp_path / "second.csv"]
    for path, text in zip(paths, (FIRST, SECOND_FILE), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


# --- works ------------------------------------------------------------------------


def test_a_second_file_replaces_the_rows_whose_keys_it_shares(files):
    works = FileWorks.read(files, ("id", "day"))
    assert works.layout == Layout(
        {"id": "bigint", "day": "date", "price": "text"}, ("id", "day")
    )
    work = works.work(SECOND, 10)
    expected = pl.DataFrame(
        {
            "id": [1, 1, 2, 3],
            "day": [date(2026, 11, day) for day in (1, 2, 1, 1)],
            "price": ["$5", None, "$8", "$9"],
        }
    )
    assert_frame_equal(work.result.sort("id", "day"), expected)


def test_one_file_has_no_second_one(files):
    works = FileWorks.read(files[:1], ("id", "day"))
    assert works.names == (NEW, UNCHANGED)
    assert works.work(NEW, 2).result.height == 2


@pytest.mark.parametrize(
    ("key", "told"),
    [(("id",), "does not name each row once"), (("code",), "has no column code")],
)
def test_a_key_that_is_none_is_refused(files, key, told):
    with pytest.raises(ValueError, match=told):
        FileWorks.read(files, key)


def test_columns_of_other_types_are_refused():
    with pytest.raises(ValueError, match="column a: benchmarks have no rows of type"):
        column_types(pl.DataFrame({"a": [[1]]}))


@pytest.mark.parametrize("name", ListingWorks().names)
def test_the_result_of_a_work_holds_every_given_row(name):
    work = ListingWorks().work(name, 200)
    keys = list(LISTINGS.key)
    assert work.result.select(keys).n_unique() == work.result.height
    assert work.result.join(work.given, on=work.given.columns, how="semi").height >= 100
    lost = work.stored.join(work.result, on=keys, how="anti")
    assert lost.is_empty()


@pytest.mark.parametrize("name", ListingWorks().names)
def test_rows_may_be_given_in_the_order_of_their_key(name):
    scattered = ListingWorks().work(name, 200)
    ordered = ListingWorks(by_key=True).work(name, 200)
    keys = list(LISTINGS.key)
    assert not scattered.given.equals(scattered.given.sort(keys))
    assert ordered.given.equals(scattered.given.sort(keys))
    assert ordered.stored.equals(scattered.stored.sort(keys))
    assert ordered.result.equals(scattered.result)


# --- the oracle -------------------------------------------------------------------


def test_other_values_are_found(database):
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


# --- conclusions ------------------------------------------------------------------


def paces(*told, work=UNCHANGED):
    """Return a run of each candidate, form, number of rows and pace."""
    return pl.DataFrame(
        [
            {"work": work, "form": form, "candidate": name, "rows": rows, "run": 0}
            | {"seconds": 1.0, "rows_per_second": float(pace)}
            for name, form, rows, pace in told
        ]
    )


OURS = ("propload_frame", "frame", 9, 300)


def test_peers_with_the_same_key_and_the_one_without_are_told_apart():
    others = [
        ("pgpq_copy", "frame", 9, 100),
        ("dlt_arrow", "frame", 9, 50),
        ("dlt_tuned", "frame", 9, 60),
        ("dlt_keyless", "frame", 9, 200),
    ]
    assert peers.conclude(paces(OURS, *others)) == (
        "unchanged, 9 rows (frame): propload 300 rows/s, the fastest other with the "
        "same key (pgpq_copy) 100: 3.0 times; 5.0 times dlt_tuned, where 5 are "
        "aimed at; 1.5 times dlt_keyless"
    )
    # alone, propload is compared with nobody
    assert peers.conclude(paces(OURS)) == ""


def test_propload_is_compared_with_as_many_rows_of_the_same_form():
    frame = paces(
        OURS,
        ("propload_frame", "frame", 4, 200),
        ("propload_dicts", "dicts", 9, 150),
        ("propload_dicts", "dicts", 4, 120),
        ("duckdb_insert", "frame", 4, 100),
        ("dlt_dicts", "dicts", 4, 5),
        work=NEW,
    )
    assert peers.conclude(frame) == (
        "new table, 4 rows (frame): propload 200 rows/s, the fastest other with the "
        "same key (duckdb_insert) 100: 2.0 times\n"
        "new table, 4 rows (dicts): propload 120 rows/s, the fastest other with the "
        "same key (dlt_dicts) 5: 24.0 times; 24.0 times dlt_dicts, where 20 are "
        "aimed at"
    )
    ratios = dict(
        peers.compare(frame).select("candidate", "propload_is_faster").iter_rows()
    )
    assert ratios["duckdb_insert"] == 2
    assert ratios["dlt_dicts"] == 24
    assert ratios["propload_frame, 4 rows"] == ratios["propload_frame"] == 1
    # nobody knows of how many rows these were
    assert ratios["the seed, 1 worker"] is None


def test_propload_is_measured_at_each_number_of_rows_of_its_form():
    def one(name, form, most):
        return Candidate(name, form, most, load=lambda *_: None)

    chosen = [
        one("propload_frame", "frame", 100),
        one("duckdb_insert", "frame", 20),
        one("propload_dicts", "dicts", 100),
        one("dlt_dicts", "dicts", 5),
    ]
    assert [(found.name, size) for found, size in peers.sizes(chosen, 50)] == [
        ("propload_frame", 50),
        ("propload_frame", 20),
        ("duckdb_insert", 20),
        ("propload_dicts", 50),
        ("propload_dicts", 5),
        ("dlt_dicts", 5),
    ]


def test_each_item_waits_for_its_own_transaction():
    looks = [
        # the second lane's transaction, 11, is over before that of the first
        latency.Look.of(1.0, "10:10:"),
        latency.Look.of(2.0, "10:12:10,11"),
        latency.Look.of(3.0, "10:12:10"),
        latency.Look.of(4.0, "12:12:"),
    ]
    waits = latency.waits_of(
        {"a": 0.5, "b": 0.75, "c": 1.0}, {"a": 10, "b": 11, "c": 10}, looks
    )
    assert waits == [3.5, 2.25, 3.0]


def test_a_transaction_is_known_by_its_number_in_rows_which_begins_anew():
    look = latency.Look.of(0.0, f"{2**32 + 5}:{2**32 + 8}:{2**32 + 6}")
    over = {2**32 - 1: True, 5: True, 6: False, 7: True, 8: False, 9: False}
    assert {xid: look.is_over(xid) for xid in over} == over


# --- runs -------------------------------------------------------------------------


def answer(benchmark, database, rows, **more):
    frame = measuring.answer(benchmark, rows=rows, runs=1, to=database, **more)
    assert frame.get_column("rows_per_second").min() > 0
    return frame


def test_peers_take_files(database, files):
    only = ("propload_frame", "psycopg_copy", "duckdb_insert")
    told = {"only": only, "inputs": files, "key": ("id", "day")}
    # duckdb_insert gets fewer rows than are asked for, the files have fewer still
    frame = answer(peers, database, 1_000_000, **told)
    ours = frame.filter(candidate="propload_frame")
    assert ours.select("work", "rows").rows() == [(NEW, 3), (UNCHANGED, 3), (SECOND, 2)]
    compared = peers.compare(frame)
    assert set(compared.get_column("work")) == {NEW, UNCHANGED, SECOND}
    seed = compared.filter(pl.col("candidate").str.starts_with("the seed"))
    assert seed.get_column("rows_per_second").to_list() == [1_000, 5_000]
    assert seed.get_column("mb_per_1000_rows").to_list() == [2.5, 2.5]


def test_growth_compares_the_largest_table_with_the_first_rows(database, monkeypatch):
    monkeypatch.setattr(growth, "STEPS", 2)
    frame = answer(growth, database, 400)
    sizes = frame.select("what", "size").rows()
    assert sizes == [("input", 400), ("table", 0), ("table", 200), ("table", 400)]
    told = growth.conclude(frame)
    assert "with 400 rows in the table" in told
    assert "of the first 200" in told


def test_growth_lets_the_server_finish_earlier_work(database, monkeypatch):
    with open_scratch(database) as scratch:
        table = growth._Table(scratch, scratch.state / "added.parquet", added=5)
        settled = []
        monkeypatch.setattr(
            type(scratch), "settle", lambda _, *tables: settled.append(tables)
        )
        table.prepare(0)
        table.stored = 5
        table.prepare(5)
    assert settled == [(), ()]


def test_stages_tell_their_share(database):
    frame = answer(stages, database, 500)
    assert frame.get_column("share").sum() == pytest.approx(1)
    assert "the check" in stages.conclude(frame)


def test_the_limit_holds_the_same_rows(database):
    assert answer(limit, database, 500).height == 5


def test_a_crawl_is_timed_when_its_process_has_crawled_before(database, monkeypatch):
    clock, crawled = [0.0], []
    monkeypatch.setattr(crawl, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(crawl, "logging", Mock())

    def crawled_in(_spider, _scratch, table):
        crawled.append(table)
        clock[0] += {"warm": 100, "target": 3}[table]

    with open_scratch(database) as scratch:
        assert crawl._seconds(crawled_in, 10, scratch) == 3
    assert crawled == ["warm", "target"]


def test_a_crawl_alone_and_into_a_table_are_told_apart(database):
    frame = answer(crawl, database, 50, warm=0)
    assert frame.get_column("how").to_list() == ["crawl alone", "crawl into a table"]


def test_sizes_of_a_batch_are_those_of_which_several_fit():
    assert workers.sizes(300_000, grid=False) == (5_000, 50_000)
    assert workers.sizes(800_000, grid=True) == workers.GRID
    assert workers.sizes(4_000, grid=True) == (10, 100, 1_000)
    assert workers.sizes(500, grid=False) == (125,)
    told = [(how, size) for how, size, _ in batch_size._sizes(4_000)]
    assert told == [("batch_rows", size) for size in (10, 100, 1_000)] + [
        ("pushed", 100),
        ("pushed", 1_000),
    ]
    assert {size for _, size, _ in batch_size._sizes(batch_size.ROWS)} >= {200_000}


def test_batch_sizes_are_loaded_alone(database):
    frame = answer(batch_size, database, 400, warm=0)
    assert frame.select("how", "batch_rows").rows() == [
        ("batch_rows", 10),
        ("batch_rows", 100),
        ("pushed", 100),
    ]
    assert "within 5% of the fastest" in batch_size.conclude(frame)
    # what is in this process is not in those that load
    assert frame.get_column("peak_mb").max() < 400
    assert frame.get_column("commit_ms").min() > 0


def test_workers_are_compared_at_each_size_of_the_grid(database, monkeypatch):
    monkeypatch.setattr(workers, "WORKERS", (1, 2))
    frame = answer(workers, database, 400, warm=0, grid=True)
    new = frame.filter(work=workers.NEW).select("batch_rows", "workers").rows()
    assert new == [(10, 1), (10, 2), (100, 1), (100, 2)]
    assert frame.filter(work=workers.CHANGED).height == 2
    assert "ms to a batch's commit" in workers.conclude(frame)


def test_memory_is_told_for_each_row_in_flight():
    use = MemoryUse(
        base=200_000_000,
        peak=500_000_000,
        after=300_000_000,
        arrow=100_000_000,
        seconds=1.0,
        start=0.1,
    )
    told = memory.figures(use, 250.0)
    # 400,000 rows were in flight, for which the process grew by 300 MB
    assert told["bytes_a_row"] == pytest.approx(750)
    assert told["times_arrow"] == pytest.approx(3)
    assert (told["base_mb"], told["peak_mb"], told["after_mb"]) == (200, 500, 300)
    line = {"batch_rows": "auto", "workers": "auto", "rows": 9, "run": 0}
    said = memory.conclude(pl.DataFrame([line | {"rows_per_second": 9.0} | told]))
    assert "base 200 MB, peak 500 MB, after the run 300 MB" in said
    assert "A row in flight took 750 bytes, 3.0 times its 250 in Arrow" in said


def test_a_load_too_short_to_be_seen_tells_no_row_in_flight():
    told = memory.figures(MemoryUse(1, 2, 1, 0, 1.0, 0.1), 250.0)
    assert "bytes_a_row" not in told


def test_beginning_and_end_of_a_load_are_not_its_pace():
    def use(seconds):
        return MemoryUse(0, 0, 0, 0, seconds, start=0.2)

    assert numbers(use(1.0))["seconds"] == pytest.approx(0.8)
    # so few rows tell no pace
    assert numbers(use(0.1))["seconds"] == pytest.approx(0.01)


def test_latency_measures_every_item_after_a_warm_up(database, monkeypatch):
    monkeypatch.setattr(latency, "PACES", (1_000,))
    monkeypatch.setattr(latency, "WAITS", (0.1,))
    turns = []
    line = latency._line
    monkeypatch.setattr(
        latency, "_line", lambda *told: turns.append(line(*told)) or turns[-1]
    )
    frame = answer(latency, database, 100, warm=1)
    assert len(turns) == 2
    assert frame.select("rows", "run").rows() == [(500, 0)]
    # batches of a tenth of a second: no item waits for nothing
    assert 0 < frame.item(0, "p50_ms") <= frame.item(0, "p99_ms")
    assert frame.item(0, "p99_ms") <= frame.item(0, "p100_ms")
    assert "1,000 items/s" in latency.conclude(frame)


# --- from the command line --------------------------------------------------------


def test_a_run_is_kept_and_told(database, tmp_path, monkeypatch, capsys):
    told = tmp_path / "told.json"
    flags = ["--rows", "500", "--runs", "1", "--to", database, "--json", str(told)]
    monkeypatch.setattr(sys, "argv", ["stages", *flags, "--only", "check"])
    measuring.main(stages)
    assert stages.QUESTION in capsys.readouterr().out
    cases = json.loads(told.read_text(encoding="utf-8"))["cases"]
    assert [case["stage"] for case in cases] == ["check"]
    kept = measuring.results("stages")
    assert kept.height == 1
    facts = json.loads(kept.item(0, "machine"))
    assert "polars" in facts
    assert facts["processor"]
    assert facts["psycopg"]
    assert facts["server"]["synchronous_commit"] in {"on", "off", "local"}
    assert facts["server"]["shared_buffers"]


def test_what_a_notebook_measures_is_kept(database):
    frame = answer(stages, database, 500, only=["check"])
    kept = measuring.results("stages")
    assert kept.drop("measured_at", "machine").equals(frame)
    assert json.loads(kept.item(0, "machine"))["server"]["fsync"]


def test_runs_that_end_at_once_are_all_kept(monkeypatch):
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    monkeypatch.setattr(measuring, "datetime", Mock(now=lambda _: moment))
    for rows in (1, 2):
        measuring.keep("stages", pl.DataFrame({"rows": [rows]}), {})
    assert sorted(measuring.results("stages").get_column("rows")) == [1, 2]


def test_a_system_that_does_not_name_its_processor_tells_its_kind(
    monkeypatch, tmp_path
):
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr(measuring, "CPU_FACTS", told)
    assert measuring.processor()
    told.write_text("processor : 0\nmodel name : Fast 9000\n", encoding="utf-8")
    assert measuring.processor() == "Fast 9000"


def test_a_part_of_no_label_is_said(database, monkeypatch):
    flags = ["--rows", "100", "--runs", "1", "--to", database, "--only", "nothing"]
    monkeypatch.setattr(sys, "argv", ["stages", *flags])
    with pytest.raises(SystemExit, match="no case has one of nothing in a label"):
        measuring.main(stages)


@pytest.mark.parametrize("flags", [["--input", "a.csv"], ["--input", "a", "b", "c"]])
def test_input_without_a_key_or_of_too_many_files_is_refused(
    flags, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["peers", *flags])
    with pytest.raises(SystemExit):
        measuring.main(peers)
    assert "needs --key" in capsys.readouterr().err
