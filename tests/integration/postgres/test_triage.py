"""Every bad row is rejected with its reason, and every good row is loaded."""

from __future__ import annotations

import datetime as dt
import random
import string

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from propload.errors import CountsError
from propload.postgres.sql import sifting
from propload.postgres.writing.staging import fill_stage
from propload.report import Counts
from tests.integration.postgres.writing import counts, target_with, write
from tests.integration.reading import await_stages, query, run_sql

pytestmark = pytest.mark.timeout(120)

LETTERS = string.ascii_letters + string.digits
PROPERTY = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
VALID = (
    "CREATE OR REPLACE FUNCTION valid(v text) RETURNS boolean LANGUAGE plpgsql AS "
    "'BEGIN IF v = ''bad'' THEN RAISE EXCEPTION ''% is malformed'', v; END IF; "
    "RETURN true; END'"
)
SETUP = (
    "DROP TABLE IF EXISTS t, parents CASCADE",
    "DROP DOMAIN IF EXISTS small",
    "DROP TYPE IF EXISTS mood",
    "CREATE DOMAIN small AS int CHECK (VALUE < 100)",
    "CREATE TYPE mood AS ENUM ('glad', 'sad')",
    "CREATE TABLE parents (id bigint PRIMARY KEY)",
    "INSERT INTO parents VALUES (1)",
    VALID,
)
REFUSE = (
    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN IF NEW.v = ''bad'' THEN RAISE EXCEPTION ''not %'', NEW.k; END IF; "
    "RETURN NEW; END'"
)
ON_WRITE = (
    "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON t "
    "FOR EACH ROW EXECUTE FUNCTION refuse()"
)
#: Kind of fault: definition of the column v, a good value, a bad one, and what its
#: reason says (column, check, sqlstate); then more statements.
FAULTS = {
    "not null": ("text NOT NULL", "a", None, ("v", "not_null", "23502"), ()),
    "check": (
        "bigint CONSTRAINT above CHECK (v > 0)",
        1,
        -1,
        ("v", "above", "23514"),
        (),
    ),
    "failing check": (
        "bigint CONSTRAINT share CHECK (10 / v > 0)",
        1,
        0,
        (None, "22012", "22012"),
        (),
    ),
    "raising check": (
        "text CONSTRAINT valid CHECK (valid(v))",
        "good",
        "bad",
        (None, "raised", "P0001"),
        (),
    ),
    "check of the row": (
        "text CONSTRAINT whole CHECK (t IS DISTINCT FROM NULL AND v <> 'bad')",
        "good",
        "bad",
        ("v", "whole", "23514"),
        (),
    ),
    "check of its place": (
        "text CONSTRAINT place CHECK (tableoid > 0 AND v <> 'bad')",
        "good",
        "bad",
        ("v", "place", "23514"),
        (),
    ),
    "check of what is padded": (
        "char(5) CONSTRAINT whole CHECK (octet_length(v) = 5 AND v <> 'bad')",
        "good",
        "bad",
        ("v", "whole", "23514"),
        (),
    ),
    "check of what is cut": (
        "varchar(3) CONSTRAINT short CHECK (octet_length(v) < 4 AND v <> 'bad')",
        "abc  ",
        "bad",
        ("v", "short", "23514"),
        (),
    ),
    "domain": ("small", 1, 100, ("v", "small_check", "23514"), ()),
    "enum": ("mood", "glad", "bad", ("v", "cast", "22P02"), ()),
    "uuid": (
        "uuid",
        "0b5c2ab4-9f3d-4c3e-8a86-6b4a2a0f8f11",
        "no",
        ("v", "cast", "22P02"),
        (),
    ),
    "length": ("varchar(3)", "abc", "abcd", ("v", "too_long", "22001"), ()),
    "foreign key": (
        "bigint CONSTRAINT parent REFERENCES parents",
        1,
        2,
        ("v", "parent", "23503"),
        (),
    ),
    "deferred foreign key": (
        "bigint CONSTRAINT parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED",
        1,
        2,
        ("v", "parent", "23503"),
        (),
    ),
    "nul": ("text", "a", "a\0b", ("v", "encoding", "22021"), ()),
    "date": (
        "date",
        dt.date(2024, 1, 1),
        None,
        ("v", "datetime", "22008"),
        (),
    ),
    "trigger": ("text", "a", "bad", (None, "raised", "P0001"), (REFUSE, ON_WRITE)),
}


def piece_frame(fault, bad_places, height, first=0):
    _, good, bad, _, _ = FAULTS[fault]
    values = pl.Series([good] * height)
    bad_values = pl.Series([bad] * height, dtype=values.dtype)
    if fault == "date":  # before the first date that the server has
        bad_values = pl.Series([-3_000_000] * height, dtype=pl.Int32).cast(pl.Date)
    at = pl.int_range(height, eager=True)
    chosen = at.is_in(pl.Series(sorted(bad_places), dtype=pl.Int64).implode())
    if fault == "domain":
        values, bad_values = values.cast(pl.Int32), bad_values.cast(pl.Int32)
    frame = pl.DataFrame({"k": at + first, "w": ["x"] * height})
    return frame.with_columns(v=values).with_columns(
        v=pl.when(chosen).then(bad_values).otherwise(pl.col("v"))
    )


