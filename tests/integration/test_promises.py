"""The promises of the design, as properties of whole runs against a real server."""

import datetime as dt
import itertools
import json
import subprocess
import sys
from dataclasses import asdict

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import propload
from tests.integration.reading import read_table, run_sql, writes_of

pytestmark = pytest.mark.timeout(240)

PROPERTY = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

versions = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["a", "b"]),
            "listing_id": st.integers(1, 12),
            "seen": st.integers(0, 6).map(lambda n: START + dt.timedelta(days=n)),
            "price": st.none() | st.integers(0, 4),
            "title": st.none() | st.sampled_from(["", "x", "é 'q' \"d\"", "zz"]),
        }
    ),
    min_size=1,
    max_size=60,
)
SCHEMA = {
    "source": pl.String,
    "listing_id": pl.Int64,
    "seen": pl.Datetime("us", "UTC"),
    "price": pl.Int64,
    "title": pl.String,
}
KEY = ["source", "listing_id"]
run_sizes = st.fixed_dictionaries(
    {"batch_rows": st.integers(1, 40), "workers": st.integers(1, 8)}
)


def frame_of(rows):
    return pl.DataFrame(rows, schema=SCHEMA)


def load(database, source, **options):
    report = propload.ingest(
        source,
        **{"to": database, "table": "listing", "key": KEY, "progress": False} | options,
    )
    report.counts.verify()
    return report


def newest_of(frame):
    """Return the versions that may win: the newest of each key."""
    best = frame.group_by(KEY).agg(pl.col("seen").max())
    return frame.join(best, on=[*KEY, "seen"])


def stored(database):
    return read_table(database, "listing").sort(KEY)


@PROPERTY
@given(rows=versions, first=run_sizes, second=run_sizes, data=st.data())
def test_with_newest_order_batches_workers_and_repetition_do_not_matter(
    database, rows, first, second, data
):
    frame = frame_of(rows)
    run_sql(database, "DROP TABLE IF EXISTS listing")
    report = load(database, frame, newest="seen", **first)
    assert report.counts.read == len(rows)
    once = stored(database)
    # the stored row of each key is one of its newest versions, complete
    assert once.height == frame.select(KEY).unique().height
    assert (
        once.join(newest_of(frame), on=once.columns, nulls_equal=True)
        .select(KEY)
        .unique()
        .height
        == once.height
    )

    run_sql(database, "DROP TABLE listing")
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    parts = [
        shuffled[start:stop]
        for start, stop in itertools.pairwise([0, *cuts, len(rows)])
        if stop > start
    ]
    for part in [*parts, parts[0], parts[-1]]:
        load(database, frame_of(part), newest="seen", **second)
    assert stored(database).equals(once)


@PROPERTY
@given(rows=versions, sizes=run_sizes)
def test_without_newest_the_last_row_in_source_order_wins(database, rows, sizes):
    frame = frame_of(rows)
    run_sql(database, "DROP TABLE IF EXISTS listing")
    load(database, frame, **sizes)
    expected = frame.unique(KEY, keep="last", maintain_order=True).sort(KEY)
    assert stored(database).equals(expected)


@PROPERTY
@given(rows=versions, sizes=run_sizes, newest=st.sampled_from(["seen", None]))
def test_loading_again_rewrites_no_row(database, rows, sizes, newest):
    frame = frame_of(rows).unique(KEY, keep="last", maintain_order=True)
    run_sql(database, "DROP TABLE IF EXISTS listing")
    load(database, frame, newest=newest, **sizes)
    before = writes_of(database, "listing")
    report = load(database, frame, newest=newest, **sizes)
    assert asdict(report.counts) == asdict(
        propload.Counts(read=frame.height, unchanged=frame.height)
    )
    assert writes_of(database, "listing") == before


@PROPERTY
@given(rows=versions, sizes=run_sizes, data=st.data())
def test_files_in_any_order_or_repeated_give_the_same_table(
    database, tmp_path_factory, rows, sizes, data
):
    folder = tmp_path_factory.mktemp("files")
    half = len(rows) // 2
    paths = []
    for number, part in enumerate([rows[:half], rows[half:]]):
        path = folder / f"{number}.parquet"
        frame_of(part).write_parquet(path)
        paths.append(path)
    order = data.draw(st.permutations([*paths, paths[0]]))
    run_sql(database, "DROP TABLE IF EXISTS listing")
    load(database, [str(path) for path in paths], newest="seen")
    expected = stored(database)
    run_sql(database, "DROP TABLE listing")
    report = load(database, [str(path) for path in order], newest="seen", **sizes)
    assert report.counts.read == len(rows) + half
    assert stored(database).equals(expected)


