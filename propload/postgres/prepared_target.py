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
        fit: How its rows fit the table.
        shape: How they go into it.
        empty: Whether it held no row.
        assumptions: What the shape takes for granted of it, if anybody else may
            change it.
        stored: What is known of its rows, if that is of use.
    """

    run: LoadingRun
    fit: RowPlan
    shape: Shape
    empty: bool
    assumptions: Assumptions | None
    stored: StoredRows | None

    @property
    def plan(self) -> tuple[ColumnPlan, ...]:
        """How each column travels."""
        return self.fit.columns

    @property
    def together(self) -> bool:
        """Whether all rows are to take one lane."""
        return self.shape.bound is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know."""
        bound = f"all rows take one lane: {self.shape.bound}" if self.together else None
        told = filter(None, [bound, self.shape.kept])
        return (*self.run.notes, *told, *self.fit.notes)

    @property
    def ledger(self) -> Ledger:
        """Where the run's pieces are entered."""
        return self.run.ledger

    def open_writer(
        self, lane: int, /, *, on_refused: OnRefused | None = None
    ) -> TableWriter:
        """Return a writer for a lane, which takes the place of its earlier ones.

        It connects when it first writes, unless the lane has a session already.

        Args:
            lane: The lane's number.
            on_refused: Told of rejected rows before their piece is committed.
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
