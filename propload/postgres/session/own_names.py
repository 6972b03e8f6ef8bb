"""The target's own names, where the server speaks of its shadow in a replace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from propload.postgres.sql import swapping
from propload.postgres.sql.quoting import table as quoted_table

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection
    from propload.target import TableName


@dataclass(frozen=True, slots=True)
class OwnNames:
    """Names of a shadow, each with the target's; empty outside of a replace.

    Every name of a shadow holds a hash, so none stands in a text by chance.

    Attributes:
        pairs: (shadow's, target's), a name before those that it begins with.
    """

    pairs: tuple[tuple[str, str], ...] = ()

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


def read_own_names(
    connection: Connection, shadow: TableName, target: TableName, /
) -> OwnNames:
    """Return the names of a shadow's indexes and constraints and the target's.

    Args:
        connection: Where both are.
        shadow: The table that is written; the target itself has no other names.
        target: The table that is to be replaced.

    Raises:
        ServerError: The catalog cannot be read.
    """
    if shadow == target:
        return OwnNames()
    both = (quoted_table(shadow), quoted_table(target))
    found = [(str(one), str(own)) for one, own in connection.rows(swapping.TWINS, both)]
    tables = ((str(shadow), str(target)), (shadow.table, target.table))
    named = sorted(found, key=lambda pair: len(pair[0]), reverse=True)
    return OwnNames((*named, *tables))