@pytest.mark.parametrize("fault", FAULTS)
@given(
    places=st.sets(st.integers(0, 39), min_size=1, max_size=40),
    stored=st.booleans(),
    mode=st.sampled_from(["upsert", "append"]),
)
@PROPERTY
def test_every_bad_row_is_named_and_every_good_row_is_stored(
    module_database, state_dir, fault, places, stored, mode
):
    definition, _, _, reason, more = FAULTS[fault]
    await_stages(module_database)
    run_sql(
        module_database,
        *SETUP,
        f"CREATE TABLE t (k bigint PRIMARY KEY, w text, v {definition})",
        *more,
    )
    frames = [piece_frame(fault, places, 40)]
    if stored and mode == "upsert":
        before = piece_frame(fault, (), 40).with_columns(w=pl.lit("before"))
        frames.insert(0, before)
    target = target_with(key=("k",) if mode == "upsert" else (), mode=mode)
    done = write(module_database, target, state_dir, *frames, exact=False)[-1]
    assert sorted(done.reasons[ROW]) == sorted(places)
    found = set(done.reasons.select("column", "check", "sqlstate").iter_rows())
    assert found == {reason}
    good_rows = 40 - len(places)
    written = (0, good_rows) if len(frames) == 2 else (good_rows, 0)
    assert counts([done]) == [(*written, 0, 0)]
    stored_keys = query(module_database, "SELECT k FROM t WHERE w = 'x' ORDER BY k")
    assert [k for (k,) in stored_keys] == [k for k in range(40) if k not in places]


def test_first_of_mutually_exclusive_rows_is_stored(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, u text UNIQUE, r int4range, "
        "EXCLUDE USING gist (r WITH &&))",
    )
    frame = pl.DataFrame(
        {
            "k": [1, 2, 3, 4, 5],
            "u": ["a", "a", "c", "d", "e"],
            "r": ["[1,5)", "[50,60)", "[4,8)", "[6,9)", "[20,21)"],
        }
    )
    first, again = write(database, target_with(), state_dir, frame, frame)
    assert counts([first, again]) == [(3, 0, 0, 0), (0, 0, 3, 0)]
    reasons = first.reasons.select(ROW, "column", "check", "value").rows()
    # 3 overlaps 1; 4 overlaps only 3, which is not there
    assert reasons == [(1, "u", "t_u_key", "a"), (2, "r", "t_r_excl", "[4,8)")]


def test_row_without_a_partition_is_refused(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text) PARTITION BY RANGE (k)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
    )
    frame = pl.DataFrame({"k": [1, 11, 2], "v": ["a"] * 3})
    [done] = write(database, target_with(), state_dir, frame)
    assert counts([done]) == [(2, 0, 0, 0)]
    assert done.reasons.select(ROW, "check").rows() == [(1, "partition")]


def test_appended_rows_that_repeat_a_unique_value_are_refused(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text)")
    target = target_with(key=(), mode="append")
    frame = pl.DataFrame({"k": [1, 2, 2], "v": ["a", "b", "c"]})
    [done] = write(database, target, state_dir, frame)
    assert counts([done]) == [(2, 0, 0, 0)]
    assert done.reasons.select(ROW, "column", "value").rows() == [(2, "k", "2")]


def test_each_kind_of_fault_in_one_piece_names_its_column(database, state_dir):
    run_sql(
        database,
        *SETUP,
        "CREATE TABLE t (k bigint PRIMARY KEY, a text NOT NULL, b small, "
        "c uuid, p bigint REFERENCES parents, u bigint UNIQUE, s varchar(2))",
    )
    height = 3_000
    at = pl.int_range(height)
    frame = pl.select(
        k=at,
        a=pl.when(at % 100 == 1).then(None).otherwise(pl.lit("a")),
        b=pl.when(at % 100 == 2).then(100).otherwise(1).cast(pl.Int32),
        c=pl.when(at % 100 == 3).then(pl.lit("no")).otherwise(None),
        p=pl.when(at % 100 == 4).then(2).otherwise(1).cast(pl.Int64),
        u=pl.when(at % 100 == 5).then(0).otherwise(at).cast(pl.Int64),
        s=pl.when(at % 100 == 6).then(pl.lit("long")).otherwise(pl.lit("s")),
    )
    [done] = write(database, target_with(), state_dir, frame, exact=False)
    assert counts([done]) == [(height - 180, 0, 0, 0)]
    by_column = done.reasons.group_by("column").len().sort("column").rows()
    assert by_column == [(name, 30) for name in ["a", "b", "c", "p", "s", "u"]]
    wrong = done.reasons.with_columns(digit=pl.col(ROW) % 100).select("column", "digit")
    expected = {("a", 1), ("b", 2), ("c", 3), ("p", 4), ("u", 5), ("s", 6)}
    assert set(wrong.iter_rows()) == expected
    assert query(database, "SELECT count(*) FROM t") == [(height - 180,)]


