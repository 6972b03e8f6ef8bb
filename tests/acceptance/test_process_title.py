"""Other users see a command without the password that it was given."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from propload.postgres.session.dsn import parse_dsn
from tests.sessions import short_session

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

SECRET = "Sesam9 offen"  # noqa: S105 - made up
#: A mapping that stores the command line that others saw when it was imported.
LOOKING = """
import polars as pl
import psutil

SEEN = " ".join(psutil.Process().cmdline())
mapping = {"id": pl.col("id"), "seen": pl.lit(SEEN)}
"""
#: A spider that yields the command line that others see while it crawls.
SPIDER = """
import psutil
import scrapy


class Looking(scrapy.Spider):
    name = "looking"
    custom_settings = {
        "ITEM_PIPELINES": {"propload.sources.spiders.PropLoadPipeline": 800},
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
    }

    async def start(self):
        yield {"id": 7, "seen": " ".join(psutil.Process().cmdline())}
"""
SETTINGS = ["PROPLOAD_TABLE=seen", "PROPLOAD_KEY=id"]


def dsn_with_password(database, *, begin, between, quoted, **more):
    """Return a connection string with the password in it."""
    parts = {**parse_dsn(database), "password": SECRET, **more}
    return begin + between.join(f"{key}={quoted(parts[key])}" for key in parts)


def as_pairs(database):
    return dsn_with_password(
        database, begin="", between=" ", quoted=lambda one: f"'{one}'"
    )


def as_address(database):
    def quoted(one):
        return one.replace("/", "%2F").replace(" ", "%20")

    return dsn_with_password(
        database, begin="postgresql:///?", between="&", quoted=quoted
    )


@pytest.mark.parametrize(
    ("make_dsn", "joined"), [(as_pairs, True), (as_address, False)]
)
def test_password_is_hidden_in_the_arguments_of_a_process(
    database, tmp_path, make_dsn, joined
):
    (tmp_path / "looking.py").write_text(LOOKING)
    (tmp_path / "rows.csv").write_text("id\n7\n")
    dsn = make_dsn(database)
    to = [f"--to={dsn}"] if joined else ["--to", dsn]
    arguments = [*to, "--table", "seen", "--key", "id", "--mapping", "looking:mapping"]
    load(["ingest", "rows.csv", *arguments], tmp_path)
    with short_session(database) as session:
        [(seen,)] = session.rows("SELECT seen FROM seen")
    assert "Sesam9" not in seen
    assert "offen" not in seen
    assert "***" in seen
    # arguments without a password are shown as they are
    assert " ingest rows.csv --to" in seen
    assert "--table seen --key id --mapping looking:mapping" in seen


def in_a_setting(database):
    return f"PROPLOAD_TO={as_address(database)}"


def in_a_target(database):
    target = {"table": "seen", "key": "id", "to": as_pairs(database)}
    return f"PROPLOAD_TARGETS={json.dumps({'dict': target})}"


@pytest.mark.parametrize("make_setting", [in_a_setting, in_a_target])
def test_password_is_hidden_in_the_arguments_of_a_crawl(
    database, tmp_path, make_setting
):
    (tmp_path / "looking.py").write_text(SPIDER)
    settings = [word for one in SETTINGS for word in ("-s", one)]
    arguments = ["runspider", "looking.py", *settings, "-s", make_setting(database)]
    run("scrapy", arguments, tmp_path)
    with short_session(database) as session:
        [(seen,)] = session.rows("SELECT seen FROM seen")
    assert "Sesam9" not in seen
    assert "offen" not in seen
    assert "***" in seen
    # the rest is shown as it is, so that a crawl can be found by it
    assert " runspider looking.py -s PROPLOAD_TABLE=seen -s PROPLOAD_KEY=id " in seen
    assert str(parse_dsn(database)["dbname"]) in seen


def load(arguments, folder):
    run("propload", arguments, folder)


def run(module, arguments, folder):
    """Run a command in a folder from which it can import modules."""
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    completed = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
