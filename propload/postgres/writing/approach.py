"""How a piece is tried: the rows that are left, and how far to look for bad ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from propload.batch import ROW, Deduped
from propload.postgres.writing.refused.refusals import reasons_of, without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.writing.refused.refusals import Refusal

Step = Literal["none", "suspect", "screen", "sift"]


@dataclass(frozen=True, slots=True)
class Approach:
    """What is known of the bad rows of a piece before an attempt to write it.

    Attributes:
        layers: The piece's layers without the rows known to be bad.
        versions: All rows of the keys that came several times, or None.
        by_row: Whether the last layer is written row by row, in the source's order:
            its keys come several times, for what dedupe left of them was refused.
        step: How far to look for others: nowhere, suspects tried one by one, a
            look at the stage, or all rows tried run by run.
        suspected: The number of the layer of suspects, or None.
        named: Whether a row was left out because COPY named it.
        unsent: How many rows are left out because the table holds them as they are.
        left_out: Why rows were left out, columns `REASONS`, a frame a layer.
    """

    layers: tuple[pl.DataFrame, ...]
    versions: pl.DataFrame | None = None
    by_row: bool = False
    step: Step = "none"
    suspected: int | None = None
    named: bool = False
    unsent: int = 0
    left_out: tuple[pl.DataFrame, ...] = ()

    @property
    def duplicates(self) -> int:
        """The rows that gave way to another one of their key."""
        return Deduped(self.layers, self.versions).duplicates

    def goes_by_row(self, number: int, /) -> bool:
        """Return whether the layer of that number is written row by row."""
        return self.by_row and number == len(self.layers) - 1

    def looks_into(self, number: int, /) -> bool:
        """Return whether bad rows are looked for in the layer of that number."""
        if self.goes_by_row(number):
            return True
        if self.step == "suspect":
            return number == self.suspected
        return self.step != "none"

    def without(self, number: int, refusals: Sequence[Refusal], /) -> Approach:
        """Return the approach without rejected rows of the layer of that number."""
        layer = self.layers[number]
        kept = without(layer, refusals)
        return replace(
            self,
            layers=(*self.layers[:number], kept, *self.layers[number + 1 :]),
            left_out=(*self.left_out, reasons_of(layer, refusals)),
        )

    def suspecting(self, number: int, suspects: pl.Series, /) -> Approach:
        """Return the approach whose suspects are a layer, tried one by one.

        Args:
            number: The number of the layer that they are in.
            suspects: Whether a row of it is one, in the layer's order.
        """
        layer = self.layers[number]
        # the few go first: deleting them from the stage is faster
        split = (layer.filter(suspects), layer.filter(~suspects))
        layers = (*self.layers[:number], *split, *self.layers[number + 1 :])
        return replace(self, layers=layers, step="suspect", suspected=number)

    def with_versions_of(
        self, refused: pl.Series, key: Sequence[str], /, *, bound: bool = False
    ) -> Approach | None:
        """Return the approach that writes all rows of the keys of refused ones.

        They are written row by row, as they would be in batches of one row each. None
        where each of these keys came once, or has had its turn.

        Args:
            refused: The rejected rows, by `ROW`.
            key: The columns that identify a row.
            bound: Whether keys that differ here may be equal to the server, so that
                all rows of the piece keep the source's order.
        """
        versions = self.versions
        if versions is None:
            return None
        is_refused = pl.col(ROW).is_in(refused.implode())
        keys = versions.filter(is_refused).select(key).unique()
        if not keys.height:
            return None
        if bound:
            others = (layer.join(versions, on=ROW, how="anti") for layer in self.layers)
            versions = pl.concat([versions, *others])
            keys = versions.select(key).unique()
        return self._by_row(versions, keys)

    def _by_row(self, versions: pl.DataFrame, keys: pl.DataFrame) -> Approach:
        """Return the approach with all versions of keys in the layer that ends it."""
        on = keys.columns
        rows = versions.join(keys, on=on, how="semi")
        is_one = pl.col(ROW).is_in(rows.get_column(ROW).implode())
        # rows of other keys may be in such a layer already
        whole = len(self.layers) - self.by_row
        layers, by_row = self.layers[:whole], self.layers[whole:]
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
            left_out=tuple(frame.filter(~is_one) for frame in self.left_out),
        )
