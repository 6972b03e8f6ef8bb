"""Screens the stage: removes the rows that a condition shows to be bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import screening
from propload.postgres.sql.quoting import table as quoted_table
from propload.postgres.writing.refused.refusals import Refusal, values_of

if TYPE_CHECKING:
    import polars as pl

    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape


class Screen:
    """Removes bad rows from the stage, as far as conditions find them.

    Args:
        shape: How rows go into the table.
        fresh: Whether stored rows are ignored, so that unique keys are not checked.
    """

    def __init__(self, shape: Shape, *, fresh: bool = False) -> None:
        self._shape = shape
        self._fresh = fresh
        self._known_rules: list[screening.Rule] | None = None

    def take_out(self, connection: Connection, layer: pl.DataFrame, /) -> list[Refusal]:
        """Remove bad rows from the stage, and return why they are refused.

        Args:
            connection: A session whose stage holds the layer.
            layer: The rows.

        Raises:
            ServerError: The connection broke meanwhile.
        """
        shape = self._shape
        tells = connection.server_version >= screening.TELLS_VALIDITY
        casts = screening.uncastable(shape) if tells else []
        # a trigger may still correct a row
        rest = (
            [] if shape.triggered else screening.refused(shape, self._rules(connection))
        )
        connection.execute(screening.create(shape, casts, rest))
        verdicts = [*casts, *rest]
        found = connection.rows(screening.SCREEN)
        told = [verdicts[number - 1] for _, number, *_ in found]
        pairs = zip(found, told, strict=True)
        values = values_of(layer, [(row[0], verdict.column) for row, verdict in pairs])
        return [
            _judged(place, verdict, value, code, words)
            for (place, _, code, words), verdict, value in zip(
                found, told, values, strict=True
            )
        ]

    def _rules(self, connection: Connection) -> list[screening.Rule]:
        if self._known_rules is None:
            table = quoted_table(self._shape.table)
            queries = (screening.RULES, screening.PLACES)
            rows = [row for each in queries for row in connection.rows(each, (table,))]
            rules = [screening.Rule(*row) for row in rows]
            self._known_rules = [
                rule for rule in rules if not (self._fresh and rule.unique)
            ]
        return self._known_rules


def _judged(
    place: int,
    verdict: screening.Verdict,
    value: str | None,
    code: str | None,
    words: str | None,
) -> Refusal:
    column, constraint = verdict.column, verdict.constraint
    if words is not None:
        return Refusal(place, column, constraint, words, code, of_value=True)
    message = (value or "").join(verdict.message)
    return Refusal(place, column, constraint, message, verdict.sqlstate)
