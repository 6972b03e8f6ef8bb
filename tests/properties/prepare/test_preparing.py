"""The order of prepare: every row comes out once, with its types or its reasons."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from propload.prepare.checks.validation import load_schema
from propload.prepare.preparing import Preparer
from tests.unit.prepare.prepared import Home, layers_of, ready

QUICK = settings(max_examples=25)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["a", "b", "c", None]),
            "price": st.sampled_from(
                ["1", "60", "-1", "x", "2.0", None, "99999999999"]
            ),
            "seen": st.sampled_from(["2024-01-01", "2024-01-02", "never", None]),
        }
    ),
    min_size=1,
    max_size=12,
)
SCHEMA = {"id": pl.String, "price": pl.String, "seen": pl.String}


@QUICK
@given(ROWS, st.integers(1, 4), st.sampled_from(["overwrite", "keep"]))
def test_every_row_is_accounted_for(rows, lanes, on_null):
    raw = pl.DataFrame(rows, schema=SCHEMA).with_row_index(ROW)
    preparer = Preparer(
        checker=load_schema(Home),
        key=("id",),
        newest="seen",
        on_null=on_null,
        lanes=lanes,
    )
    prepared = ready(
        preparer, raw, untyped=True, stored=("seen",), seen=pl.Date()
    ).prepare(raw)
    refused = set(prepared.reasons[ROW])
    written = [
        row for layers in layers_of(prepared) for layer in layers for row in layer[ROW]
    ]
    assert len(set(written)) == len(written)
    assert not refused & set(written)
    assert raw.height == len(refused) + len(written) + prepared.duplicates
    for layers in layers_of(prepared):
        assert layers[0]["id"].is_sorted()
