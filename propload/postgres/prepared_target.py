"""A table that is ready to be written by a run, and its writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.postgres.writing.writer import TableWriter

if TYPE_CHECKING:
    from propload.postgres.ledger.ledger import Ledger
    from propload.postgres.loading_run import LoadingRun
    from propload.postgres.sql.shape import Shape
    from propload.postgres.tables.assumptions import Assumptions
    from propload.postgres.tables.row_plan import RowPlan
    from propload.postgres.writing.stored.stored_rows import StoredRows
    from propload.target import ColumnPlan, OnRefused


@dataclass(frozen=True, slots=True)
class PreparedTarget:
    """A table that is ready to be written by a run.

    Attributes:
        run: The run.
        row_plan: How its rows fit the table.
        shape: How its rows go into the table.
        empty: Whether the table held no row.
        assumptions: What the shape assumes about the table, or None if nobody else
            can change it.
        stored: What is known of the table's rows, or None if that is of no use.
    """

    run: LoadingRun
    row_plan: RowPlan
    shape: Shape
    empty: bool
    assumptions: Assumptions | None
    stored: StoredRows | None

    @property
    def plan(self) -> tuple[ColumnPlan, ...]:
        """How each column is sent."""
        return self.row_plan.columns

    @property
    def single_lane(self) -> bool:
        """Whether all rows must take the same lane."""
        return self.shape.single_lane_reason is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the report."""
        reason = self.shape.single_lane_reason
        lane_note = f"all rows take one lane: {reason}" if reason else None
        notes = filter(None, [lane_note, self.shape.fixed_columns_notice])
        return (*self.run.notes, *notes, *self.row_plan.notes)

    @property
    def ledger(self) -> Ledger:
        """The ledger that the run's pieces are entered in."""
        return self.run.ledger

    def open_writer(
        self, lane: int, /, *, on_refused: OnRefused | None = None
    ) -> TableWriter:
        """Return a writer for a lane, which replaces the lane's earlier writers.

        It connects when it first writes, unless the lane has a session already.

        Args:
            lane: The lane's number.
            on_refused: Called with the rejected rows of a piece before its commit; with
                none if those of an earlier attempt no longer apply.
        """
        return TableWriter(
            self.run.session_of(lane),
            self.shape,
            self.run.ledger,
            empty=self.empty,
            assumptions=self.assumptions,
            stored=self.stored,
            on_refused=on_refused,
        )
