"""Find stored rows that would prevent a unique constraint on a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql.stored_keys import stored_keys_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.session.connection import Connection
    from propload.target import TableName


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """What stored rows contain that would prevent a unique constraint on a key.

    Attributes:
        repeated: The values of a key that several rows have, or empty.
        lacking: Whether a row has a null in its key.
    """

    repeated: tuple[str, ...] = ()
    lacking: bool = False

    @classmethod
    def read(
        cls, connection: Connection, table: TableName, key: Sequence[str], /
    ) -> StoredKeys:
        """Return what is found among the first rows of a table, if they can be read.

        Ends the open transaction.

        Args:
            connection: A session without an open transaction.
            table: The table.
            key: The columns of the key, whose types have an equality.

        Raises:
            ServerError: The connection broke.
        """
        try:
            repeated, lacking = connection.rows(stored_keys_query(table, key))[0]
        except ServerError as error:
            if failures.is_transient(error):
                raise
            # a missing privilege, or a timeout: the message is true without it
            return cls()
        finally:
            connection.rollback()
        return cls(tuple(repeated or ()), bool(lacking))

    def describe(self, key: Sequence[str], /) -> str:
        """Return what was found and what to do, to precede "add a constraint".

        Args:
            key: The columns of the key.
        """
        problems, first = [], ""
        if self.repeated:
            pairs = zip(key, self.repeated, strict=True)
            example = ", ".join(f"{name}={value}" for name, value in pairs)
            problems.append(f"keys repeat, such as {example}")
            first = "leave one row of each key, then "
        if self.lacking:
            null_key = f"{' or '.join(key)} is null in some rows"
            problems.append(f"{null_key}, which ADD PRIMARY KEY would refuse")
        return f"{' and '.join(problems)}: {first}" if problems else ""
