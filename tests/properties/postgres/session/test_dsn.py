"""A password is in no text that is made of any connection string."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from propload.errors import ConfigError
from propload.postgres.session.connect_errors import connect_error
from propload.postgres.session.driver_errors import server_error
from propload.postgres.session.dsn import (
    describe_dsn,
    mask,
    resolve_dsn,
)

SECRET = "s3cr3tpw"  # noqa: S105 - made up


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_mask_never_shows_a_password(rest):
    password = f"{SECRET}{rest}{SECRET}"
    for dsn in (f"postgresql://user:{password}@host/base", f"password={password}"):
        assert SECRET not in mask(dsn)
        assert SECRET not in describe_dsn(dsn)
        assert SECRET not in refusal(dsn)


def refusal(dsn):
    try:
        resolve_dsn(dsn)
    except ConfigError as error:
        return str(error)
    return ""


class DriverError(Exception):
    """An error of the driver that repeats what it was given."""

    def __init__(self, text):
        super().__init__(text)
        fields = ("MESSAGE_PRIMARY", "MESSAGE_DETAIL", "MESSAGE_HINT")
        self.details = [(f"PG_DIAG_{name}", text.encode()) for name in fields]


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.booleans(),
)
def test_no_error_shows_a_password_that_the_driver_repeats(rest, in_address):
    password = f"{SECRET}{rest}{SECRET}"
    dsn = f"postgresql://user:{quote(password, safe='')}@host/base"
    said = f"password authentication failed for {password} in {dsn}"
    if not in_address:
        escaped = password.replace("\\", "\\\\").replace("'", "\\'")
        dsn = f"host=host password='{escaped}'"
        said = f"password authentication failed for {password}"
    repeated, bare = DriverError(said), Exception(said)
    for made in (
        server_error(repeated, dsn),
        server_error(bare, dsn),
        connect_error(repeated, dsn),
        connect_error(bare, dsn, reconnect=True),
    ):
        assert SECRET not in f"{made} {made!r} {vars(made)}"
