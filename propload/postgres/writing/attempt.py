"""One attempt to write a piece: all of a transaction but its entry and its commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.batch import ROW, Written, join_reasons
from propload.postgres.sql import merging
from propload.postgres.writing.counting import write_stage
from propload.postgres.writing.refusals import reasons_of
from propload.postgres.writing.staging import fill_stage
from propload.report import Counts

if TYPE_CHECKING:
    import polars as pl

    from propload.postgres.sql.shape import Shape
    from propload.postgres.writing.approach import Approach
    from propload.postgres.writing.erasing import Erasing
    from propload.postgres.writing.lane_session import LaneSession
    from propload.postgres.writing.stage_writer import StageWriter


class Attempt:
    """Writes the rows of an approach, straight into the table or through the stage.

    Args:
        session: The lane's session, open.
        shape: How rows go into the table.
        stage_writer: Finds the bad ones where the approach looks for them.
        approach: The rows.
        direct: Whether COPY goes straight into the table.
        erasing: Counts what nulls erase.

    Attributes:
        direct: As given.
        layer: The number of the layer that is written, or that failed.
    """

    def __init__(
        self,
        session: LaneSession,
        shape: Shape,
        stage_writer: StageWriter,
        approach: Approach,
        *,
        direct: bool,
        erasing: Erasing,
    ) -> None:
        self._session = session
        self._connection = session.open()
        self._shape = shape
        self._stage_writer = stage_writer
        self._approach = approach
        self._erasing = erasing
        self._reasons = list(approach.left_out)
        self.direct = direct
        self.layer = 0

    @property
    def height(self) -> int:
        """The rows that are written."""
        return sum(layer.height for layer in self._approach.layers)

    def write(self) -> Written:
        """Write the rows and return what becomes of them if this is committed.

        Raises:
            ServerError: The server refused the layer `layer`, or the connection broke.
        """
        if not self.direct:
            self._session.make_stage(self._shape)
        counts = Counts()
        for number, layer in enumerate(self._approach.layers):
            self.layer = number
            counts += self._copy(layer) if self.direct else self._stage(layer)
        reasons = join_reasons(self._reasons).sort(ROW)
        return Written(
            counts.inserted,
            counts.updated,
            counts.unchanged,
            counts.stale,
            self._approach.duplicates,
            self._shape.own_names.in_reasons(reasons),
        )

    def _copy(self, layer: pl.DataFrame) -> Counts:
        table = self._shape.table
        columns = layer.select(column.name for column in self._shape.columns)
        self._connection.copy(table.table, columns, namespace=table.namespace)
        return Counts(inserted=layer.height)

    def _stage(self, layer: pl.DataFrame) -> Counts:
        fill_stage(self._connection, layer, again=self.layer > 0)
        if not layer.height:
            return Counts()
        if self._approach.goes_by_row(self.layer):
            counts, refusals = self._stage_writer.write_by_row(self._connection, layer)
            self._reasons.append(reasons_of(layer, refusals))
            return counts
        if self._goes_alone():
            # one by one, in the order of the source: the last one wins
            layer = layer.sort(ROW)
            fill_stage(self._connection, layer, again=True)
            return self._sift(layer, alone=True)
        if self._approach.looks_into(self.layer):
            return self._sift(layer, alone=False)
        if self.layer == 0:
            self._erasing.look(self._connection, layer)
        return write_stage(self._connection, self._shape, self._shape.patched(layer))

    def _goes_alone(self) -> bool:
        """Return whether the stage may hold a key twice, as the server sees keys."""
        if not self._shape.loose_key:
            return False
        if self._approach.step != "none":
            # a key that cannot be cast cannot be compared either
            return True
        return bool(self._connection.value(merging.key_comes_twice(self._shape)))

    def _sift(self, layer: pl.DataFrame, *, alone: bool) -> Counts:
        counts, refusals = self._stage_writer.write(
            self._connection, layer, step=self._approach.step, alone=alone
        )
        self._reasons.append(reasons_of(layer, refusals))
        return counts
