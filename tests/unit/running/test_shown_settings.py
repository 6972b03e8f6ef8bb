"""How a run's settings are shown."""

import polars as pl

from propload.running.planning import Plan
from propload.running.shown_settings import plain_settings
from propload.target import TableName, Target

HOMES = Target(TableName("public", "homes"), key=("id",))


class Home:
    """Stands for a schema's model."""


def test_python_objects_are_shown_by_name(tmp_path):
    objects = {"schema": Home, "mapping": {"id": pl.col("No")}}
    plan = Plan.of({**objects, "state_dir": tmp_path})
    shown = plain_settings(plan, HOMES)
    assert (shown["schema"], shown["mapping"]) == ("Home", {"id": "Expr"})
    assert shown["objects"] == ["schema", "mapping"]
