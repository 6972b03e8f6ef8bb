"""What a parser says that is given a column's name, or its values."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.prepare.parsers import PARSERS


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("given", ["price", pl.Series(["1"])])
def test_what_is_no_expression_is_told_with_what_to_give(name, given):
    parse, _ = PARSERS[name]
    settings = {"words": {"1": "one"}} if name == "one_of" else {}
    parse(pl.col("price"), **settings)
    told = (
        f"^parse_{name}: a {type(given).__name__} is not an expression: pass one, such "
        "as pl"
    )
    with pytest.raises(ConfigError, match=told):
        parse(given, **settings)
