"""Rows that replace others, from files or from a source that fails."""

import pytest

import propload
from propload.errors import LoadError
from propload.postgres.session.connection import connect
from tests.integration.reading import read_table

OLD = {(number, 0) for number in range(500)}


def rows(day, count=300):
    return [{"id": number, "day": day} for number in range(count)]


def stored(database):
    return set(read_table(database, "homes").select("id", "day").rows())


def fail_halfway(settings, table):
    """Start to replace a table from a generator that fails; return the run's id."""

    def failing_rows():
        yield from rows(1)
        msg = "the site went away"
        raise RuntimeError(msg)

    with pytest.raises(LoadError, match="went away") as caught:
        propload.ingest(failing_rows(), **{**settings, "table": table})
    return caught.value.report.run_id


def shadows(database):
    with connect(database) as session:
        return session.rows(
            "SELECT relname::text FROM pg_class "
            "WHERE starts_with(relname::text, 'propload_shadow_') AND relkind = 'r'"
        )


CREATE_HOMES = "CREATE TABLE homes (id bigint PRIMARY KEY, day bigint)"


def csv_file(folder):
    path = folder / "homes.csv"
    lines = [f"{row['id']},{row['day']}\n" for row in rows(1)]
    path.write_text("id,day\n" + "".join(lines))
    return path


def files_with_other_columns(folder):
    later = folder / "later.csv"
    later.write_text("id\n" + "".join(f"{n}\n" for n in range(300, 400)))
    return [csv_file(folder), later]
