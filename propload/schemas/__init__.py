"""What rows must look like: a pandera schema, and where its rows belong.

A schema is registered by the entry point group `propload.schemas`, whose value is a
`RowSchema`. Pandera is imported by the modules that define schemas, not here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandera.polars import DataFrameModel, DataFrameSchema

    from propload.target import Target

__all__ = ["RowSchema"]


@dataclass(frozen=True, slots=True)
class RowSchema:
    """A schema of rows by name, with the target that its rows go to by default.

    A check over several columns may name them in its statistics, as
    `{"columns": ("bedrooms", "rooms")}`: reasons then show these values and not the
    whole row, and the Polars `expression` that it tests, so that right rows are
    accepted without calling pandera. A check with `raise_warning` is counted and
    refuses nothing.

    Attributes:
        name: What `--schema` calls it.
        model: The pandera model or schema that says which rows are right.
        target_defaults: Table, key, newest and on_null where the user gives none.
        pg_types: PostgreSQL types of columns whose Polars type does not tell, for a
            table that is created: `{"attributes": "jsonb"}`.
    """

    name: str
    model: type[DataFrameModel] | DataFrameSchema
    target_defaults: Target | None = None
    pg_types: Mapping[str, str] = field(default_factory=dict)
