"""Rows that the server copies from a file are those that the line would bring."""

from __future__ import annotations

import os
import shutil
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import propload
from propload.errors import TransientWriteError
from propload.postgres.server import spool
from propload.postgres.server.spool import Spool, spool_of
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import parse_dsn
from propload.postgres.session.failures import classify
from tests.integration.reading import read_table, run_sql

TYPES = {
    "b": ("boolean", pl.Boolean),
    "i2": ("smallint", pl.Int16),
    "i4": ("integer", pl.Int32),
    "i8": ("bigint", pl.Int64),
    "f4": ("real", pl.Float32),
    "f8": ("double precision", pl.Float64),
    "te xt": ("text", pl.String),
    "raw": ("bytea", pl.Binary),
    "day": ("date", pl.Date),
    "local": ("timestamp", pl.Datetime("us")),
    "moment": ("timestamptz", pl.Datetime("us", "UTC")),
}
SCHEMA = {name: dtype for name, (_, dtype) in TYPES.items()}
MAKE = ", ".join(f'"{name}" {pg_type}' for name, (pg_type, _) in TYPES.items())
#: As far as PostgreSQL goes, and as far as Python does.
FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 - both kinds are made of them
TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
ROWS = st.lists(
    st.tuples(
        st.none() | st.booleans(),
        *(st.none() | st.integers(-(2**bits), 2**bits - 1) for bits in (15, 31, 63)),
        st.none() | st.floats(width=32),
        st.none() | st.floats(),
        st.none() | TEXTS,
        st.none() | st.binary(max_size=40),
        st.none() | st.dates(),
        st.none() | st.datetimes(FIRST, LAST),
        st.none() | st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    ),
    min_size=1,
    max_size=30,
)

pytestmark = pytest.mark.timeout(120)


class Watched(Spool):
    """A spool that remembers the files that the server was given."""

    def __init__(self, folder):
        super().__init__(folder)
        self.given = []

    def write(self, rows):
        self.given.append(rows.num_rows)
        return super().write(rows)


@pytest.fixture
def watched(database):
    host = parse_dsn(database).get("host", "")
    found = Spool.find(host)
    if found is None:
        pytest.skip("the server is not one that propload runs")
    return Watched(spool_of(Path(host)))


@pytest.fixture
def pair(database, watched):
    """Two sessions: one with a spool, one that has only the line."""
    with connect(database) as by_file, connect(database) as by_line:
        by_file._spool, by_line._spool = watched, None
        yield by_file, by_line


def copied(session, frame, *, make=MAKE):
    """Return what a new table has of a frame, as text."""
    session.execute("DROP TABLE IF EXISTS t")
    session.execute(f"CREATE TABLE t ({make})")
    assert session.copy("t", frame, namespace="public") == frame.height
    rows = session.rows("SELECT t::text FROM t ORDER BY ctid")
    session.rollback()
    return rows


@given(rows=ROWS, first=st.integers(0, 5))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_file_brings_what_the_line_brings(pair, monkeypatch, rows, first):
    monkeypatch.setattr(spool, "_LEAST_ROWS", 1)
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    # a slice shares its memory, and the bits that tell of nulls, with the whole
    frame = pl.concat([frame, frame.reverse()]).slice(min(first, len(rows)))
    by_file, by_line = pair
    before = len(by_file._spool.given)
    assert copied(by_file, frame) == copied(by_line, frame)
    assert len(by_file._spool.given) == before + 1
    assert list(by_file._spool._folder.iterdir()) == []


@pytest.mark.parametrize("pg_type", ["varchar(9)", "char(9)", "json", "name"])
def test_other_columns_of_text_take_the_same(pair, pg_type):
    by_file, by_line = pair
    frame = pl.DataFrame({"v": ['"é"', None, "12"] * 100})
    make = f"v {pg_type}"
    assert copied(by_file, frame, make=make) == copied(by_line, frame, make=make)


def test_jsonb_and_other_types_go_over_the_line(pair):
    by_file, _ = pair
    text = pl.DataFrame({"v": ['{"a": 1}', None] * 200})
    assert copied(by_file, text, make="v jsonb")[0] == ('("{""a"": 1}")',)
    lists = pl.DataFrame({"v": [[1, 2], None] * 200})
    assert copied(by_file, lists, make="v bigint[]")[0] == ('("{1,2}")',)
    assert by_file._spool.given == []


def test_few_rows_go_over_the_line(pair):
    by_file, _ = pair
    few = pl.DataFrame({"v": range(spool._LEAST_ROWS - 1)})
    copied(by_file, few, make="v bigint")
    assert by_file._spool.given == []
    copied(by_file, few.vstack(few), make="v bigint")
    assert by_file._spool.given == [few.height * 2]


