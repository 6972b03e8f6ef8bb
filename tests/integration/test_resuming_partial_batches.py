"""A run that ended within a batch goes on without a row lost or written twice."""

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
        told = {"table": "homes", "key": "id", "workers": 2, "progress": False}
        return propload.ingest(source, to=database, **{**told, **settings})

    return load


def write_file(path, rows):
    pl.DataFrame(rows).write_csv(path)
    return path


def stored(database, **values):
    """Return the ids of rows that hold these values, ascending."""
    found = read_table(database, "homes").filter(**values)
    return found["id"].sort().to_list()


TIED = "CREATE TABLE homes (id int PRIMARY KEY, code text UNIQUE, v text)"


@pytest.mark.parametrize("change", ["", "ALTER TABLE homes DROP CONSTRAINT {}"])
def test_files_of_which_one_takes_all_lanes_and_the_other_one(
    load, database, tmp_path, change
):
    run_sql(database, TIED)
    first, second = ids_by_lane()
    # the second lane has nothing to write of b, whose rows its `code` ties
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


@pytest.mark.parametrize("tie", [True, False])
def test_a_batch_that_is_begun_is_routed_as_it_was_whatever_the_table_is_now(
    load, database, tmp_path, tie
):
    """What ties rows now did not, or no longer does; the rows that follow heed it."""
    tying = "ALTER TABLE homes ADD CONSTRAINT tied UNIQUE (v)"
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
    if not tie:
        run_sql(database, tying)
    first, second = ids_by_lane()
    guard(database, "homes", first[1], until="batch = 1 AND lane = 1")
    ids = [first[0], second[0], first[1], second[1], first[2], second[2]]
    path = write_file(tmp_path / "a.csv", [{"id": n, "v": f"v{n}"} for n in ids])
    with pytest.raises(LoadError, match="the guard is shut"):
        load(path, batch_rows=2)
    open_guard(database)
    change = tying if tie else "ALTER TABLE homes DROP CONSTRAINT tied"
    run_sql(database, change)
    report = load(path, batch_rows=2, resume=True)
    assert report.counts.read == report.counts.inserted == 6
    assert stored(database) == sorted(ids)


def test_rows_that_no_table_was_made_for_shift_no_others(load, database, tmp_path):
    unreadable = tmp_path / "a.csv"
    unreadable.write_bytes(b"id,v\n1\x00,x\n2\x00,x\n")
    rows = [{"id": str(n), "v": f"v{n}"} for n in range(1, 11)]
    rows[5]["id"] = "bad"
    files = [unreadable, write_file(tmp_path / "b.csv", rows)]
    told = {"workers": 1, "batch_rows": 2, "batch_seconds": 60}
    with pytest.raises(RejectLimitError):
        load(files, max_rejects=2, **told)
    report = load(files, resume=True, **told)
    assert stored(database) == [n for n in range(1, 11) if n != 6]
    assert (report.counts.read, report.counts.rejected) == (12, 3)
    assert report.rejects.height == 3


UPPER = {"id": pl.col("id").str.to_uppercase(), "v": pl.col("v")}


@pytest.fixture
def begun(database):
    """Leave a journal of rows of which one lane has committed its own. Value: rows."""
    run_sql(database, 'CREATE TABLE homes (id text COLLATE "C" PRIMARY KEY, v text)')

    def leave(**settings):
        ids = [f"k{number}" for number in range(100)]
        frame = pl.DataFrame({"id": ids})
        first = frame.filter(lane_of(frame, ["id"], 2) == 0)["id"]
        guard(database, "homes", first[7], until="batch = 0 AND lane = 1")
        told = {"key": "id", "workers": 2, "progress": False, **settings}
        rows = ({"id": one, "v": "new"} for one in ids)
        with pytest.raises(LoadError, match="the guard is shut"):
            propload.ingest(rows, to=database, table="homes", **told)
        open_guard(database)
        [left] = leftovers()
        return left.run_id, ids

    return leave


@pytest.mark.parametrize("mode", ["upsert", "insert-new"])
def test_a_recovery_by_another_mapping_loses_no_row(database, begun, mode):
    run, ids = begun(mode=mode)
    [report] = recover(run, to=database, mapping=UPPER)
    assert report.counts.read == report.counts.inserted == len(ids)
    assert {one.upper() for one in ids} <= set(stored(database))
    assert leftovers() == []


def test_a_recovery_by_its_own_settings_counts_no_row_twice(database, begun):
    run, ids = begun()
    [report] = recover(run, to=database)
    assert report.counts.read == report.counts.inserted == len(ids)
    assert stored(database) == sorted(ids)


def test_a_recovery_that_adds_rows_refuses_another_mapping(database, begun):
    run, ids = begun(mode="append")
    before = stored(database)
    with pytest.raises(ConfigError, match=r"committed in part.*it is not known which"):
        recover(run, to=database, mapping=UPPER)
    assert stored(database) == before
    # its own settings are no others for having been kept in a journal
    [report] = recover(run, to=database)
    assert report.counts.inserted == len(ids)
    assert stored(database) == sorted(ids)


