"""Plots of results, as images if possible, so that no kernel is needed to read them."""

from __future__ import annotations

import importlib.util
from typing import Any

import altair as alt
import polars as pl

# every viewer shows an image; without the converter, plots are in Vega's own format
alt.renderers.enable(
    "png" if importlib.util.find_spec("vl_convert") else "mimetype",
    **({"ppi": 72} if importlib.util.find_spec("vl_convert") else {}),
)
# whole tables, as the rest of one cannot be requested without a kernel
pl.Config.set_tbl_cols(-1)
pl.Config.set_tbl_rows(-1)
pl.Config.set_tbl_width_chars(160)
# no more digits than are the same in all runs
pl.Config.set_float_precision(2)
pl.Config.set_thousands_separator(True)


def lines(
    summary: pl.DataFrame, x: str, y: str, /, *, by: str | None = None, title: str = ""
) -> alt.Chart:
    """Return lines through medians, with sizes on a logarithmic x-axis.

    Args:
        summary: The frame from `measuring.summarize`.
        x: The column of sizes.
        y: The column of values.
        by: A column; there is one line for each of its values.
        title: The title.
    """
    # the axis ends at the largest size, as the next power of ten may be far beyond
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
        # each block has its own names and order
        .resolve_scale(y="independent")
    )
    sized: alt.Chart = chart.properties(title=title, width=420)
    return sized
