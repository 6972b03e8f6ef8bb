"""A writer prepares its session before its first piece arrives."""

import polars as pl
import pytest

from propload.errors import WriteError
from tests.integration.postgres.writing import fit, make_piece, prepared, target_with
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

ROWS = pl.DataFrame({"k": [1, 2, 3], "a": [10, 20, 30]})
STORED = "INSERT INTO t VALUES (1, 1)"
TABLE = "CREATE TABLE t (k bigint PRIMARY KEY, a bigint)"
#: How many sessions have a stage now.
STAGES = (
    "SELECT count(*) FROM pg_class WHERE relname = 'propload_stage' "
    "AND relpersistence = 't'"
)


@pytest.fixture
def writer(database, state_dir, request):
    run_sql(database, TABLE, *getattr(request, "param", ()))
    target = target_with()
    with prepared(database, target, ROWS, state_dir) as ready:
        opened = ready.open_writer(0)
        piece = fit(make_piece(ROWS, key=target.key), ready.plan)
        yield opened, piece
        opened.close()


def test_empty_table_needs_no_stage(writer, database):
    opened, piece = writer
    opened.get_ready()
    assert query(database, STAGES) == [(0,)]
    assert opened.write(piece).counts.inserted == 3
    assert query(database, STAGES) == [(0,)]


@pytest.mark.parametrize("writer", [(STORED,)], indirect=True)
def test_stage_is_created_before_the_first_piece(writer, database):
    opened, piece = writer
    opened.get_ready()
    assert query(database, STAGES) == [(1,)]
    written = opened.write(piece)
    assert (written.counts.inserted, written.counts.updated) == (2, 1)
    assert query(database, STAGES) == [(1,)]


@pytest.mark.parametrize("writer", [(STORED,)], indirect=True)
def test_session_that_ended_after_the_warmup_is_opened_again(writer, database):
    opened, piece = writer
    opened.get_ready()
    query(
        database,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'propload' AND pid <> pg_backend_pid() "
        "AND datname = current_database()",
    )
    with pytest.raises(WriteError):
        opened.write(piece)
    assert opened.write(piece).counts.inserted == 2


@pytest.mark.parametrize("writer", [(STORED,)], indirect=True)
def test_error_of_the_warmup_is_raised_by_the_first_write(
    writer, database, monkeypatch
):
    opened, piece = writer

    def refuse(_shape):
        msg = "t takes rows through a temporary table, which this user may not create"
        raise WriteError(msg, table="t")

    with monkeypatch.context() as patched:
        patched.setattr(opened._session, "make_stage", refuse)
        opened.get_ready()
        assert opened._session.connection is None
        with pytest.raises(WriteError, match="this user may not create"):
            opened.write(piece)
    assert opened.write(piece).counts.inserted == 2


#: An event trigger, as an audit may have, that forbids creating tables.
NO_TABLES = (
    """CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''% is for the administrator'', tg_tag; END'""",
    """CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TABLE')
    EXECUTE FUNCTION refuse()""",
)


@pytest.mark.parametrize("writer", [(STORED,)], indirect=True)
def test_stage_forbidden_by_an_event_trigger_is_not_blamed_on_a_row(writer, database):
    opened, piece = writer
    run_sql(database, *NO_TABLES)
    message = (
        r"CREATE TABLE is for the administrator \[P0001\] \(a function or trigger "
        "raised an error while the temporary table that rows wait in was created"
    )
    with pytest.raises(WriteError, match=message):
        opened.write(piece)
