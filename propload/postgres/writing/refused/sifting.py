"""Sifts the stage: tries its rows run by run, and returns why bad ones are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from propload.postgres.sql import sifting
from propload.postgres.sql.quoting import table as quoted_table
from propload.postgres.writing.refused.refusals import (
    TOO_LARGE,
    Refusal,
    reports_detail,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.session.connection import Connection
    from propload.postgres.session.statements import Record
    from propload.postgres.sql.shape import Shape


class Sifter:
    """Executes passes over the stage that find every bad row (`sql/sifting.py`).

    Args:
        shape: How rows go into the table.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._constraints: dict[str, str] | None = None

    def write(
        self, connection: Connection, /, *, runs: sifting.Runs
    ) -> tuple[list[Refusal], Record]:
        """Write the good rows; return the refused ones, and the counts of the good.

        Args:
            connection: A session that has a stage.
            runs: How many rows are tried at once, and whether rows are known to be at
                fault.

        Raises:
            ServerError: No row is at fault: all fail in the same way.
        """
        for statement in sifting.create(self._shape):
            connection.execute(statement)
        return self._execute(connection, sifting.call_sift(runs))

    def delete_unfit_rows(
        self, connection: Connection, columns: Sequence[str], /
    ) -> list[Refusal]:
        """Remove from the stage, and return, the rows with values that types refuse.

        Args:
            connection: A session that has a stage.
            columns: The columns whose types are tried.

        Raises:
            ServerError: No row is at fault: a type takes no value at all.
        """
        if not columns:
            return []
        for statement in sifting.create_trial(self._shape, columns):
            connection.execute(statement)
        refusals, _ = self._execute(connection, sifting.call_sift("growing"))
        if refusals:
            connection.execute(
                sifting.delete_rows([each.position for each in refusals])
            )
        return refusals

    def find_long_keys(
        self, connection: Connection, key: Sequence[str], index: str, /
    ) -> list[Refusal]:
        """Return the staged rows whose keys are too long for an index.

        Args:
            connection: A session that has a stage.
            key: The columns of the index.
            index: The name of the table's own index, which refusals name.

        Raises:
            ServerError: The connection broke meanwhile.
        """
        for statement in sifting.create_index_trial(self._shape, key):
            connection.execute(statement)
        refusals, _ = self._execute(connection, sifting.call_sift("growing"))
        column = self.column_of(connection, index)
        return [
            replace(
                each,
                column=column,
                constraint=index,
                message=each.message.replace(sifting.TRIAL_INDEX, index),
            )
            for each in refusals
            if each.sqlstate == TOO_LARGE
        ]

    def key_index(self, connection: Connection, key: Sequence[str], /) -> str | None:
        """Return the name of the unique index of exactly the key's columns, or None."""
        table = quoted_table(self._shape.table)
        names = connection.rows(sifting.KEY_INDEX, (table, json.dumps([*key])))
        return names[0][0] if names else None

    def column_of(self, connection: Connection, constraint: str, /) -> str | None:
        """Return the columns of a constraint, separated by commas, or None."""
        if self._constraints is None:
            table = quoted_table(self._shape.table)
            rows = connection.rows(sifting.CONSTRAINTS, (table,))
            self._constraints = dict(rows)
        return self._constraints.get(constraint) or None

    def _execute(
        self, connection: Connection, query: str
    ) -> tuple[list[Refusal], Record]:
        *bad, counts = connection.records(query)
        return [self._refusal(connection, record) for record in bad], counts

    def _refusal(self, connection: Connection, record: Record) -> Refusal:
        message, blamed = record["message"], record["blamed"]
        column, constraint = record["column_name"], record["constraint_name"]
        if record["detail"] and reports_detail(record["state"]):
            message = f"{message}. {record['detail']}"
        if blamed is not None:
            column = self._shape.columns[blamed - 1].name
        elif not column and constraint:
            column = self.column_of(connection, constraint)
        return Refusal(
            record["row_ordinal"],
            column or None,
            constraint or None,
            message,
            record["state"],
            of_value=blamed is not None,
        )
