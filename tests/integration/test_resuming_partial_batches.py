"""A run that ended within a batch is resumed without losing or doubling a row."""

import polars as pl
import pytest

import propload
from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import ConfigError, LoadError, RejectLimitError
from propload.prepare.routing import lane_of
from tests.integration.partial_runs import await_row, guard, ids_by_lane, open_guard
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]


@pytest.fixture
def load(database):
    def load(source, **settings):
        arguments = {"table": "homes", "key": "id", "workers": 2, "progress": False}
        return propload.ingest(source, to=database, **{**arguments, **settings})

    return load


def write_file(path, rows):
    pl.DataFrame(rows).write_csv(path)
    return path


def stored(database, **values):
    """Return the ids of rows that hold these values, ascending."""
    rows = read_table(database, "homes").filter(**values)
    return rows["id"].sort().to_list()


CREATE_TIED = "CREATE TABLE homes (id int PRIMARY KEY, code text UNIQUE, v text)"


@pytest.mark.parametrize("change", ["", "ALTER TABLE homes DROP CONSTRAINT {}"])
def test_resume_of_a_file_for_all_lanes_and_one_for_a_single_lane(
    load, database, tmp_path, change
):
    run_sql(database, CREATE_TIED)
    first, second = ids_by_lane()
    # the second lane gets no row of b: its unique `code` ties the rows to one lane
    guard(database, "homes", first[5], until="batch = 1 AND lane = 1")
    a, b = [second[0], first[0], second[1]], [second[2], first[5], second[3], first[3]]
    files = [
        write_file(tmp_path / "a.csv", [{"id": n, "v": "a"} for n in a]),
        write_file(
            tmp_path / "b.csv", [{"id": n, "code": f"c{n}", "v": "b"} for n in b]
        ),
    ]
    with pytest.raises(LoadError, match="the guard is shut"):
        load(files, batch_rows=4)
    open_guard(database)
    if change:
        run_sql(database, change.format("homes_code_key"))
    report = load(files, batch_rows=4, resume=True)
    assert report.status == "loaded"
    assert report.counts.read == report.counts.inserted == 7
    assert stored(database, v="b") == sorted(b)
    assert stored(database, v="a") == sorted(a)


@pytest.mark.parametrize("is_tied_later", [True, False])
def test_started_batch_keeps_its_routing_although_the_table_changed(
    load, database, tmp_path, is_tied_later
):
    """A constraint that ties rows to one lane is added or dropped between the attempts.

    Only the batches that follow are routed by it.
    """
    tying = "ALTER TABLE homes ADD CONSTRAINT tied UNIQUE (v)"
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
    if not is_tied_later:
        run_sql(database, tying)
    first, second = ids_by_lane()
    guard(database, "homes", first[1], until="batch = 1 AND lane = 1")
    ids = [first[0], second[0], first[1], second[1], first[2], second[2]]
    path = write_file(tmp_path / "a.csv", [{"id": n, "v": f"v{n}"} for n in ids])
    with pytest.raises(LoadError, match="the guard is shut"):
        load(path, batch_rows=2)
    open_guard(database)
    change = tying if is_tied_later else "ALTER TABLE homes DROP CONSTRAINT tied"
    run_sql(database, change)
    report = load(path, batch_rows=2, resume=True)
    assert report.counts.read == report.counts.inserted == 6
    assert stored(database) == sorted(ids)


def test_unreadable_first_file_does_not_shift_rows_of_the_next(
    load, database, tmp_path
):
    unreadable = tmp_path / "a.csv"
    unreadable.write_bytes(b"id,v\n1\x00,x\n2\x00,x\n")
    rows = [{"id": str(n), "v": f"v{n}"} for n in range(1, 11)]
    rows[5]["id"] = "bad"
    files = [unreadable, write_file(tmp_path / "b.csv", rows)]
    settings = {"workers": 1, "batch_rows": 2, "batch_seconds": 60}
    with pytest.raises(RejectLimitError):
        load(files, max_rejects=2, **settings)
    report = load(files, resume=True, **settings)
    assert stored(database) == [n for n in range(1, 11) if n != 6]
    assert (report.counts.read, report.counts.rejected) == (12, 3)
    assert report.rejects.height == 3


