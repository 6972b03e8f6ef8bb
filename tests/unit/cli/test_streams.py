"""Logs go to stderr, at the level that the command's flags ask for."""

from __future__ import annotations

import logging
import re
import sys
from types import ModuleType

import pytest

from tests.unit.cli.loads import make_report


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        ((), logging.WARNING),
        (("--quiet",), logging.ERROR),
        (("--verbose",), logging.INFO),
        (("--debug",), logging.DEBUG),
    ],
)
def test_logs_go_to_stderr_at_the_level_asked_for(arguments, level, run, monkeypatch):
    log = logging.getLogger("propload.somewhere")

    def load(_source, /, **_settings):
        for one in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            log.log(one, "level %d", one)
        return make_report()

    module = ModuleType("propload.ingesting")
    module.ingest = load
    monkeypatch.setitem(sys.modules, "propload.ingesting", module)
    result = run("ingest", "a.csv", *arguments)
    levels = [int(found) for found in re.findall(r"level (\d+)", result.stderr)]
    assert levels == [one for one in (10, 20, 30, 40) if one >= level]
    assert "level" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ((), []),
        (("--verbose",), ["a page", "a login"]),
        (("--debug",), ["a page", "a login"]),
    ],
)
def test_logs_of_spiders_and_scrapy_are_shown_if_verbose(
    arguments, messages, run, monkeypatch
):
    def load(_source, /, **_settings):
        logging.getLogger("scrapy.core.engine").info("a page")
        # a spider logs under its own name
        logging.getLogger("homes").info("a login")
        logging.getLogger("scrapy.core.engine").debug("each item")
        return make_report()

    module = ModuleType("propload.ingesting")
    module.ingest = load
    monkeypatch.setitem(sys.modules, "propload.ingesting", module)
    result = run("ingest", "a.csv", *arguments)
    assert re.findall("INFO (a .*)|each", result.stderr) == messages