@pytest.mark.parametrize(
    ("make", "value"),
    [
        ("v text CHECK (v <> 'bad')", "bad"),
        ("v varchar(4)", "too long"),
        ("v text NOT NULL", None),
        ("v text, UNIQUE (v)", "v0"),
    ],
)
def test_a_bad_row_is_named_as_it_is_on_the_line(pair, make, value):
    values = [f"v{number}" for number in range(300)]
    values[250] = value
    frame = pl.DataFrame({"v": values})
    said = []
    for session in pair:
        session.execute(f"CREATE TABLE t ({make})")
        with pytest.raises(ServerError) as caught:
            session.copy("t", frame, namespace="public")
        session.rollback()
        said.append(classify(caught.value))
    assert said[0] == said[1]
    assert said[0].kind == "data"


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([2**31 - 1, -(2**31)] * 200, dtype=pl.Int32).cast(pl.Date),
        pl.Series([2**63 - 1, -(2**63)] * 200).cast(pl.Datetime("us")),
    ],
    ids=["date", "timestamp"],
)
def test_a_value_that_cannot_be_written_is_told_as_on_the_line(pair, column):
    pg_type = "date" if column.dtype == pl.Date else "timestamp"
    said = []
    for session in pair:
        session.execute(f"CREATE TABLE t (v {pg_type})")
        with pytest.raises(ServerError) as caught:
            session.copy("t", pl.DataFrame({"v": column}), namespace="public")
        session.rollback()
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_only_the_server_may_read_the_file(database, watched):
    path = watched.write(pl.DataFrame({"v": [1]}).to_arrow())
    found = path.stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_uid == path.parent.stat().st_uid
    watched.remove(path)
    assert not path.exists()


def test_rows_are_copied_once_where_their_file_cannot_be_deleted(pair, monkeypatch):
    by_file, _ = pair
    undeleted = []

    def unlink(path, missing_ok=False):
        undeleted.append(path)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", unlink)
        frame = pl.DataFrame({"v": range(300)})
        assert len(copied(by_file, frame, make="v bigint")) == 300
    assert len(undeleted) == 1
    undeleted[0].unlink()


def test_the_file_is_gone_also_where_the_copy_fails(pair):
    by_file, _ = pair
    frame = pl.DataFrame({"v": range(300)})
    with pytest.raises(ServerError):
        by_file.copy("no_such_table", frame, namespace="public")
    assert list(by_file._spool._folder.iterdir()) == []


def test_who_may_not_have_files_read_uses_the_line(database, watched):
    name = "propload_no_files"
    run_sql(database, f"CREATE ROLE {name} LOGIN")
    parts = parse_dsn(database) | {"user": name}
    try:
        with connect(" ".join(f"{k}={v}" for k, v in parts.items())) as session:
            assert session._spool is None
    finally:
        run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_a_spool_that_cannot_be_written_gives_way_to_the_line(pair, tmp_path):
    by_file, by_line = pair
    gone = tmp_path / "gone"
    gone.mkdir()
    by_file._spool = Watched(gone)
    shutil.rmtree(gone)
    frame = pl.DataFrame({"v": range(300)})
    expected = copied(by_line, frame, make="v bigint")
    assert copied(by_file, frame, make="v bigint") == expected
    assert copied(by_file, frame, make="v bigint") == expected
    # it is not tried again
    assert len(by_file._spool.given) == 1


def test_a_spool_that_the_server_cannot_read_gives_way_to_the_line(pair, tmp_path):
    by_file, by_line = pair
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    by_file._spool = Watched(elsewhere)
    by_file._spool.write = lambda _: elsewhere / "none"
    frame = pl.DataFrame({"v": range(300)})
    by_file.execute("CREATE TABLE t (v bigint)")
    with pytest.raises(TransientWriteError, match="cannot read its spool"):
        by_file.copy("t", frame, namespace="public")
    by_file.rollback()
    expected = copied(by_line, frame, make="v bigint")
    assert copied(by_file, frame, make="v bigint") == expected


def test_a_run_whose_spool_breaks_loads_all_rows(database, watched, monkeypatch):
    found = []

    def find(_):
        found.append(Watched(watched._folder))
        monkeypatch.setattr(found[-1], "write", lambda _: Path("/none/rows"))
        return found[-1]

    monkeypatch.setattr(Spool, "find", staticmethod(find))
    homes = pl.DataFrame({"id": range(1000), "v": "x"})
    report = propload.ingest(homes, to=database, table="homes", key="id", workers=1)
    assert report.counts.inserted == 1000
    assert report.retries == 1
    assert read_table(database, "homes").height == 1000


def test_a_run_goes_through_the_spool(database, watched, monkeypatch):
    monkeypatch.setattr(Spool, "find", staticmethod(lambda _: watched))
    for value, expected in (("x", "inserted"), ("y", "updated")):
        watched.given.clear()
        homes = pl.DataFrame({"id": range(1000), "v": value, "seen": date(2026, 7, 1)})
        report = propload.ingest(homes, to=database, table="homes", key="id")
        assert getattr(report.counts, expected) == 1000
        # the second time those besides that show whether rows are unchanged
        assert sum(watched.given) >= 1000
    assert list(watched._folder.iterdir()) == []


def test_files_of_killed_processes_are_deleted(watched):
    mine = watched._folder / f"{os.getpid()}-{'0' * 16}"
    # no process has a number beyond the greatest that Linux and macOS give
    other = watched._folder / f"{2**22 + 1}-{'0' * 16}"
    odd = watched._folder / "report-2026.csv"
    for path in (mine, other, odd):
        path.touch()
    try:
        assert Spool.find(str(watched._folder.parent)) is not None
        assert mine.exists()
        assert not other.exists()
        assert odd.exists()
    finally:
        mine.unlink()
        odd.unlink()
