"""Replaces a shadow's names with the target's in what the server says of a replace."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class ShadowNames:
    """The names of a shadow, each with the target's; empty outside of a replace.

    Every name of a shadow contains a hash, so that no text contains one by chance.

    Attributes:
        pairs: The shadow's name and the target's; if one name is a prefix of another,
            the longer one is first.
        namespace: The namespace of the shadow.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    namespace: str = ""

    def are_meant_by(self, message: str, /) -> bool:
        """Return whether a message about something missing is about the shadow.

        That includes a message about its namespace as a whole, but not one about
        another table there.

        Args:
            message: The message.
        """
        if any(name in message for name, _ in self.pairs):
            return True
        alone = rf"(?<![\w.]){re.escape(self.namespace)}(?![\w.])"
        return bool(self.pairs and re.search(alone, message))

    def replace_in_text(self, text: str, /) -> str:
        """Return a text with the target's names in place of the shadow's."""
        for shadow_name, target_name in self.pairs:
            text = text.replace(shadow_name, target_name)
        return text

    def replace_in_reasons(self, reasons: pl.DataFrame, /) -> pl.DataFrame:
        """Return reasons with the target's names in their checks and messages."""
        if not self.pairs or not reasons.height:
            return reasons
        shadow_names, target_names = map(list, zip(*self.pairs, strict=True))
        texts = pl.col("check", "message").str
        return reasons.with_columns(
            texts.replace_many(shadow_names, target_names, leftmost=True)
        )
