"""Copy rows through a file that the server reads from its own disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from propload.errors import TransientWriteError
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql.tables import copy_from

if TYPE_CHECKING:
    import pyarrow as pa

    from propload.postgres.server.spool import Spool
    from propload.postgres.session.statements import Statements

#: SQLSTATEs, or their classes, for a file that is missing or may not be read.
_FILE_ERRORS = ("58", "42501")
#: A table's namespace, or None to use the session's search path; and its name.
Place: TypeAlias = "tuple[str | None, str]"


def copy_from_spool(
    session: Statements, spool: Spool, place: Place, rows: pa.Table, /
) -> bool:
    """Copy rows through a server's spool; return False if it cannot take them.

    Args:
        session: A session with that server.
        spool: The server's spool.
        place: The table.
        rows: The rows.

    Raises:
        TransientWriteError: The server could not read the file; the spool is not used
            again.
        ServerError: The server refused a row, or the connection is gone.
    """
    if not spool.accepts(rows):
        return False
    try:
        path = spool.write(rows)
    except ValueError:
        # a value is out of its type's range: the driver reports that
        return False
    except OSError as error:
        spool.close(error)
        return False
    try:
        session.execute(copy_from(place, rows.column_names, str(path)))
    except ServerError as error:
        if not (error.sqlstate or "").startswith(_FILE_ERRORS):
            raise
        spool.close(error)
        msg = f"{session} cannot read its spool: {error}"
        raise TransientWriteError(msg, sqlstate=error.sqlstate) from error
    finally:
        spool.remove(path)
    return True
