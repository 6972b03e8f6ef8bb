"""Which arguments of a process are shown, and how."""

import pytest

from propload.process_title import without_passwords

ADDRESS = "postgresql://loader:geheim@db/homes"
PAIRS = "host=db user=loader password='ge heim'"
SHOWN = "postgresql://loader:***@db/homes"
SHOWN_PAIRS = "host=db user=loader password=***"


@pytest.mark.parametrize(
    ("given", "shown"),
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
        # Scrapy will refuse it, and shows it to nobody
        (["-s", f"PROPLOAD_TARGETS={{{ADDRESS}"], ["-s", "PROPLOAD_TARGETS=***"]),
    ],
)
def test_a_password_is_shown_in_no_form_of_writing_it(given, shown):
    assert without_passwords(given) == shown


@pytest.mark.parametrize(
    "given",
    [
        ["scrapy", "crawl", "homes", "-s", "PROPLOAD_TABLE=to", "-a", "to=x"],
        ["-s", "PROPLOAD_TO=postgresql://loader@db/homes"],
        ["-s", 'PROPLOAD_TARGETS={"Home": {"table": "homes"}}'],
        ["--key", "a,b", "--to", "host=db user=loader"],
    ],
)
def test_what_holds_no_password_is_shown_as_it_is(given):
    assert without_passwords(given) == given
