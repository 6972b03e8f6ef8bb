"""A table that is ready to be written by a run, and its writers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.writing.writer import TableWriter

if TYPE_CHECKING:
    from propload.postgres.ledger.ledger import Ledger
    from propload.postgres.loading_run import LoadingRun
    from propload.postgres.sql.shape import Shape
    from propload.postgres.tables.premises import Premises
    from propload.postgres.writing.stored_rows import StoredRows
    from propload.target import ColumnPlan, OnRefused


class PreparedTarget:
    """A table that is ready to be written by a run.

    Attributes:
        plan: How each column travels.
        together: Whether all rows are to take one lane.
        notes: What a reader of the report should know.
    """

    def __init__(
        self,
        run: LoadingRun,
        plan: tuple[ColumnPlan, ...],
        shape: Shape,
        *,
        empty: bool,
        premises: Premises | None,
        stored: StoredRows | None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.plan = plan
        self.together = shape.bound is not None
        told = [*_lane_note(shape), *filter(None, [shape.kept])]
        self.notes = (*run.notes, *told, *notes)
        self._run = run
        self._shape = shape
        self._empty = empty
        self._premises = premises
        self._stored = stored

    @property
    def ledger(self) -> Ledger:
        """Where the run's pieces are entered."""
        return self._run.ledger

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
            self._run.session_of(lane),
            self._shape,
            self._run.ledger,
            empty=self._empty,
            premises=self._premises,
            stored=self._stored,
            on_refused=on_refused,
        )


def _lane_note(shape: Shape) -> tuple[str, ...]:
    if shape.bound is None:
        return ()
    return (f"all rows take one lane: {shape.bound}",)
