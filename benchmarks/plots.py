"""Plots of results, as pictures where possible: no kernel needed to read them."""

from __future__ import annotations

import importlib.util
from typing import Any

import altair as alt
import polars as pl

# every viewer shows a picture; without the converter, plots have Vega's own form
alt.renderers.enable(
    "png" if importlib.util.find_spec("vl_convert") else "mimetype",
    **({"ppi": 72} if importlib.util.find_spec("vl_convert") else {}),
)
# without a kernel nobody can ask for the rest of a table
pl.Config.set_tbl_cols(-1)
pl.Config.set_tbl_rows(-1)
pl.Config.set_tbl_width_chars(160)
# and no more digits than the runs agree on
pl.Config.set_float_precision(2)
pl.Config.set_thousands_separator(True)


def lines(
    summary: pl.DataFrame, x: str, y: str, /, *, by: str | None = None, title: str = ""
) -> alt.Chart:
    """Return lines through medians; x is logarithmic, as sizes are.

    Args:
        summary: What `measuring.summarize` returned.
        x: The column of sizes.
        y: The column of values.
        by: A line for each value of this column.
        title: What it shows.
    """
    # up to the largest size, as the next power of ten may be far away
    scale = alt.Scale(type="log", nice=False)
    measured = summary[x].unique().sort().to_list()
    axis = alt.Axis(values=measured, labelSeparation=8)
    sides: dict[str, Any] = {
        "x": alt.X(x, type="quantitative", scale=scale, axis=axis),
        "y": alt.Y(y, type="quantitative", scale=alt.Scale(zero=True)),
    }
    if by is not None:
        sides["color"] = alt.Color(by, type="nominal")
    chart = alt.Chart(summary).mark_line(point=True).encode(**sides)
    sized: alt.Chart = chart.properties(title=title, width=420, height=240)
    return sized


def bars(
    summary: pl.DataFrame, value: str, name: str, /, *, row: str, title: str = ""
) -> alt.Chart:
    """Return bars of medians, longest first, one block for each value of `row`."""
    chart = (
        alt.Chart(summary.drop_nulls(value))
        .mark_bar()
        .encode(
            x=alt.X(value, type="quantitative"),
            y=alt.Y(name, type="nominal", sort="-x"),
            row=alt.Row(row, type="nominal"),
        )
        # each block has an order, and names, of its own
        .resolve_scale(y="independent")
    )
    sized: alt.Chart = chart.properties(title=title, width=420)
    return sized
