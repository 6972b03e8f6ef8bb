"""Screens the stage: removes the rows that a condition shows to be bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import row_rules, screening
from propload.postgres.sql.quoting import table as quoted_table
from propload.postgres.writing.refused.refusals import Refusal, values_of

if TYPE_CHECKING:
    import polars as pl

    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape


class Screener:
    """Removes bad rows from the stage, as far as conditions find them.

    Args:
        shape: How rows go into the table.
        fresh: Whether stored rows are ignored, so that unique keys are not checked.
    """

    def __init__(self, shape: Shape, *, fresh: bool = False) -> None:
        self._shape = shape
        self._fresh = fresh
        self._known_rules: list[row_rules.Rule] | None = None

    def delete_bad_rows(
        self, connection: Connection, layer: pl.DataFrame, /
    ) -> list[Refusal]:
        """Remove bad rows from the stage, and return why they are refused.

        Args:
            connection: A session whose stage holds the layer.
            layer: The rows.

        Raises:
            ServerError: The connection broke meanwhile.
        """
        shape = self._shape
        reports_validity = connection.server_version >= screening.INPUT_VALIDITY_VERSION
        casts = screening.cast_conditions(shape) if reports_validity else []
        # a trigger may still correct a row
        rules = (
            []
            if shape.triggered
            else screening.rule_conditions(shape, self._rules(connection))
        )
        connection.execute(screening.create(shape, casts, rules))
        conditions = [*casts, *rules]
        bad_rows = connection.rows(screening.CALL_SCREEN)
        met = [conditions[number - 1] for _, number, *_ in bad_rows]
        pairs = zip(bad_rows, met, strict=True)
        values = values_of(layer, [(row[0], each.column) for row, each in pairs])
        return [
            _refusal(position, condition, value, code, message)
            for (position, _, code, message), condition, value in zip(
                bad_rows, met, values, strict=True
            )
        ]

    def _rules(self, connection: Connection) -> list[row_rules.Rule]:
        if self._known_rules is None:
            table = quoted_table(self._shape.table)
            queries = (row_rules.CONSTRAINTS_QUERY, row_rules.PARTITIONS_QUERY)
            rows = [row for each in queries for row in connection.rows(each, (table,))]
            rules = [row_rules.Rule(*row) for row in rows]
            self._known_rules = [
                rule for rule in rules if not (self._fresh and rule.unique)
            ]
        return self._known_rules


def _refusal(
    position: int,
    condition: screening.BadRowCondition,
    value: str | None,
    code: str | None,
    server_message: str | None,
) -> Refusal:
    column, constraint = condition.column, condition.constraint
    if server_message is not None:
        return Refusal(
            position, column, constraint, server_message, code, of_value=True
        )
    message = (value or "").join(condition.message)
    return Refusal(position, column, constraint, message, condition.sqlstate)