def test_unique_value_is_free_once_its_holder_changes_in_the_same_piece(
    database, state_dir
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, u bigint UNIQUE)",
        "INSERT INTO t VALUES (1, 10), (2, 20), (6, 60)",
    )
    frame = pl.DataFrame({"k": [1, 3, 4, 5], "u": [30, 10, 20, 60]})
    [done] = write(database, target_with(), state_dir, frame)
    assert counts([done]) == [(1, 1, 0, 0)]
    assert done.reasons.select(ROW, "column", "check", "value").rows() == [
        (2, "u", "t_u_key", "20"),
        (3, "u", "t_u_key", "60"),
    ]
    assert "Key (u)=(20) already exists" in done.reasons["message"][0]
    stored_rows = query(database, "SELECT k, u FROM t ORDER BY k")
    assert stored_rows == [(1, 30), (2, 20), (3, 10), (6, 60)]


@pytest.mark.parametrize("check", ["n > 0", "n <> 7"])
def test_rows_that_only_look_like_the_bad_one_are_stored(database, state_dir, check):
    run_sql(
        database,
        f"CREATE TABLE t (k bigint PRIMARY KEY, n bigint CHECK ({check}))",
        "INSERT INTO t SELECT n, 1 FROM generate_series(0, 99) AS n",
    )
    bad = 7 if check == "n <> 7" else -7
    # the error of the bad row quotes 40 and 7: rows with either key are examined
    frame = pl.DataFrame({"k": range(100), "n": [2] * 100})
    frame[40, "n"] = bad
    [done] = write(database, target_with(), state_dir, frame)
    assert counts([done]) == [(0, 99, 0, 0)]
    assert done.reasons.select(ROW, "column", "value").rows() == [(40, "n", str(bad))]
    assert query(database, "SELECT count(*) FROM t WHERE n = 2") == [(99,)]


@pytest.mark.parametrize("rules", [{}, {"key": (), "mode": "append"}])
def test_all_good_rows_of_uneven_width_are_written_despite_bad_ones(
    database, state_dir, rules
):
    # the server puts a short row where a page has room left, out of the order of rows
    widths = [1500, 1200, 700, 10, 10, 100, 900]
    chance = random.Random(1)  # noqa: S311 - test rows, no secret
    words = [
        "".join(chance.choices(LETTERS, k=chance.choice(widths))) for _ in range(5)
    ]
    texts = [chance.choice(words) + str(n) for n in range(6_000)]
    bad = [2_000, 4_000, 4_001]
    rows = pl.DataFrame({"k": range(len(texts)), "w": texts}).with_columns(
        v=pl.when(pl.col("k").is_in(bad)).then(pl.lit("bad")).otherwise(pl.lit("good"))
    )
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, w text, v text)",
        REFUSE,
        ON_WRITE,
    )
    (written,) = write(database, target_with(**rules), state_dir, rows)
    assert sorted(written.reasons[ROW].to_list()) == bad
    assert written.counts.inserted == len(texts) - len(bad)
    assert query(database, "SELECT count(*) FROM t") == [(written.counts.inserted,)]


@pytest.mark.parametrize("rules", [{}, {"key": (), "mode": "append"}])
@pytest.mark.parametrize("lost", ["on the way to the stage", "by the pass"])
def test_row_that_gets_lost_is_detected_before_the_commit(
    database, state_dir, monkeypatch, rules, lost
):
    if lost == "by the pass":
        condition = f"{sifting._IS_IN_RUN} AND s.k <> 7"
        monkeypatch.setattr(sifting, "_IS_IN_RUN", condition)
    else:
        monkeypatch.setattr(
            "propload.postgres.writing.attempt.fill_stage",
            lambda session, layer, **again: fill_stage(session, layer[:-1], **again),
        )
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text)", REFUSE, ON_WRITE)
    words = ["bad" if n == 20 and lost == "by the pass" else "good" for n in range(90)]
    rows = pl.DataFrame({"k": range(90), "v": words})
    with pytest.raises(CountsError, match=r"90 rows .* 89 are accounted .* not commit"):
        write(database, target_with(**rules), state_dir, rows)
    assert query(database, "SELECT count(*) FROM t") == [(0,)]


def test_negative_counts_are_detected_before_the_commit(
    database, state_dir, monkeypatch
):
    wrong = Counts(updated=4, stale=-1)
    monkeypatch.setattr(
        "propload.postgres.writing.attempt.write_stage", lambda *_: wrong
    )
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (1, 'old')",
    )
    rows = pl.DataFrame({"k": [1, 2, 3], "v": ["a", "b", "c"]})
    with pytest.raises(CountsError, match=r"stale=-1.* not commit"):
        write(database, target_with(), state_dir, rows)
    assert query(database, "SELECT v FROM t") == [("old",)]
