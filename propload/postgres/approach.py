"""How a piece is tried: the rows that are left, and how far to look for bad ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from propload.postgres.refusals import reasons_of, without

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from propload.postgres.refusals import Refusal

Step = Literal["none", "suspect", "screen", "sift"]


@dataclass(frozen=True, slots=True)
class Approach:
    """What is known of the bad rows of a piece before an attempt to write it.

    Attributes:
        layers: The piece's layers without the rows known to be bad.
        step: How far to look for others: nowhere, suspects tried one by one, a
            look at the stage, or all rows tried run by run.
        suspected: The number of the layer of suspects, or None.
        named: Whether a row was left out because COPY named it.
        left_out: Why rows were left out, columns `REASONS`, a frame a layer.
    """

    layers: tuple[pl.DataFrame, ...]
    step: Step = "none"
    suspected: int | None = None
    named: bool = False
    left_out: tuple[pl.DataFrame, ...] = ()

    def looks_into(self, number: int, /) -> bool:
        """Return whether bad rows are looked for in the layer of that number."""
        if self.step == "suspect":
            return number == self.suspected
        return self.step != "none"

    def without(self, number: int, refusals: Sequence[Refusal], /) -> Approach:
        """Return the approach without refused rows of the layer of that number."""
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
        # the few go first: they are sooner deleted from the stage than the many
        split = (layer.filter(suspects), layer.filter(~suspects))
        layers = (*self.layers[:number], *split, *self.layers[number + 1 :])
        return replace(self, layers=layers, step="suspect", suspected=number)