UPPER = {"id": pl.col("id").str.to_uppercase(), "v": pl.col("v")}


@pytest.fixture
def leave_partial_run(database):
    """Return a function that leaves a journal; one lane has committed its rows.

    It returns the run and the ids of all rows.
    """
    run_sql(database, 'CREATE TABLE homes (id text COLLATE "C" PRIMARY KEY, v text)')

    def leave(**settings):
        ids = [f"k{number}" for number in range(100)]
        frame = pl.DataFrame({"id": ids})
        first = frame.filter(lane_of(frame, ["id"], 2) == 0)["id"]
        guard(database, "homes", first[7], until="batch = 0 AND lane = 1")
        arguments = {"key": "id", "workers": 2, "progress": False, **settings}
        rows = ({"id": one, "v": "new"} for one in ids)
        with pytest.raises(LoadError, match="the guard is shut"):
            propload.ingest(rows, to=database, table="homes", **arguments)
        open_guard(database)
        [left] = leftovers()
        return left.run_id, ids

    return leave


@pytest.mark.parametrize("mode", ["upsert", "insert-new"])
def test_recovery_with_another_mapping_loses_no_row(database, leave_partial_run, mode):
    run, ids = leave_partial_run(mode=mode)
    [report] = recover(run, to=database, mapping=UPPER)
    assert report.counts.read == report.counts.inserted == len(ids)
    assert {one.upper() for one in ids} <= set(stored(database))
    assert leftovers() == []


def test_recovery_with_its_own_settings_counts_no_row_twice(
    database, leave_partial_run
):
    run, ids = leave_partial_run()
    [report] = recover(run, to=database)
    assert report.counts.read == report.counts.inserted == len(ids)
    assert stored(database) == sorted(ids)


def test_recovery_of_an_append_refuses_another_mapping(database, leave_partial_run):
    run, ids = leave_partial_run(mode="append")
    before = stored(database)
    with pytest.raises(ConfigError, match=r"committed in part.*it is not known which"):
        recover(run, to=database, mapping=UPPER)
    assert stored(database) == before
    # its own settings count as the same, although they come from a journal
    [report] = recover(run, to=database)
    assert report.counts.inserted == len(ids)
    assert stored(database) == sorted(ids)


def test_third_attempt_continues_what_the_second_committed(database, leave_partial_run):
    """The second attempt ends within the same batch, and the third continues there."""
    run, ids = leave_partial_run()
    upper = pl.DataFrame({"id": [one.upper() for one in ids]})
    second = upper.filter(lane_of(upper, ["id"], 2) == 1)["id"]
    run_sql(database, "ALTER TABLE homes DROP CONSTRAINT homes_id_check")
    guard(database, "homes", second[3], until="batch = 1 AND lane = 0")
    with pytest.raises(LoadError, match="the guard is shut"):
        recover(run, to=database, mapping=UPPER)
    open_guard(database)
    [report] = recover(run, to=database, mapping=UPPER)
    assert report.counts.read == report.counts.inserted == len(ids)
    assert set(upper["id"]) <= set(stored(database))


@pytest.mark.parametrize("settings", [{"mode": "append"}, {"table": "others"}])
def test_partly_committed_run_is_recovered_only_in_its_table_and_mode(
    database, leave_partial_run, settings
):
    run, ids = leave_partial_run()
    run_sql(database, "CREATE TABLE others (id text PRIMARY KEY, v text)")
    with pytest.raises(ConfigError, match="with its own table and mode"):
        recover(run, to=database, **settings)
    recover(run, to=database)
    assert stored(database) == sorted(ids)


