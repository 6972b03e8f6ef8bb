"""Route frames to lanes."""

from __future__ import annotations

import polars as pl

from propload.batch import ROW, Deduped
from propload.prepare.routing import route


def frame_of(**columns):
    return pl.DataFrame(columns).with_row_index(ROW)


def routed_layers(layers, **options):
    """Return the layers of each lane."""
    return [rows.layers for rows in route(Deduped(layers), **options)]
