"""A user who may no longer log in, in the middle of a load."""

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
    """Create a superuser; yield their connection string."""
    run_sql(dsn, f"CREATE ROLE {USER} LOGIN SUPERUSER")
    parts = parse_dsn(dsn) | {"user": USER}
    yield " ".join(f"{key}={value}" for key, value in parts.items())
    run_sql(dsn, f"REASSIGN OWNED BY {USER} TO CURRENT_USER", f"DROP ROLE {USER}")


@pytest.mark.parametrize("from_pipe", [False, True], ids=["file", "pipe"])
def test_load_whose_user_may_no_longer_log_in_fails_and_can_continue(
    dsn, user, state_dir, tmp_path, from_pipe
):
    text = "id\n" + "".join(f"{n}\n" for n in range(ROWS))
    path = tmp_path / "homes.csv"
    path.write_text(text)
    run_sql(dsn, "CREATE TABLE homes (id bigint)")
    prepare_ledger(dsn, *HALTING_LEDGER)
    arguments = loading.arguments(user, mode="append")
    source = ["-", "--format", "csv"] if from_pipe else [path]
    with (
        loading.pipe_of(text) if from_pipe else nullcontext() as stdin,
        loading.start("ingest", *source, *arguments, stdin=stdin) as load,
    ):
        wait_until(lambda: ask(dsn, HALTED))
        run_sql(dsn, f"ALTER ROLE {USER} NOLOGIN")
        ask(dsn, END)
        run_sql(dsn, "DROP TRIGGER halt ON propload.ledger")
        assert load.wait() == 1, load.log
    assert "that role may not log in" in load.log
    run_sql(dsn, f"ALTER ROLE {USER} LOGIN")
    command = ["recover", "--to", user] if from_pipe else ["ingest", path, *arguments]
    advice = "propload recover" if from_pipe else "--resume"
    assert advice in load.log + load.printed
    with loading.start(*command, *([] if from_pipe else ["--resume", "true"])) as again:
        assert again.wait() == 0, again.log
    count_rows = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, count_rows) == [(ROWS, ROWS)]
