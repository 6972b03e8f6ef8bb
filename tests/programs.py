"""The embedded database's programs, for servers of the tests' own."""

from __future__ import annotations

import os

from propload.postgres.server import embedded


def server_programs():
    """Return the folder of the programs where the server's account may run them.

    As root that is another account, which cannot enter every folder: the programs
    are then copied, once, to where the embedded database has them too.
    """
    if os.geteuid():
        return embedded.bundled_programs()
    embedded._make_root_home()
    programs = embedded._root_programs()
    embedded._copy_programs(programs)
    return programs
