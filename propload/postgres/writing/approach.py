"""How a piece is tried: which rows are written, and how bad ones are looked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from propload.batch import ROW, Deduped
from propload.postgres.writing.refused.refusals import drop_refused, reasons_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.writing.refused.refusals import Refusal

Step = Literal["none", "suspect", "screen", "sift"]


@dataclass(frozen=True, slots=True)
class Approach:
    """The rows of a piece to write in an attempt, and how to look for bad ones.

    Attributes:
        layers: The piece's layers without the rows known to be bad.
        versions: All rows of the keys that occur several times, or None.
        by_row: Whether the last layer is written row by row, in the source's order: it
            has several rows of a key, because the row that dedupe kept was refused.
        step: How to look for bad rows: not at all, by trying suspects one by one, by
            screening the stage, or by trying all rows run by run.
        suspected: The number of the layer of suspects, or None.
        left_out_named: Whether a row was left out because COPY reported it.
        unchanged: How many rows are left out because they are stored already,
            unchanged.
        left_out: Why rows were left out: frames with the columns of `REASONS`.
    """

    layers: tuple[pl.DataFrame, ...]
    versions: pl.DataFrame | None = None
    by_row: bool = False
    step: Step = "none"
    suspected: int | None = None
    left_out_named: bool = False
    unchanged: int = 0
    left_out: tuple[pl.DataFrame, ...] = ()

    @property
    def duplicates(self) -> int:
        """How many rows were dropped in favor of another row with their key."""
        return Deduped(self.layers, self.versions).duplicates

    def is_by_row(self, number: int, /) -> bool:
        """Return whether the layer with that number is written row by row."""
        return self.by_row and number == len(self.layers) - 1

    def is_searched(self, number: int, /) -> bool:
        """Return whether the layer with that number is searched for bad rows."""
        if self.is_by_row(number):
            return True
        if self.step == "suspect":
            return number == self.suspected
        return self.step != "none"

    def without_refused(self, number: int, refusals: Sequence[Refusal], /) -> Approach:
        """Return the approach without the rejected rows of a layer.

        Args:
            number: The number of the layer.
            refusals: The rejected rows.
        """
        layer = self.layers[number]
        remaining = drop_refused(layer, refusals)
        return replace(
            self,
            layers=(*self.layers[:number], remaining, *self.layers[number + 1 :]),
            left_out=(*self.left_out, reasons_of(layer, refusals)),
        )

    def with_suspects(self, number: int, suspects: pl.Series, /) -> Approach:
        """Return the approach that tries suspects one by one, in a layer of their own.

        Args:
            number: The number of the layer that they are in.
            suspects: For each row of that layer, whether it is one.
        """
        layer = self.layers[number]
        # the few go first: a layer's rows are deleted from the stage before the next
        split = (layer.filter(suspects), layer.filter(~suspects))
        layers = (*self.layers[:number], *split, *self.layers[number + 1 :])
        return replace(self, layers=layers, step="suspect", suspected=number)

    def with_versions_of(
        self,
        refused: pl.Series,
        key: Sequence[str],
        /,
        *,
        server_equality: bool = False,
    ) -> Approach | None:
        """Return the approach that writes all rows of the rejected rows' keys.

        They are written row by row, as if each were a batch of its own. None if each of
        these keys occurs once, or its rows are written in this way already.

        Args:
            refused: The rejected rows, by `ROW`.
            key: The columns that identify a row.
            server_equality: Whether keys that differ here may be equal to the server,
                so that all rows of the piece have to be written in the source's order.
        """
        versions = self.versions
        if versions is None:
            return None
        is_refused = pl.col(ROW).is_in(refused.implode())
        keys = versions.filter(is_refused).select(key).unique()
        if not keys.height:
            return None
        if server_equality:
            others = (layer.join(versions, on=ROW, how="anti") for layer in self.layers)
            versions = pl.concat([versions, *others])
            keys = versions.select(key).unique()
        return self._by_row(versions, keys)

    def _by_row(self, versions: pl.DataFrame, keys: pl.DataFrame) -> Approach:
        """Return the approach with all rows of some keys moved to its last layer."""
        on = keys.columns
        rows = versions.join(keys, on=on, how="semi")
        is_moved = pl.col(ROW).is_in(rows.get_column(ROW).implode())
        # there may be a last layer with rows of other keys already
        last = len(self.layers) - self.by_row
        layers, by_row = self.layers[:last], self.layers[last:]
        return replace(
            self,
            layers=(
                *(
                    layer.join(keys, on=on, how="anti", maintain_order="left")
                    for layer in layers
                ),
                pl.concat([*by_row, rows]).sort(ROW),
            ),
            versions=versions.join(keys, on=on, how="anti"),
            by_row=True,
            left_out=tuple(frame.filter(~is_moved) for frame in self.left_out),
        )
