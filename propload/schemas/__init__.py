"""Schemas of rows: a pandera schema, and the default target of its rows.

A schema is registered as an entry point of the group `propload.schemas`, which refers
to a `RowSchema`. Pandera is imported by the modules that define schemas, not here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from propload.arguments import require_mapping
from propload.errors import ConfigError
from propload.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandera.polars import DataFrameModel, DataFrameSchema

__all__ = ["RowSchema"]


@dataclass(frozen=True, slots=True)
class RowSchema:
    """A named schema of rows, with the target that its rows go to by default.

    The statistics of a check over several columns may contain these columns, as in
    `{"columns": ("bedrooms", "rooms")}`, so that reasons show their values and not the
    whole row; and the Polars `expression` that it tests, so that valid rows are
    accepted without calling pandera. A check with `raise_warning` rejects no rows; it
    counts those that fail it.

    Attributes:
        name: Its name for `--schema`.
        model: The pandera model or schema that rows must satisfy.
        target_defaults: Table, key, newest and on_null, used if the user gives none.
        pg_types: PostgreSQL types, for a table that is created, of columns whose Polars
            type does not determine them: `{"attributes": "jsonb"}`.

    Raises:
        ConfigError: `target_defaults` is not a `Target`, or has a `mode` or
            `on_new_columns`, which are settings of a load; or `pg_types` has no names.
    """

    name: str
    model: type[DataFrameModel] | DataFrameSchema
    target_defaults: Target | None = None
    pg_types: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_mapping("pg_types", self.pg_types)
        _require_target(self.target_defaults)


def _require_target(value: object) -> None:
    if value is not None and not isinstance(value, Target):
        msg = f"target_defaults: {value!r} is no Target: pass propload.Target(...)"
        raise ConfigError(msg)
    if value is not None:
        _refuse_unused(value)


def _refuse_unused(target: Target) -> None:
    """Refuse what is a setting of each load: the load would go on without it."""
    # without a key, a Target cannot be made for an upsert
    usual = {"upsert"} if target.key else {"upsert", "append"}
    for name, given, is_usual in (
        ("mode", target.mode, target.mode in usual),
        ("on_new_columns", target.on_new_columns, target.on_new_columns == "refuse"),
    ):
        if not is_usual:
            msg = (
                f"target_defaults: {name} {given!r} would have no effect in a schema: "
                f"leave it out, and set {name} for each load"
            )
            raise ConfigError(msg)
