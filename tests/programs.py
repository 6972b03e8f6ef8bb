"""The programs of the embedded database, for the tests' private servers."""

from __future__ import annotations

import os

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
