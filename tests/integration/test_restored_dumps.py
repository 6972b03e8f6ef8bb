"""A database that was restored from a dump: its tables have new object IDs."""

import pytest

import propload
from propload.earlier_runs.leftover_journals import leftovers
from propload.errors import ConfigError, RejectLimitError
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

TABLES = ("propload.runs", "propload.ledger", "public.homes")


def restore(database, *tables):
    """Recreate tables with the rows that they had, as restoring a dump does."""
    for table in tables:
        before = f"{table.partition('.')[0]}.before"
        run_sql(
            database,
            f"ALTER TABLE {table} RENAME TO before",
            f"CREATE TABLE {table} (LIKE {before} INCLUDING ALL)",
            f"INSERT INTO {table} SELECT * FROM {before}",
            f"DROP TABLE {before}",
        )


@pytest.fixture
def load(database, tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id\n1\n2\nnone\n4\n5\n")
    run_sql(database, "CREATE TABLE homes (id bigint)")

    def load(**settings):
        arguments = {
            "to": database,
            "table": "homes",
            "mode": "append",
            "batch_rows": 2,
        }
        return propload.ingest(path, **arguments, **settings)

    return load


def test_file_is_resumed_after_the_database_was_restored(load, database):
    with pytest.raises(RejectLimitError):
        load(max_rejects=0)
    stored = query(database, "SELECT count(*) FROM homes")[0][0]
    assert stored
    restore(database, *TABLES)
    assert load(resume=True).counts.inserted == 4
    assert query(database, "SELECT id FROM homes ORDER BY 1") == [
        (1,),
        (2,),
        (4,),
        (5,),
    ]


def test_resume_is_refused_if_the_table_alone_was_recreated(load, database):
    with pytest.raises(RejectLimitError):
        load(max_rejects=0)
    restore(database, "public.homes")
    with pytest.raises(ConfigError, match="which is a different table now"):
        load(resume=True)


def test_journal_is_recovered_after_the_database_was_restored(database, caplog):
    run_sql(database, "CREATE TABLE homes (id bigint)")
    rows = ({"id": number if number != 7 else "none"} for number in range(10))
    settings = {"to": database, "table": "homes", "mode": "append", "batch_rows": 2}
    with pytest.raises(RejectLimitError):
        propload.ingest(rows, **settings, max_rejects=0)
    stored = query(database, "SELECT count(*) FROM homes")[0][0]
    assert stored
    restore(database, *TABLES)
    [left] = leftovers()
    propload.recover(left.run_id, to=database, max_rejects=1)
    assert "another table" not in caplog.text
    ids = query(database, "SELECT id FROM homes ORDER BY 1")
    assert ids == [(number,) for number in range(10) if number != 7]
