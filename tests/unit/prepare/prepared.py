"""A schema of homes, and helpers to fit preparers and read their results."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from propload.target import ColumnPlan


class Home(pa.DataFrameModel):
    id: pl.String
    price: pl.Int32 = pa.Field(ge=0, nullable=True)

    @pa.check("price", raise_warning=True)
    def usual(cls, rows):  # noqa: N805 - pandera hands over the class
        return rows.lazyframe.select(pl.col(rows.key) < 50)


def plan_of(schema, **types):
    """Return the plan of a table with these columns, some with another type."""
    return tuple(
        ColumnPlan(name, types.get(name, dtype), "copy", str(types.get(name, dtype)))
        for name, dtype in schema.items()
    )


def ready(preparer, raw, *, untyped=False, stored=(), **types):
    fitted = preparer.fit(raw, untyped=untyped, stored=stored)
    return fitted.with_plan(plan_of(fitted.schema, **types))


def layers_of(prepared):
    """Return the layers of each lane."""
    return [rows.layers for rows in prepared.lanes]
