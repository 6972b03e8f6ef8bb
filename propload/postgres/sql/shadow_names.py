"""The target's own names, where the server speaks of its shadow in a replace."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class ShadowNames:
    """Names of a shadow, each with the target's; empty outside of a replace.

    Every name of a shadow holds a hash, so no text contains one by chance.

    Attributes:
        pairs: (shadow's, target's), a name before those that it begins with.
        namespace: Where the shadow is.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    namespace: str = ""

    def are_of(self, missing: str, /) -> bool:
        """Return whether what is missing, as a text tells it, is the shadow's own.

        It may be its whole namespace, though not another table there.
        """
        if any(shadows in missing for shadows, _ in self.pairs):
            return True
        alone = rf"(?<![\w.]){re.escape(self.namespace)}(?![\w.])"
        return bool(self.pairs and re.search(alone, missing))

    def in_text(self, text: str, /) -> str:
        """Return a text that names the target."""
        for shadows, own in self.pairs:
            text = text.replace(shadows, own)
        return text

    def in_reasons(self, reasons: pl.DataFrame, /) -> pl.DataFrame:
        """Return reasons whose check and message name the target's constraints."""
        if not self.pairs or not reasons.height:
            return reasons
        shadows, own = (list(names) for names in zip(*self.pairs, strict=True))
        told = pl.col("check", "message").str.replace_many(shadows, own, leftmost=True)
        return reasons.with_columns(told)
