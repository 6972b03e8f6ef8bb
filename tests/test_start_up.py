"""The package and its command line start without loading what they do not need."""

from __future__ import annotations

import pytest

from tests.repository import in_another_process

HEAVY = {
    "polars",
    "pyarrow",
    "pandera",
    "scrapy",
    "twisted",
    "adbc_driver_manager",
    "adbc_driver_postgresql",
    "pandas",
    "IPython",
}


@pytest.mark.parametrize(
    "code",
    [
        "import propload",
        "import propload.errors, propload.config, propload.options",
        "import propload.cli; propload.cli.build_app()",
    ],
)
def test_importing_loads_nothing_heavy(code):
    printed = in_another_process(f"{code}\nimport sys; print(*sys.modules)")
    assert HEAVY.isdisjoint(printed.split())


def test_first_load_may_start_after_the_main_thread_has_ended():
    code = (
        "import threading, propload\n"
        "def late():\n"
        "    threading.main_thread().join()\n"
        "    print(propload.ingest.__name__)\n"
        "threading.Thread(target=late).start()"
    )
    assert in_another_process(code).split() == ["ingest"]


def modules_loaded_by_command(*arguments):
    """Return the names of the modules that a call of propload loads."""
    code = (
        "import sys\n"
        f"sys.argv = ['propload', *{arguments!r}]\n"
        "from propload.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        "print(*sys.modules)"
    )
    return set(in_another_process(code).split())


@pytest.mark.parametrize(
    "arguments", [("--help",), ("ingest", "--help"), ("--version",)]
)
def test_help_loads_nothing_heavy(arguments):
    loaded = modules_loaded_by_command(*arguments)
    assert HEAVY.isdisjoint(loaded)


def test_help_loads_no_command_and_no_setting():
    loaded = modules_loaded_by_command("--help")
    own = {name for name in loaded if name.startswith("propload")}
    assert own == {
        "propload",
        "propload.cli",
        "propload.cli.flags",
        "propload.cli.help_format",
        "propload.cli.streams",
        "propload.errors",
    }
    # it would scan the installed packages
    assert "importlib.metadata" not in loaded


def test_importing_the_package_loads_no_command_line():
    printed = in_another_process("import propload, sys; print(*sys.modules)")
    assert {"typer", "rich", "importlib.metadata"}.isdisjoint(printed.split())