@PROPERTY
@example(
    rows=[{"id": 1, "price": "-4"}, {"id": 1, "price": "0"}],
    sizes={"batch_rows": 2, "workers": 1},
)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "id": st.integers(1, 30) | st.none(),
                "price": st.integers(-5, 5).map(str)
                | st.sampled_from(["x", "1.5", ""]),
            }
        ),
        min_size=1,
        max_size=50,
    ),
    sizes=run_sizes,
)
def test_one_bad_row_costs_one_row_and_every_row_is_accounted_for(
    database, rows, sizes
):
    run_sql(
        database,
        "DROP TABLE IF EXISTS listing",
        "CREATE TABLE listing (id bigint PRIMARY KEY, price int CHECK (price > -4))",
    )
    frame = pl.DataFrame(rows, schema={"id": pl.Int64, "price": pl.String})
    report = load(database, frame, key="id", **sizes)
    numbered = frame.with_row_index("row").with_columns(
        number=pl.col("price").cast(pl.Int32, strict=False)
    )
    sent = numbered.filter(pl.col("id").is_not_null(), pl.col("number").is_not_null())
    good = sent.filter(pl.col("number") > -4)
    # a row that a good one of its batch supersedes is a duplicate, even if it is bad
    won = pl.col("number").last().over("id", pl.col("row") // sizes["batch_rows"]) > -4
    superseded = sent.filter(pl.col("number") <= -4, won).height
    bad = frame.height - good.height - superseded
    assert report.counts.rejected == bad
    assert report.counts.read == frame.height
    expected = good.select("id", price="number").unique("id", keep="last")
    assert stored_by_id(database).equals(expected.sort("id"))
    assert report.rejects.height == bad


VALUES = st.integers(-5, 5).map(str) | st.sampled_from(["x", "1.5"])


@st.composite
def rows_and_rules(draw):
    """Draw rows, some of them bad, and the rules for rows of the same key.

    If nulls keep the stored value, rows of one batch complete one another before any of
    them is tried. What a bad row contributes then depends on the batch, so no nulls are
    drawn.
    """
    on_null = draw(st.sampled_from(["keep", "overwrite"]))
    values = VALUES | st.none() if on_null == "overwrite" else VALUES
    row = {
        "id": st.integers(1, 8),
        "price": values,
        "rooms": values,
        "seen": st.integers(1, 3),
    }
    rows = draw(st.lists(st.fixed_dictionaries(row), min_size=1, max_size=30))
    newest = draw(st.sampled_from(["seen", None]))
    mode = draw(st.sampled_from(["upsert", "insert-new"]))
    return rows, {"newest": newest, "on_null": on_null, "mode": mode}


@PROPERTY
@given(drawn=rows_and_rules(), drawn_sizes=run_sizes)
# neither row is dropped, as both are equally new; the later one is refused first
@example(
    drawn=(
        [
            {"id": 2, "price": "0", "rooms": None, "seen": 1},
            {"id": 2, "price": None, "rooms": "1", "seen": 1},
        ],
        {"newest": "seen", "on_null": "keep", "mode": "upsert"},
    ),
    drawn_sizes={"batch_rows": 2, "workers": 1},
)
def test_refused_rows_do_not_displace_other_rows_of_their_key(
    database, drawn, drawn_sizes
):
    rows, rules = drawn
    frame = pl.DataFrame(
        rows,
        schema={
            "id": pl.Int64,
            "price": pl.String,
            "rooms": pl.String,
            "seen": pl.Int64,
        },
    )
    results = []
    for sizes in (drawn_sizes, {"batch_rows": 1, "workers": 1}):
        run_sql(
            database,
            "DROP TABLE IF EXISTS listing",
            "CREATE TABLE listing (id bigint PRIMARY KEY, price int NOT NULL "
            "CHECK (price > -4), rooms int CHECK (rooms <> 0), seen int)",
        )
        report = load(database, frame, key="id", **sizes, **rules)
        assert report.rejects.height == report.counts.rejected
        results.append((stored_by_id(database), report))
    (batches, report), (one_by_one, alone) = results
    assert batches.equals(one_by_one)
    assert report.counts.read == alone.counts.read == frame.height
    assert report.counts.rejected <= alone.counts.rejected


@pytest.mark.parametrize("batch_rows", [1, 2, 10])
@pytest.mark.parametrize("mode", ["upsert", "insert-new", "replace"])
def test_row_superseded_by_a_refused_row_is_loaded_after_all(
    database, batch_rows, mode
):
    run_sql(
        database,
        "CREATE TABLE listing (id bigint PRIMARY KEY, price int CHECK (price > -4))",
    )
    rows = pl.DataFrame({"id": [1, 2, 1, 3, 3], "price": ["0", "5", "-4", "-4", "3"]})
    report = load(database, rows, key="id", batch_rows=batch_rows, mode=mode)
    assert report.rejects.height == report.counts.rejected
    assert stored_by_id(database).rows() == [(1, 0), (2, 5), (3, 3)]


def stored_by_id(database):
    return read_table(database, "listing").sort("id")


LOADER = """
import json, sys
import polars as pl
import propload
dsn, seed = sys.argv[1], int(sys.argv[2])
ids = pl.int_range(0, 4000, eager=True).shuffle(seed=seed)
frame = pl.DataFrame({"id": ids, "version": ids * 0 + seed, "value": ids * seed})
report = propload.ingest(
    frame, to=dsn, table="shared", key="id", newest="version",
    batch_rows=150, workers=seed % 3 + 1, progress=False,
)
print(json.dumps(report.as_dict()["counts"]))
"""


def test_four_processes_load_overlapping_keys_without_a_deadlock(database, state_dir):
    seeds = range(1, 5)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOADER, database, str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in seeds
    ]
    outputs = [process.communicate(timeout=200) for process in processes]
    failures = [
        err for (_, err), one in zip(outputs, processes, strict=True) if one.returncode
    ]
    assert not failures, failures[0]
    counts = [propload.Counts(**json.loads(out)) for out, _ in outputs]
    for one in counts:
        one.verify()
        assert one.read == 4000
    assert sum(one.inserted for one in counts) == 4000
    table = read_table(database, "shared").sort("id")
    assert table["version"].unique().to_list() == [4]
    assert table["value"].to_list() == [n * 4 for n in range(4000)]


