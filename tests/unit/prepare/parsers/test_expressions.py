"""A parser given a column's name or its values instead of an expression."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.prepare.parsers import PARSERS


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("value", ["price", pl.Series(["1"])])
def test_error_for_non_expression_says_what_to_pass(name, value):
    parse, _ = PARSERS[name]
    settings = {"words": {"1": "one"}} if name == "one_of" else {}
    parse(pl.col("price"), **settings)
    message = (
        f"^parse_{name}: a {type(value).__name__} is not an expression: pass one, such "
        "as pl"
    )
    with pytest.raises(ConfigError, match=message):
        parse(value, **settings)
