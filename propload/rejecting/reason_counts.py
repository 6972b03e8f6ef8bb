"""How many rows were rejected for which reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from propload.batch import ROW
from propload.report import ReasonCount

if TYPE_CHECKING:
    from propload.rejecting.lines import Line

_Key: TypeAlias = "tuple[str, str | None, str]"
_KEY = ("stage", "column", "check")


class ReasonCounts:
    """Counts rows by reason; a reason given twice for a row counts once."""

    def __init__(self) -> None:
        self._rows: Counter[_Key] = Counter()
        self._examples: dict[_Key, str] = {}

    def add(self, reasons: pl.DataFrame) -> None:
        """Add rows to the counts.

        Args:
            reasons: All reasons of these rows, with the columns `REASONS`.
        """
        self._count(reasons, 1)

    def retract(self, reasons: pl.DataFrame) -> None:
        """Subtract rows whose reasons were added before."""
        self._count(reasons, -1)

    def add_line(self, line: Line) -> None:
        """Add a rejected row, as read from its file."""
        messages = {
            (reason["stage"], reason["column"], reason["check"]): reason["message"]
            for reason in reversed(line["reasons"])
        }
        for key, message in messages.items():
            self._rows[key] += 1
            self._examples.setdefault(key, message)

    @property
    def counted(self) -> tuple[ReasonCount, ...]:
        """The number of rows by reason, largest first."""
        return tuple(
            ReasonCount(*key, rows, self._examples[key])
            for key, rows in self._rows.most_common()
            if rows
        )

    def _count(self, reasons: pl.DataFrame, sign: int) -> None:
        grouped = reasons.group_by(_KEY, maintain_order=True).agg(
            pl.col(ROW).n_unique(), pl.col("message").first()
        )
        for stage, column, check, rows, message in grouped.iter_rows():
            key = (stage, column, check)
            self._rows[key] += sign * rows
            self._examples.setdefault(key, message)
