"""The plots that notebooks draw of results."""

from __future__ import annotations

import polars as pl

from benchmarks import plots


def test_axis_of_lines_has_only_the_measured_values():
    table = pl.DataFrame({"workers": [16, 1, 4, 4], "pace": [1.0, 2.0, 3.0, 4.0]})
    x = plots.lines(table, "workers", "pace").to_dict()["encoding"]["x"]
    assert x["axis"]["values"] == [1, 4, 16]
    assert x["scale"] == {"nice": False, "type": "log"}


def test_blocks_of_bars_are_ordered_separately_without_missing_values():
    table = pl.DataFrame(
        {
            "work": ["new", "new", "old"],
            "who": ["a", "b", "c"],
            "pace": [1.0, 2.0, None],
        }
    )
    drawn = plots.bars(table, "pace", "who", row="work").to_dict()
    assert drawn["resolve"] == {"scale": {"y": "independent"}}
    (rows,) = drawn["datasets"].values()
    assert [row["who"] for row in rows] == ["a", "b"]
