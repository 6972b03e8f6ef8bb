"""A user whom the server lets in no more, in the midst of a load."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from propload.postgres.session.dsn import parse_dsn
from tests.faults import loading
from tests.faults.server import (
    BACKENDS,
    HALTING_LEDGER,
    ask,
    prepare_ledger,
    wait_until,
)
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

USER = "propload_shut_out"
ROWS = 5_000
END = BACKENDS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)")
HALTED = f"{BACKENDS} AND wait_event = 'PgSleep'"


@pytest.fixture
def user(dsn):
    """Make a user who may do all. Value: their connection string."""
    run_sql(dsn, f"CREATE ROLE {USER} LOGIN SUPERUSER")
    parts = parse_dsn(dsn) | {"user": USER}
    yield " ".join(f"{key}={value}" for key, value in parts.items())
    run_sql(dsn, f"REASSIGN OWNED BY {USER} TO CURRENT_USER", f"DROP ROLE {USER}")


@pytest.mark.parametrize("from_pipe", [False, True], ids=["file", "pipe"])
def test_a_load_whose_user_may_not_log_in_any_more_has_failed_and_goes_on(
    dsn, user, state_dir, tmp_path, from_pipe
):
    text = "id\n" + "".join(f"{n}\n" for n in range(ROWS))
    path = tmp_path / "homes.csv"
    path.write_text(text)
    run_sql(dsn, "CREATE TABLE homes (id bigint)")
    prepare_ledger(dsn, *HALTING_LEDGER)
    words = loading.words(user, mode="append")
    source = ["-", "--format", "csv"] if from_pipe else [path]
    with (
        loading.pipe_of(text) if from_pipe else nullcontext() as stdin,
        loading.start("ingest", *source, *words, stdin=stdin) as load,
    ):
        wait_until(lambda: ask(dsn, HALTED))
        run_sql(dsn, f"ALTER ROLE {USER} NOLOGIN")
        ask(dsn, END)
        run_sql(dsn, "DROP TRIGGER halt ON propload.ledger")
        assert load.wait() == 1, load.log
    assert "that role may not log in" in load.log
    run_sql(dsn, f"ALTER ROLE {USER} LOGIN")
    way = ["recover", "--to", user] if from_pipe else ["ingest", path, *words]
    told = "propload recover" if from_pipe else "--resume"
    assert told in load.log + load.printed
    with loading.start(*way, *([] if from_pipe else ["--resume", "true"])) as again:
        assert again.wait() == 0, again.log
    counted = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, counted) == [(ROWS, ROWS)]
