"""Rows by way of a file that the server reads from its own disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from propload.errors import TransientWriteError
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql.tables import copy_from

if TYPE_CHECKING:
    import pyarrow as pa

    from propload.postgres.server.spool import Spool
    from propload.postgres.session.statements import Statements

#: Codes of a server that lacks a file or may not read it.
_OF_FILES = ("58", "42501")
#: A table's namespace, or None where the session's path finds it, and its name.
Place: TypeAlias = "tuple[str | None, str]"


def copies_from_spool(
    session: Statements, spool: Spool, place: Place, rows: pa.Table, /
) -> bool:
    """Copy rows from a server's spool; return whether it took them.

    Args:
        session: One with that server.
        spool: Where the server reads them.
        place: The table.
        rows: The rows.

    Raises:
        TransientWriteError: The server could not read the file; it gets no more.
        ServerError: The server refused a row, or the connection is gone.
    """
    if not spool.takes(rows):
        return False
    try:
        path = spool.write(rows)
    except ValueError:
        # a value out of its type's range, for which the driver has its own words
        return False
    except OSError as error:
        spool.close(error)
        return False
    try:
        session.execute(copy_from(place, rows.column_names, str(path)))
    except ServerError as error:
        if not (error.sqlstate or "").startswith(_OF_FILES):
            raise
        spool.close(error)
        msg = f"{session} cannot read its spool: {error}"
        raise TransientWriteError(msg, sqlstate=error.sqlstate) from error
    finally:
        spool.remove(path)
    return True
