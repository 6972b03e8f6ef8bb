"""Connections: values, errors, passwords, cancelling."""

from __future__ import annotations

import secrets
import threading

import polars as pl
import pytest

import propload
from propload.errors import ConfigError, TransientWriteError
from propload.postgres.session import connection as connection_module
from propload.postgres.session.connection import COPY_ROWS, connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import parse_dsn
from propload.postgres.session.failures import classify
from propload.postgres.session.server_capacity import round_trip_seconds
from tests.integration.reading import read_frame, run_sql
from tests.waiting import recorded_waits

PASSWORD = "pa ss'w\\@rd%"  # noqa: S105 - made up
NAMESPACE = 'na;me "space'
ODD_NAMES = [
    *("select", 'quo"te', "semi;colon", "with space", "ünïcode", "it's", "Upper"),
    *("dot.ted", "per%cent", "new\nline"),
]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def test_copy_of_many_batches_keeps_values_and_order(connection):
    rows = COPY_ROWS * 2 + 1
    frame = pl.DataFrame(
        {
            "a": pl.int_range(rows, eager=True),
            "b": pl.Series([None if i % 3 == 0 else f"v{i}" for i in range(rows)]),
            "c": pl.Series([[i, None] for i in range(rows)]),
        }
    )
    connection.execute("CREATE TABLE t (a bigint, b text, c bigint[])")
    assert connection.copy("t", frame, namespace="public") == rows
    # a slice shares its memory with the whole
    assert connection.copy("t", frame.slice(rows - 3), namespace="public") == 3
    connection.commit()
    found = read_frame(connection, "SELECT * FROM t")
    assert found.equals(pl.concat([frame, frame.slice(rows - 3)]))
    assert connection.copy("t", frame.clear(), namespace="public") == 0


@pytest.mark.parametrize("temporary", [False, True])
def test_names_with_any_characters_work(connection, temporary):
    connection.execute(f"CREATE SCHEMA {quoted(NAMESPACE)}")
    columns = ", ".join(f"{quoted(name)} text" for name in ODD_NAMES)
    schema_prefix = "" if temporary else f"{quoted(NAMESPACE)}."
    temporary_word = "TEMPORARY " if temporary else ""
    frame = pl.DataFrame({name: [name, None] for name in ODD_NAMES})
    for table in ODD_NAMES:
        path = f"{schema_prefix}{quoted(table)}"
        connection.execute(f"CREATE {temporary_word}TABLE {path} ({columns})")
        namespace = None if temporary else NAMESPACE
        connection.copy(table, frame, namespace=namespace, temporary=temporary)
        assert read_frame(connection, f"SELECT * FROM {path}").equals(frame)


def test_parameters_are_bound(connection):
    nasty = "'; DROP TABLE t; --"
    sql = "SELECT $1::text, $2::int8, $3::text[], $4::bool, $5::text"
    values = (nasty, 5, ["a", None], True, None)
    assert connection.rows(sql, values) == [values]


def test_execute_counts_rows(connection):
    assert connection.execute("CREATE TABLE t (a int)") is None
    assert connection.execute("INSERT INTO t VALUES (1), (2)") == 2
    assert connection.execute("UPDATE t SET a = a WHERE a = 9") == 0


def test_errors_carry_what_the_server_sent(connection):
    connection.execute("CREATE TABLE t (a int CONSTRAINT small CHECK (a < 5))")
    connection.commit()
    frame = pl.DataFrame({"a": [1, 2, 7]}, schema={"a": pl.Int32})
    with pytest.raises(ServerError) as caught:
        connection.copy("t", frame, namespace="public")
    error = caught.value
    assert (error.sqlstate, error.status) == ("23514", "INTEGRITY")
    assert error.constraint == "small"
    assert classify(error).line == 3
    assert error.__cause__ is not None


def test_error_for_a_missing_table_or_column_is_short(connection):
    frame = pl.DataFrame({"a": [1], "b": [2]})
    connection.execute("CREATE TABLE t (a bigint)")
    connection.commit()
    for table, message in [
        ("u", 'relation "public.u" does not exist'),
        ("t", 'column "b" does not exist'),
    ]:
        with pytest.raises(ServerError) as caught:
            connection.copy(table, frame, namespace="public")
        connection.rollback()
        assert str(caught.value) == message
        assert classify(caught.value).kind == "permanent"


def test_value_of_another_width_is_not_mistaken_for_a_lost_connection(connection):
    connection.execute("CREATE TABLE t (a bigint)")
    connection.commit()
    frame = pl.DataFrame({"a": [1]}, schema={"a": pl.Int32})
    with pytest.raises(ServerError) as caught:
        connection.copy("t", frame, namespace="public")
    assert (caught.value.sqlstate, caught.value.severity) == ("08P01", "ERROR")
    assert classify(caught.value).kind == "permanent"


