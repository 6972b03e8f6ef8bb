"""Rows that the server copies from a file equal those sent over the connection."""

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
COLUMNS = ", ".join(f'"{name}" {pg_type}' for name, (pg_type, _) in TYPES.items())
#: The whole range of Python's dates, all of which PostgreSQL can store.
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


class RecordingSpool(Spool):
    """A spool that records how many rows each file for the server had."""

    def __init__(self, folder):
        super().__init__(folder)
        self.written_heights = []

    def write(self, rows):
        self.written_heights.append(rows.num_rows)
        return super().write(rows)


@pytest.fixture
def recording_spool(database):
    host = parse_dsn(database).get("host", "")
    found = Spool.find(host)
    if found is None:
        pytest.skip("the server is not one that propload runs")
    return RecordingSpool(spool_of(Path(host)))


@pytest.fixture
def sessions(database, recording_spool):
    """Yield two sessions: one with a spool, one with only its connection."""
    with connect(database) as spooling, connect(database) as streaming:
        spooling._spool, streaming._spool = recording_spool, None
        yield spooling, streaming


def copied_rows(session, frame, *, columns=COLUMNS):
    """Copy a frame into a new table; return its rows as text."""
    session.execute("DROP TABLE IF EXISTS t")
    session.execute(f"CREATE TABLE t ({columns})")
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
def test_spooled_rows_equal_streamed_rows(sessions, monkeypatch, rows, first):
    monkeypatch.setattr(spool, "_LEAST_ROWS", 1)
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    # a slice shares its memory and its validity bits with the whole frame
    frame = pl.concat([frame, frame.reverse()]).slice(min(first, len(rows)))
    spooling, streaming = sessions
    before = len(spooling._spool.written_heights)
    assert copied_rows(spooling, frame) == copied_rows(streaming, frame)
    assert len(spooling._spool.written_heights) == before + 1
    assert list(spooling._spool._folder.iterdir()) == []


@pytest.mark.parametrize("pg_type", ["varchar(9)", "char(9)", "json", "name"])
def test_other_text_types_are_stored_alike(sessions, pg_type):
    spooling, streaming = sessions
    frame = pl.DataFrame({"v": ['"é"', None, "12"] * 100})
    columns = f"v {pg_type}"
    assert copied_rows(spooling, frame, columns=columns) == copied_rows(
        streaming, frame, columns=columns
    )


def test_unsupported_types_are_not_spooled(sessions):
    spooling, _ = sessions
    text = pl.DataFrame({"v": ['{"a": 1}', None] * 200})
    assert copied_rows(spooling, text, columns="v jsonb")[0] == ('("{""a"": 1}")',)
    lists = pl.DataFrame({"v": [[1, 2], None] * 200})
    assert copied_rows(spooling, lists, columns="v bigint[]")[0] == ('("{1,2}")',)
    assert spooling._spool.written_heights == []


def test_few_rows_are_not_spooled(sessions):
    spooling, _ = sessions
    few = pl.DataFrame({"v": range(spool._LEAST_ROWS - 1)})
    copied_rows(spooling, few, columns="v bigint")
    assert spooling._spool.written_heights == []
    copied_rows(spooling, few.vstack(few), columns="v bigint")
    assert spooling._spool.written_heights == [few.height * 2]


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ("v text CHECK (v <> 'bad')", "bad"),
        ("v varchar(4)", "too long"),
        ("v text NOT NULL", None),
        ("v text, UNIQUE (v)", "v0"),
    ],
)
def test_spooled_bad_row_raises_the_same_error_as_a_streamed_one(
    sessions, columns, value
):
    values = [f"v{number}" for number in range(300)]
    values[250] = value
    frame = pl.DataFrame({"v": values})
    failures = []
    for session in sessions:
        session.execute(f"CREATE TABLE t ({columns})")
        with pytest.raises(ServerError) as caught:
            session.copy("t", frame, namespace="public")
        session.rollback()
        failures.append(classify(caught.value))
    assert failures[0] == failures[1]
    assert failures[0].kind == "data"


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([2**31 - 1, -(2**31)] * 200, dtype=pl.Int32).cast(pl.Date),
        pl.Series([2**63 - 1, -(2**63)] * 200).cast(pl.Datetime("us")),
    ],
    ids=["date", "timestamp"],
)
def test_out_of_range_value_raises_the_same_error_as_when_streamed(sessions, column):
    pg_type = "date" if column.dtype == pl.Date else "timestamp"
    messages = []
    for session in sessions:
        session.execute(f"CREATE TABLE t (v {pg_type})")
        with pytest.raises(ServerError) as caught:
            session.copy("t", pl.DataFrame({"v": column}), namespace="public")
        session.rollback()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_only_the_server_may_read_a_spooled_file(database, recording_spool):
    path = recording_spool.write(pl.DataFrame({"v": [1]}).to_arrow())
    found = path.stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_uid == path.parent.stat().st_uid
    recording_spool.remove(path)
    assert not path.exists()