def test_append_reports_that_newest_is_ignored(database):
    arguments = {"to": database, "table": "notes", "mode": "append", "progress": False}
    rows = [{"id": 1, "day": 2}, {"id": 1, "day": 1}]
    report = propload.ingest(rows, newest="day", **arguments)
    assert report.counts.inserted == 2
    assert [note for note in report.notes if "newest (day) does not apply" in note]
    assert not propload.ingest(rows, **arguments).notes


def test_insert_new_reports_that_newest_and_on_null_are_ignored(database):
    arguments = {"to": database, "table": "notes", "key": "id", "mode": "insert-new"}
    rows = [{"id": 1, "day": 1}, {"id": 1, "day": 2}]
    report = propload.ingest(rows, newest="day", on_null="keep", **arguments)
    assert read_table(database, "notes")["day"].to_list() == [1]
    assert [note for note in report.notes if "newest (day) does not apply" in note]
    assert [note for note in report.notes if "on_null (keep) does not apply" in note]
    assert not propload.ingest(rows, on_null="overwrite", **arguments).notes


def test_report_says_that_too_small_a_max_memory_was_raised(database):
    arguments = {"to": database, "table": "small", "mode": "append", "progress": False}
    report = propload.ingest([{"id": 1}], max_memory="1MB", **arguments)
    (note,) = report.notes
    assert note.startswith("max_memory was raised from 1 MB to ")
    assert note in report.settings["chosen"]
    roomy = propload.ingest([{"id": 1}], max_memory="1TB", **arguments)
    assert not roomy.notes
    assert "max_memory" not in str(roomy.settings["chosen"])


@pytest.mark.one_server
@pytest.mark.parametrize("batch_rows", ["auto", 6_000])
def test_wide_rows_make_small_batches_and_the_report_says_so(database, batch_rows):
    frame = pl.DataFrame({"id": range(6_000), "text": "x" * 15_000})
    report = propload.ingest(
        frame,
        to=database,
        table="pages",
        key="id",
        batch_rows=batch_rows,
        progress=False,
    )
    assert report.counts.inserted == 6_000
    assert report.batches == 6
    in_force = report.settings["batch_rows"]
    assert in_force == 6_000 if batch_rows == 6_000 else 1_000 < in_force < 1_150
    assert "rows of 15,0" in str(report.settings["chosen"])


class UnreadableMetrics(propload.Metrics):
    """Counters shared by several runs, which no run may read as its own."""

    def snapshot(self):
        pytest.fail("a run reads what others count as well")


@pytest.mark.one_server
def test_run_does_not_read_counters_that_others_may_share(database):
    rows = [{"id": number} for number in range(1_000)]
    arguments = {"to": database, "table": "homes", "key": "id", "progress": False}
    report = propload.ingest(rows, metrics=UnreadableMetrics(), **arguments)
    assert report.counts.inserted == 1_000
    assert "batch_rows auto" in str(report.settings["chosen"])


def test_report_says_that_lock_wait_is_ignored_without_lock(database):
    arguments = {"to": database, "table": "waits", "key": "id", "progress": False}
    report = propload.ingest([{"id": 1}], lock_wait=5, **arguments)
    assert [note for note in report.notes if "lock_wait waits for no lock" in note]
    assert not propload.ingest([{"id": 2}], lock=True, lock_wait=5, **arguments).notes
