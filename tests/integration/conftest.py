"""A fixture that skips a test before it starts if the server lacks what it needs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.sessions import short_session

EXTENSIONS = "SELECT name::text FROM pg_available_extensions"
#: Counts ICU's collations without `unicode`, which a server without ICU lists as well.
ICU = (
    "SELECT count(*) FROM pg_collation "
    "WHERE collprovider = 'i' AND collname <> 'unicode'"
)


@dataclass(frozen=True)
class Needs:
    """Skips a test if, and only if, the server lacks what the test needs.

    Attributes:
        major: The server's major version.
        available: Names of the extensions that can be created.
        collations: The number of ICU collations; 0 if it was built without ICU.
    """

    major: int
    available: frozenset[str]
    collations: int

    def version(self, major):
        if self.major < major:
            pytest.skip(f"the server is older than version {major}")

    def extensions(self, *names):
        if missing := sorted({*names} - self.available):
            pytest.skip(f"the server lacks the extension {missing[0]}")

    def icu(self):
        if not self.collations:
            pytest.skip("the server was built without ICU")


@pytest.fixture(scope="session")
def needs(postgres_dsn):
    with short_session(postgres_dsn) as session:
        names = frozenset(name for (name,) in session.rows(EXTENSIONS))
        [(collations,)] = session.rows(ICU)
        return Needs(session.server_version // 10_000, names, collations)