def test_what_was_written_again_is_not_taken_for_what_was_written_before(
    database, begun
):
    """The second attempt ends within the same batch, and the third goes on there."""
    run, ids = begun()
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
def test_a_recovery_goes_on_in_its_own_table_and_mode(database, begun, settings):
    run, ids = begun()
    run_sql(database, "CREATE TABLE others (id text PRIMARY KEY, v text)")
    with pytest.raises(ConfigError, match="with its own table and mode"):
        recover(run, to=database, **settings)
    recover(run, to=database)
    assert stored(database) == sorted(ids)


@pytest.mark.parametrize("mode", ["upsert", "replace", "append"])
def test_a_column_of_another_type_routes_rows_to_other_lanes(
    load, database, tmp_path, mode
):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")
    first, second = ids_by_lane()
    guard(database, "homes", first[1], until="batch = 1 AND lane = 1")
    ids = [first[0], second[0], *first[1:9], *second[1:9]]
    path = write_file(tmp_path / "a.csv", [{"id": n, "v": f"v{n}"} for n in ids])
    told = {"mode": mode, "batch_rows": 9, "key": None if mode == "append" else "id"}
    with pytest.raises(LoadError, match="the guard is shut"):
        load(path, **told)
    open_guard(database)
    run_sql(
        database,
        "ALTER TABLE homes DROP CONSTRAINT homes_id_check",
        "ALTER TABLE homes ALTER id TYPE numeric",
    )
    if mode == "append":
        with pytest.raises(ConfigError, match=r"columns of public\.homes have changed"):
            load(path, resume=True, **told)
        return
    report = load(path, resume=True, **told)
    assert report.counts.read == len(ids)
    assert sorted(map(int, stored(database))) == sorted(ids)
    # a replace has begun at its first row, in a new shadow
    assert (report.counts.unchanged > 0) == (mode == "upsert")


def test_no_row_overtakes_one_of_its_key_that_took_another_lane(
    load, database, tmp_path
):
    run_sql(database, TIED, "INSERT INTO homes VALUES (0)")
    first, second = ids_by_lane()
    # the second lane waits for a row of the first, which it ought to come before
    await_row(database, "homes", second[0], until="SELECT FROM homes WHERE v = 'new'")
    a = [{"id": n, "v": "old"} for n in (second[0], first[0], second[1], first[1])]
    b = [{"id": n, "code": f"c{n}", "v": "new"} for n in (second[1], first[2])]
    files = [write_file(tmp_path / "a.csv", a), write_file(tmp_path / "b.csv", b)]
    report = load(files, batch_rows=2)
    assert report.status == "loaded"
    assert stored(database, v="new") == sorted((second[1], first[2]))


SAME = {"id": pl.col("id"), "v": pl.col("v")}
#: Polars tells nobody what a function of Python does.
CALLING = {
    "id": pl.col("id").map_elements(str.lower, return_dtype=pl.String),
    "v": pl.col("v"),
}


def test_a_resume_by_another_expression_loses_no_row(load, database, tmp_path):
    """With it each row would take the lane of the other: all counts would agree."""
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
    with pytest.raises(LoadError, match="the guard is shut") as failed:
        load(path, mapping={"id": pl.col("id").cast(int)})
    open_guard(database)
    assert stored(database) == [other]
    run = failed.value.report.run_id
    for resume in (True, run):
        with pytest.raises(ConfigError, match=r"other settings.*mapping"):
            load(path, mapping={"id": pl.col("id").cast(int) + by}, resume=resume)
    report = load(path, mapping={"id": pl.col("id").cast(int)}, resume=True)
    assert (report.run_id, report.counts.inserted) == (run, 2)
    assert stored(database) == sorted([one, other])


def test_a_recovery_by_another_expression_loses_no_row(database, begun):
    run, ids = begun(mapping=SAME)
    [report] = recover(run, to=database, mapping=UPPER)
    assert report.counts.read == report.counts.inserted == len(ids)
    assert {one.upper() for one in ids} <= set(stored(database))


@pytest.mark.filterwarnings("ignore::polars.exceptions.PolarsInefficientMapWarning")
def test_a_recovery_by_a_mapping_that_nobody_can_know_again(database, begun, caplog):
    run, ids = begun(mapping=CALLING)
    [report] = recover(run, to=database, mapping=CALLING)
    assert "still the same cannot be seen" in caplog.text
    assert report.counts.read == len(ids)
    assert stored(database) == sorted(ids)


def test_a_recovery_that_adds_rows_by_a_mapping_that_nobody_can_know_again(
    database, begun
):
    run, _ = begun(mapping=CALLING, mode="append")
    before = stored(database)
    told = r"cannot be seen.*which of them are missing: load only what the table lacks"
    with pytest.raises(ConfigError, match=told):
        recover(run, to=database, mapping=CALLING)
    assert stored(database) == before
