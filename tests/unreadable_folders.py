"""Folders without read or search permission, which also work if root runs the tests."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

#: The id of a user who owns no files.
NOBODY = 65534


@contextmanager
def unreadable_folder(rights, name="sub"):
    """Yield a folder with a subfolder that has only these rights, even for root.

    Args:
        rights: One octal digit of permissions for the user.
        name: The subfolder's name.
    """
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        root.chmod(0o755)
        for folder in (root, root / name):
            folder.mkdir(exist_ok=True)
            (folder / "a.csv").write_text("x\n1\n")
        is_root = os.geteuid() == 0
        (root / name).chmod(rights * (0o11 if is_root else 0o100))
        if is_root:
            os.seteuid(NOBODY)
        try:
            yield root
        finally:
            if is_root:
                os.seteuid(0)
            (root / name).chmod(0o755)
