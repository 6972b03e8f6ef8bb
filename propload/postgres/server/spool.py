"""The spool: files from which a server on this machine copies rows.

Encoding and sending rows takes the driver longer than everything that propload does
with them before. So a server that propload runs has a folder beside its socket: pgpq
encodes rows into files there, in a quarter of the time, and COPY reads these.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder

from propload.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

#: The types that pgpq encodes as the planned column types need it; each is compared
#: with the driver in tests/integration/postgres/test_spool.py.
_ENCODED = frozenset(
    {
        pa.bool_(),
        pa.int16(),
        pa.int32(),
        pa.int64(),
        pa.float32(),
        pa.float64(),
        pa.large_string(),
        pa.large_binary(),
        pa.date32(),
        pa.timestamp("us"),
        pa.timestamp("us", tz="UTC"),
    }
)
#: Fewer rows are sent faster over the connection than through a file.
_LEAST_ROWS = 200
#: Rows encoded at a time: about 2 MB of memory with 20 columns, besides the rows.
_ROWS_AT_ONCE = 8_192
#: A name that nobody else uses for a folder: the files in it may be deleted.
_NAME = "propload-spool"
#: A file's name: the id of the process that created it, and a random number.
_FILE = re.compile(r"(\d+)-[0-9a-f]{16}")


def spool_of(socket_dir: Path, /) -> Path:
    """Return the folder of a server's spool."""
    return socket_dir / _NAME


def clear_spool(folder: Path, /) -> None:
    """Delete the files of processes that no longer exist."""
    for path in folder.glob("*-*"):
        match = _FILE.fullmatch(path.name)
        if match and not psutil.pid_exists(int(match[1])):
            path.unlink(missing_ok=True)


class Spool:
    """Writes rows to files that the server reads; shared by a server's sessions.

    Args:
        folder: The folder of the server's spool.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._usable = True

    @classmethod
    def find(cls, host: str, /) -> Spool | None:
        """Return the spool of the server at a socket, or None if it has none.

        Args:
            host: The host of a connection string: a folder or a name.
        """
        folder = spool_of(Path(host))
        if not host.startswith("/") or not _is_private_spool(folder):
            return None
        with contextlib.suppress(OSError):
            clear_spool(folder)
        return cls(folder)

    def accepts(self, rows: pa.Table, /) -> bool:
        """Return whether rows should be copied from a file."""
        return (
            self._usable
            and rows.num_rows >= _LEAST_ROWS
            and _ENCODED.issuperset(rows.schema.types)
        )

    def close(self, reason: object, /) -> None:
        """Stop using files: rows go over the connection from now on."""
        if self._usable:
            log.info("rows go to the server through the connection: %s", reason)
        self._usable = False

    def write(self, rows: pa.Table, /) -> Path:
        """Write rows to a new file in the binary format of COPY, and return its path.

        Raises:
            OSError: The file cannot be written, as when the disk is full.
            ValueError: A value is out of its type's range.
        """
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            self._fill(path, rows)
        except BaseException:
            self.remove(path)
            raise
        return path

    def remove(self, path: Path, /) -> None:
        """Delete a file; if that fails, it is deleted when the spool is cleared.

        A failure is only logged: the server has copied the rows already.
        """
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the copied rows stay in %s: %s", path, error)

    def _fill(self, path: Path, rows: pa.Table) -> None:
        owner = self._folder.stat()
        with open_private(path, "xb") as file:
            if os.geteuid() == 0:
                # root's server runs as another user, and only that user may read it
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            for part in _encode(rows):
                file.write(part)


def _is_private_spool(folder: Path) -> bool:
    """Return whether a folder is a spool that only this user's server may enter.

    Rows in it can be read by its owner, so nobody else may have created it.
    """
    try:
        info, parent_info = folder.lstat(), folder.parent.stat()
    except OSError:
        return False
    is_private = stat.S_ISDIR(info.st_mode) and not info.st_mode & 0o077
    # root's server runs as another user, who owns its folders
    is_ours = os.geteuid() in (0, info.st_uid) and info.st_uid == parent_info.st_uid
    return is_private and is_ours and os.access(folder, os.W_OK | os.X_OK)


def _encode(rows: pa.Table) -> Iterator[bytes]:
    encoder = ArrowToPostgresBinaryEncoder(rows.schema)
    yield encoder.write_header()
    for batch in rows.to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield encoder.write_batch(batch)
    yield encoder.finish()
