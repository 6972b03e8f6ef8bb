"""What goes to which stream."""

from __future__ import annotations

import logging
import re
import sys
from types import ModuleType

import pytest

from tests.unit.cli.loads import a_report


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ((), logging.WARNING),
        (("--quiet",), logging.ERROR),
        (("--verbose",), logging.INFO),
        (("--debug",), logging.DEBUG),
    ],
)
def test_logs_go_to_stderr_at_the_level_asked_for(words, level, run, monkeypatch):
    log = logging.getLogger("propload.somewhere")

    def load(_source, /, **_settings):
        for one in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            log.log(one, "level %d", one)
        return a_report()

    module = ModuleType("propload.ingesting")
    module.ingest = load
    monkeypatch.setitem(sys.modules, "propload.ingesting", module)
    result = run("ingest", "a.csv", *words)
    told = [int(found) for found in re.findall(r"level (\d+)", result.stderr)]
    assert told == [one for one in (10, 20, 30, 40) if one >= level]
    assert "level" not in result.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), []),
        (("--verbose",), ["a page", "a login"]),
        (("--debug",), ["a page", "a login"]),
    ],
)
def test_what_spiders_and_scrapy_log_is_told_where_each_step_is(
    words, told, run, monkeypatch
):
    def load(_source, /, **_settings):
        logging.getLogger("scrapy.core.engine").info("a page")
        # a spider logs under its own name
        logging.getLogger("homes").info("a login")
        logging.getLogger("scrapy.core.engine").debug("each item")
        return a_report()

    module = ModuleType("propload.ingesting")
    module.ingest = load
    monkeypatch.setitem(sys.modules, "propload.ingesting", module)
    result = run("ingest", "a.csv", *words)
    assert re.findall("INFO (a .*)|each", result.stderr) == told
