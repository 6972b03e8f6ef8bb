"""Passwords are masked in the arguments that `ps` shows."""

import pytest

from propload.process_title import without_passwords

ADDRESS = "postgresql://loader:geheim@db/homes"
PAIRS = "host=db user=loader password='ge heim'"
SHOWN = "postgresql://loader:***@db/homes"
SHOWN_PAIRS = "host=db user=loader password=***"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--to", PAIRS], ["--to", SHOWN_PAIRS]),
        ([f"--to={ADDRESS}"], [f"--to={SHOWN}"]),
        (["recover", ADDRESS], ["recover", SHOWN]),
        (["-s", f"PROPLOAD_TO={PAIRS}"], ["-s", f"PROPLOAD_TO={SHOWN_PAIRS}"]),
        ([f"-sPROPLOAD_TO={ADDRESS}"], [f"-sPROPLOAD_TO={SHOWN}"]),
        ([f"--set=PROPLOAD_TO={ADDRESS}"], [f"--set=PROPLOAD_TO={SHOWN}"]),
        (
            ["-s", f'PROPLOAD_TARGETS={{"Home": {{"key": "id", "to": "{ADDRESS}"}}}}'],
            ["-s", f'PROPLOAD_TARGETS={{"Home": {{"key": "id", "to": "{SHOWN}"}}}}'],
        ),
        # not JSON: Scrapy will refuse it, so nobody needs to see it
        (["-s", f"PROPLOAD_TARGETS={{{ADDRESS}"], ["-s", "PROPLOAD_TARGETS=***"]),
    ],
)
def test_password_is_masked_in_every_form_of_argument(arguments, shown):
    assert without_passwords(arguments) == shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["scrapy", "crawl", "homes", "-s", "PROPLOAD_TABLE=to", "-a", "to=x"],
        ["-s", "PROPLOAD_TO=postgresql://loader@db/homes"],
        ["-s", 'PROPLOAD_TARGETS={"Home": {"table": "homes"}}'],
        ["--key", "a,b", "--to", "host=db user=loader"],
    ],
)
def test_arguments_without_a_password_are_shown_unchanged(arguments):
    assert without_passwords(arguments) == arguments
