"""What others see of a command that was given a password: not the password."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from propload.postgres.session.dsn import parse_dsn
from tests.sessions import short_session

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

SECRET = "Sesam9 offen"  # noqa: S105 - made up
#: A mapping that tells what others saw when it was asked for.
LOOKING = """
import polars as pl
import psutil

SEEN = " ".join(psutil.Process().cmdline())
mapping = {"id": pl.col("id"), "seen": pl.lit(SEEN)}
"""


def written(database, *, begin, between, quoted, **more):
    """Return a connection string with the password in it."""
    told = {**parse_dsn(database), "password": SECRET, **more}
    return begin + between.join(f"{key}={quoted(told[key])}" for key in told)


def as_pairs(database):
    return written(database, begin="", between=" ", quoted=lambda one: f"'{one}'")


def as_address(database):
    def quoted(one):
        return one.replace("/", "%2F").replace(" ", "%20")

    return written(database, begin="postgresql:///?", between="&", quoted=quoted)


@pytest.mark.parametrize(("write", "joined"), [(as_pairs, True), (as_address, False)])
def test_no_password_is_among_the_arguments_of_a_process(
    database, tmp_path, write, joined
):
    (tmp_path / "looking.py").write_text(LOOKING)
    (tmp_path / "rows.csv").write_text("id\n7\n")
    dsn = write(database)
    to = [f"--to={dsn}"] if joined else ["--to", dsn]
    words = [*to, "--table", "seen", "--key", "id", "--mapping", "looking:mapping"]
    load(["ingest", "rows.csv", *words], tmp_path)
    with short_session(database) as session:
        [(seen,)] = session.rows("SELECT seen FROM seen")
    assert "Sesam9" not in seen
    assert "offen" not in seen
    assert "***" in seen
    # what has no password is told as it is
    assert " ingest rows.csv --to" in seen
    assert "--table seen --key id --mapping looking:mapping" in seen


def load(words, folder):
    """Run a command in a folder whose modules it finds."""
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "propload", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
