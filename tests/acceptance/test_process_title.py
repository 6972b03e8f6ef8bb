"""What others see of a command that was given a password: not the password."""

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
#: A mapping that tells what others saw when it was asked for.
LOOKING = """
import polars as pl
import psutil

SEEN = " ".join(psutil.Process().cmdline())
mapping = {"id": pl.col("id"), "seen": pl.lit(SEEN)}
"""
#: A spider that tells what others see when it is asked for its items.
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
SEEN = ["PROPLOAD_TABLE=seen", "PROPLOAD_KEY=id"]


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


def in_a_setting(database):
    return f"PROPLOAD_TO={as_address(database)}"


def in_a_target(database):
    target = {"table": "seen", "key": "id", "to": as_pairs(database)}
    return f"PROPLOAD_TARGETS={json.dumps({'dict': target})}"


@pytest.mark.parametrize("give", [in_a_setting, in_a_target])
def test_no_password_is_among_the_arguments_of_a_crawl(database, tmp_path, give):
    (tmp_path / "looking.py").write_text(SPIDER)
    told = [word for one in SEEN for word in ("-s", one)]
    words = ["runspider", "looking.py", *told, "-s", give(database)]
    run("scrapy", words, tmp_path)
    with short_session(database) as session:
        [(seen,)] = session.rows("SELECT seen FROM seen")
    assert "Sesam9" not in seen
    assert "offen" not in seen
    assert "***" in seen
    # the rest is told as it is: who looks for a crawl finds it
    assert " runspider looking.py -s PROPLOAD_TABLE=seen -s PROPLOAD_KEY=id " in seen
    assert str(parse_dsn(database)["dbname"]) in seen


def load(words, folder):
    run("propload", words, folder)


def run(module, words, folder):
    """Run a command in a folder whose modules it finds."""
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