@pytest.mark.one_server
def test_jsonb_column_added_by_another_session_is_written(connection):
    connection.execute("CREATE TABLE t (a text)")
    connection.commit()
    connection.copy("t", pl.DataFrame({"a": ["x"]}), namespace="public")
    connection.commit()
    with connection.clone() as other:
        other.execute("ALTER TABLE t ADD COLUMN j jsonb")
        other.commit()
    rows = pl.DataFrame({"a": ["y"], "j": ['{"k": 1}']})
    assert connection.copy("t", rows, namespace="public") == 1
    found = connection.rows("SELECT a, j->>'k' FROM t ORDER BY a")
    assert found == [("x", None), ("y", "1")]


def test_line_of_an_error_is_counted_across_batches(connection):
    connection.execute("CREATE TABLE t (a int CHECK (a >= 0))")
    connection.commit()
    values = [1] * (COPY_ROWS + 500) + [-1]
    frame = pl.DataFrame({"a": values}, schema={"a": pl.Int32})
    with pytest.raises(ServerError) as caught:
        connection.copy("t", frame, namespace="public")
    assert classify(caught.value).line == COPY_ROWS + 501
    connection.rollback()
    assert connection.rows("SELECT count(*) FROM t") == [(0,)]


def test_commit_of_a_failed_transaction_raises(connection):
    connection.execute("CREATE TABLE t (a int)")
    with pytest.raises(ServerError):
        connection.execute("SELECT 1/0")
    with pytest.raises(ServerError, match="nothing was committed"):
        connection.commit()
    connection.rollback()
    assert connection.rows("SELECT to_regclass('public.t')::text") == [(None,)]


