"""A password is in no text that is made of any connection string."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from propload.errors import ConfigError
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