@pytest.mark.parametrize("mode", ["upsert", "replace", "append"])
def test_resume_after_a_key_type_change_loses_no_row_or_is_refused(
    load, database, tmp_path, mode
):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
    first, second = ids_by_lane()
    guard(database, "homes", first[1], until="batch = 1 AND lane = 1")
    ids = [first[0], second[0], *first[1:9], *second[1:9]]
    path = write_file(tmp_path / "a.csv", [{"id": n, "v": f"v{n}"} for n in ids])
    settings = {
        "mode": mode,
        "batch_rows": 9,
        "key": None if mode == "append" else "id",
    }
    with pytest.raises(LoadError, match="the guard is shut"):
        load(path, **settings)
    open_guard(database)
    run_sql(
        database,
        "ALTER TABLE homes DROP CONSTRAINT homes_id_check",
        "ALTER TABLE homes ALTER id TYPE numeric",
    )
    if mode == "append":
        with pytest.raises(ConfigError, match=r"columns of public\.homes have changed"):
            load(path, resume=True, **settings)
        return
    report = load(path, resume=True, **settings)
    assert report.counts.read == len(ids)
    assert sorted(map(int, stored(database))) == sorted(ids)
    # a replace starts again at its first row, in a new shadow
    assert (report.counts.unchanged > 0) == (mode == "upsert")


def test_row_does_not_overtake_one_of_its_key_in_another_lane(load, database, tmp_path):
    run_sql(database, CREATE_TIED, "INSERT INTO homes VALUES (0)")
    first, second = ids_by_lane()
    # the second lane waits for a row of the first that must be written after its own
    await_row(database, "homes", second[0], until="SELECT FROM homes WHERE v = 'new'")
    a = [{"id": n, "v": "old"} for n in (second[0], first[0], second[1], first[1])]
    b = [{"id": n, "code": f"c{n}", "v": "new"} for n in (second[1], first[2])]
    files = [write_file(tmp_path / "a.csv", a), write_file(tmp_path / "b.csv", b)]
    report = load(files, batch_rows=2)
    assert report.status == "loaded"
    assert stored(database, v="new") == sorted((second[1], first[2]))


SAME = {"id": pl.col("id"), "v": pl.col("v")}
#: A mapping that cannot be compared: Polars does not show what a Python function does.
OPAQUE = {
    "id": pl.col("id").map_elements(str.lower, return_dtype=pl.String),
    "v": pl.col("v"),
}


def test_resume_with_another_expression_is_refused(load, database, tmp_path):
    """With it each row would take the other's lane, and yet all counts would agree."""
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    first, second = map(set, ids_by_lane(pl.Int64))
    one, other, by = next(
        (one, other, by)
        for one in sorted(first)
        for other in sorted(second)
        for by in range(1, 50)
        if one + by in second and other + by in first
    )
    guard(database, "homes", one, until="batch = 0 AND lane = 1")
    path = write_file(tmp_path / "a.csv", {"id": [one, other]})
    with pytest.raises(LoadError, match="the guard is shut") as caught:
        load(path, mapping={"id": pl.col("id").cast(int)})
    open_guard(database)
    assert stored(database) == [other]
    run = caught.value.report.run_id
    for resume in (True, run):
        with pytest.raises(ConfigError, match=r"other settings.*mapping"):
            load(path, mapping={"id": pl.col("id").cast(int) + by}, resume=resume)
    report = load(path, mapping={"id": pl.col("id").cast(int)}, resume=True)
    assert (report.run_id, report.counts.inserted) == (run, 2)
    assert stored(database) == sorted([one, other])


def test_recovery_with_another_expression_loses_no_row(database, leave_partial_run):
    run, ids = leave_partial_run(mapping=SAME)
    [report] = recover(run, to=database, mapping=UPPER)
    assert report.counts.read == report.counts.inserted == len(ids)
    assert {one.upper() for one in ids} <= set(stored(database))


@pytest.mark.filterwarnings("ignore::polars.exceptions.PolarsInefficientMapWarning")
def test_recovery_with_an_opaque_mapping_warns_and_loads_every_row(
    database, leave_partial_run, caplog
):
    run, ids = leave_partial_run(mapping=OPAQUE)
    [report] = recover(run, to=database, mapping=OPAQUE)
    assert "still the same cannot be seen" in caplog.text
    assert report.counts.read == len(ids)
    assert stored(database) == sorted(ids)


def test_recovery_of_an_append_with_an_opaque_mapping_is_refused(
    database, leave_partial_run
):
    run, _ = leave_partial_run(mapping=OPAQUE, mode="append")
    before = stored(database)
    message = (
        r"cannot be seen.*which of them are missing: load only what the table lacks"
    )
    with pytest.raises(ConfigError, match=message):
        recover(run, to=database, mapping=OPAQUE)
    assert stored(database) == before
