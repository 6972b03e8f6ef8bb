"""The embedded database's programs, for servers of the tests' own."""

from __future__ import annotations

import os

from propload.postgres.server import root_server
from propload.postgres.server.bundled import bundled_programs


def server_programs():
    """Return the folder of the programs where the server's account may run them.

    As root that is another account, which cannot enter every folder: the programs
    are then copied, once, to where the embedded database has them too.
    """
    if os.geteuid():
        return bundled_programs()
    programs = root_server.root_programs()
    root_server.make_ready(programs)
    return programs