def test_rows_are_copied_once_if_their_file_cannot_be_deleted(sessions, monkeypatch):
    spooling, _ = sessions
    undeleted = []

    def fail_to_unlink(path, missing_ok=False):
        undeleted.append(path)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail_to_unlink)
        frame = pl.DataFrame({"v": range(300)})
        assert len(copied_rows(spooling, frame, columns="v bigint")) == 300
    assert len(undeleted) == 1
    undeleted[0].unlink()


def test_spooled_file_is_deleted_even_if_the_copy_fails(sessions):
    spooling, _ = sessions
    frame = pl.DataFrame({"v": range(300)})
    with pytest.raises(ServerError):
        spooling.copy("no_such_table", frame, namespace="public")
    assert list(spooling._spool._folder.iterdir()) == []


def test_user_without_the_privilege_to_read_files_gets_no_spool(
    database, recording_spool
):
    name = "propload_no_files"
    run_sql(database, f"CREATE ROLE {name} LOGIN")
    parts = parse_dsn(database) | {"user": name}
    try:
        with connect(" ".join(f"{k}={v}" for k, v in parts.items())) as session:
            assert session._spool is None
    finally:
        run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_rows_are_streamed_if_the_spool_cannot_be_written(sessions, tmp_path):
    spooling, streaming = sessions
    deleted_folder = tmp_path / "gone"
    deleted_folder.mkdir()
    spooling._spool = RecordingSpool(deleted_folder)
    shutil.rmtree(deleted_folder)
    frame = pl.DataFrame({"v": range(300)})
    expected = copied_rows(streaming, frame, columns="v bigint")
    assert copied_rows(spooling, frame, columns="v bigint") == expected
    assert copied_rows(spooling, frame, columns="v bigint") == expected
    # it is not tried again
    assert len(spooling._spool.written_heights) == 1


def test_spool_the_server_cannot_read_fails_once_then_rows_are_streamed(
    sessions, tmp_path
):
    spooling, streaming = sessions
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    spooling._spool = RecordingSpool(elsewhere)
    spooling._spool.write = lambda _: elsewhere / "none"
    frame = pl.DataFrame({"v": range(300)})
    spooling.execute("CREATE TABLE t (v bigint)")
    with pytest.raises(TransientWriteError, match="cannot read its spool"):
        spooling.copy("t", frame, namespace="public")
    spooling.rollback()
    expected = copied_rows(streaming, frame, columns="v bigint")
    assert copied_rows(spooling, frame, columns="v bigint") == expected


def test_run_whose_spool_breaks_loads_all_rows(database, recording_spool, monkeypatch):
    spools = []

    def find(_):
        spools.append(RecordingSpool(recording_spool._folder))
        monkeypatch.setattr(spools[-1], "write", lambda _: Path("/none/rows"))
        return spools[-1]

    monkeypatch.setattr(Spool, "find", staticmethod(find))
    homes = pl.DataFrame({"id": range(1000), "v": "x"})
    report = propload.ingest(homes, to=database, table="homes", key="id", workers=1)
    assert report.counts.inserted == 1000
    assert report.retries == 1
    assert read_table(database, "homes").height == 1000


def test_run_sends_its_rows_through_the_spool(database, recording_spool, monkeypatch):
    monkeypatch.setattr(Spool, "find", staticmethod(lambda _: recording_spool))
    for value, expected in (("x", "inserted"), ("y", "updated")):
        recording_spool.written_heights.clear()
        homes = pl.DataFrame({"id": range(1000), "v": value, "seen": date(2026, 7, 1)})
        report = propload.ingest(homes, to=database, table="homes", key="id")
        assert getattr(report.counts, expected) == 1000
        # the second run also spools rows to probe whether they are unchanged
        assert sum(recording_spool.written_heights) >= 1000
    assert list(recording_spool._folder.iterdir()) == []


def test_files_of_killed_processes_are_deleted(recording_spool):
    own = recording_spool._folder / f"{os.getpid()}-{'0' * 16}"
    # no process has this number, which exceeds the highest of Linux and macOS
    of_dead_process = recording_spool._folder / f"{2**22 + 1}-{'0' * 16}"
    unrelated = recording_spool._folder / "report-2026.csv"
    for path in (own, of_dead_process, unrelated):
        path.touch()
    try:
        assert Spool.find(str(recording_spool._folder.parent)) is not None
        assert own.exists()
        assert not of_dead_process.exists()
        assert unrelated.exists()
    finally:
        own.unlink()
        unrelated.unlink()