def test_deferred_constraint_fails_the_commit(connection):
    connection.execute("CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    connection.execute("INSERT INTO t VALUES (1), (1)")
    with pytest.raises(ServerError) as caught:
        connection.commit()
    assert classify(caught.value).kind == "data"


def test_lost_connection_is_transient_and_rollback_does_not_raise(database, connection):
    with connect(database) as doomed:
        pid = doomed.value("SELECT pg_backend_pid()")
        connection.rows("SELECT pg_terminate_backend($1::int, 5000)", (pid,))
        with pytest.raises(ServerError) as caught:
            doomed.execute("SELECT 1")
        assert "SELECT" not in str(caught.value)
        doomed.rollback()
        assert classify(caught.value).kind == "transient"
        assert caught.value.sqlstate is None
    doomed.close()


@pytest.mark.timeout(60)
def test_cancel_stops_a_statement_from_another_thread(connection):
    def stop():
        while caught == []:
            connection.cancel()
            ended.wait(0.05)

    caught: list[ServerError] = []
    ended = threading.Event()
    thread = threading.Thread(target=stop)
    thread.start()
    try:
        connection.rows("SELECT pg_sleep(50)")
    except ServerError as error:
        caught.append(error)
    ended.set()
    thread.join()
    assert caught[0].sqlstate == "57014"
    connection.rollback()
    assert connection.rows("SELECT 1") == [(1,)]


class Unreachable:
    """A driver's connection whose cancel requests get no answer from the network."""

    def __init__(self, raw):
        self._raw = raw
        self.requested, self.answered = threading.Event(), threading.Event()
        self.closed = threading.Event()

    def __getattr__(self, name):
        return getattr(self._raw, name)

    def adbc_cancel(self):
        self.requested.set()
        self.answered.wait(30)

    def close(self):
        self._raw.close()
        self.closed.set()


@pytest.fixture
def open_unreachable(database, monkeypatch):
    """Return a function that opens a session whose cancel requests get no answer."""
    open_session = connection_module.open_session
    monkeypatch.setattr(
        connection_module, "open_session", lambda dsn: Unreachable(open_session(dsn))
    )
    return lambda: connect(database)


@pytest.mark.timeout(60)
def test_unanswered_cancel_blocks_neither_statement_nor_close(
    open_unreachable,
):
    with open_unreachable() as opened:
        raw = opened._raw
        cancelling = threading.Thread(target=opened.cancel)
        with opened._cursor() as cursor:
            cancelling.start()
            assert raw.requested.wait(20)
            cursor.execute("SELECT 1")
        # neither the end of the statement nor that of the session waits for the answer
        opened.close()
        assert cancelling.is_alive()
        assert not raw.closed.is_set()
    raw.answered.set()
    cancelling.join(20)
    assert raw.closed.is_set()


@pytest.mark.timeout(60)
def test_next_statement_waits_for_the_cancel_request(open_unreachable, monkeypatch):
    with open_unreachable() as opened:
        waits = recorded_waits(opened._canceller._changed, monkeypatch)
        raw = opened._raw
        cancelling = threading.Thread(target=opened.cancel)
        with opened._cursor():
            cancelling.start()
            assert raw.requested.wait(20)
        found = []
        following = threading.Thread(
            target=lambda: found.extend(opened.rows("SELECT 1"))
        )
        following.start()
        assert waits.acquire(timeout=20)
        assert cancelling.is_alive()
        assert not found
        raw.answered.set()
        following.join(20)
        cancelling.join(20)
    assert found == [(1,)]


def test_new_session_has_the_settings_that_propload_needs(database):
    with connect(database, application_name="x" * 99) as opened:
        names = ("TimeZone", "DateStyle", "client_encoding", "application_name")
        found = [opened.value("SELECT current_setting($1)", (name,)) for name in names]
        opened.rollback()
        assert 15 <= opened.server_version // 10000 < 100
        assert 0 < round_trip_seconds(opened) < 60
    assert found == ["UTC", "ISO, YMD", "UTF8", "x" * 63]


def login(dsn, **changes):
    settings = parse_dsn(dsn) | changes
    return " ".join(
        "{}='{}'".format(key, value.replace("\\", "\\\\").replace("'", "\\'"))
        for key, value in settings.items()
    )


def test_error_says_whether_database_or_user_is_missing(database):
    with pytest.raises(ConfigError, match="database does not exist"):
        connect(login(database, dbname="nowhere"))
    with pytest.raises(ConfigError, match="user does not exist"):
        connect(login(database, user="nobody_here", password=PASSWORD))


def test_missing_server_is_transient_but_unknown_host_is_not(tmp_path):
    with pytest.raises(TransientWriteError, match="is the server running"):
        connect(f"host='{tmp_path}' dbname=x user=x password=s3cret")
    with pytest.raises(ConfigError, match="no such host"):
        connect("postgresql://u:s3cret@no-such-host.invalid/d")


@pytest.fixture
def make_role(database):
    """Return a function that creates a role with a limit and returns its DSN."""
    name = f"few_{secrets.token_hex(4)}"

    def make(limit):
        run_sql(
            database,
            f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {limit}",
            f"GRANT ALL ON DATABASE {database_name(database)} TO {name}",
            f"GRANT ALL ON SCHEMA public TO {name}",
        )
        return database.replace("//postgres@", f"//{name}@")

    yield make
    run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def database_name(database):
    return database.rpartition("dbname=")[2]


def test_number_of_workers_fits_the_connection_limit_of_the_role(make_role):
    arguments = {"to": make_role(4), "table": "homes", "key": "id"}
    rows = [{"id": n} for n in range(100)]
    with pytest.raises(
        ConfigError,
        match=r"3 workers need .* the run 2 more.* 4 in all: ALTER ROLE \w+ CONNECTION "
        r"LIMIT 5 or use fewer --workers",
    ):
        propload.ingest(rows, workers=3, **arguments)
    report = propload.ingest(rows, workers=2, **arguments)
    assert report.counts.inserted == 100
    many = [{"id": n} for n in range(4_000)]
    report = propload.ingest(many, **arguments)
    assert report.counts.unchanged == 100
    assert "connections free" in str(report.settings["chosen"])


def test_error_without_a_free_connection_names_a_sufficient_limit(database, make_role):
    # the driver asks for types in a session of its own, which may end after the first
    few = make_role(2)
    with connect(few) as first:
        (name,) = first.rows("SELECT current_user")[0]
        run_sql(database, f"ALTER ROLE {name} CONNECTION LIMIT 1")
        enough = f'ALTER ROLE "{name}" CONNECTION LIMIT 4 is enough for one run of 2'
        with pytest.raises(TransientWriteError, match=enough) as caught:
            connect(few)
    assert "fewer --workers" not in str(caught.value)


@pytest.mark.parametrize("workers", [{}, {"workers": 1}, {"workers": 3}])
@pytest.mark.parametrize("options", [{}, {"lock": True}, {"mode": "replace"}])
def test_error_names_the_connection_limit_that_a_run_needs(make_role, workers, options):
    few = make_role(2 + len(options))
    needed = workers.get("workers", 2) + 2 + len(options)
    rows = [{"id": 1}]
    message = rf"ALTER ROLE \w+ CONNECTION LIMIT {needed}$"
    with pytest.raises(ConfigError, match=message):
        propload.ingest(rows, to=few, table="homes", key="id", **options, **workers)


def test_error_names_a_database_with_too_few_connections(database, make_role):
    limited = database_name(database)
    # one of these connections is the tests' own
    run_sql(database, f"ALTER DATABASE {limited} CONNECTION LIMIT 5")
    message = rf"ALTER DATABASE {limited} CONNECTION LIMIT 6 or use fewer"
    try:
        with pytest.raises(ConfigError, match=message):
            propload.ingest(
                [{"id": 1}], to=make_role(9), table="homes", key="id", workers=4
            )
    finally:
        # other tests use the same database
        run_sql(database, f"ALTER DATABASE {limited} CONNECTION LIMIT -1")


def test_closed_database_is_not_mistaken_for_a_missing_server(database, postgres_dsn):
    alter = f"ALTER DATABASE {database_name(database)} ALLOW_CONNECTIONS"
    run_sql(postgres_dsn, f"{alter} false")
    try:
        with pytest.raises(
            TransientWriteError, match="ALLOW_CONNECTIONS true"
        ) as caught:
            connect(database)
    finally:
        run_sql(postgres_dsn, f"{alter} true")
    assert "is the server running" not in str(caught.value)
