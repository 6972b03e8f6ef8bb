from __future__ import annotations

import polars as pl
import pytest

from propload.postgres.sql.casts import cast_sql, cast_type, stage_type
from propload.target import ColumnPlan


def plan(pg_type, dtype=pl.String, transfer_format="text", **more):
    return ColumnPlan("v", dtype(), transfer_format, pg_type, **more)


@pytest.mark.parametrize(
    ("pg_type", "bare"),
    [
        ("numeric(12,2)", "numeric"),
        ("character varying(3)", None),
        ("character(3)", None),
        ("character varying(3)[]", "character varying[]"),
        ("character(3)[]", "bpchar[]"),
        ("bit(3)", "bit varying"),
        ("bit(3)[]", '"bit"[]'),
        ("bit varying(5)", "bit varying"),
        ("timestamp(0) with time zone", "timestamp with time zone"),
        ("time(3) without time zone[]", "time without time zone[]"),
        ("interval(3)", "interval"),
        ("interval day to second(3)", "interval"),
        ("interval year to month", "interval"),
        ('"my type(1)"', '"my type(1)"'),
        ('odd."interval (2)"', 'odd."interval (2)"'),
        ("text", None),
        ("uuid", "uuid"),
    ],
)
def test_cast_type_has_no_length(pg_type, bare):
    assert cast_type(plan(pg_type)) == bare


@pytest.mark.parametrize(
    "pg_type",
    [
        "geometry(Point,4326)",
        "geometry(Point,4326)[]",
        "gis.geography(PointZ,4326)",
    ],
)
def test_cast_to_geometry_keeps_its_reference_system(pg_type):
    # without it, a text would never equal its own stored value
    assert cast_type(plan(pg_type, of_postgis=True)) == pg_type


@pytest.mark.parametrize("pg_type", ["geography", "gis.geography(Point,4326)"])
def test_geography_out_of_range_raises_instead_of_being_moved(pg_type):
    sql = cast_sql(plan(pg_type, of_postgis=True), "s.v")
    assert sql.startswith("CASE WHEN s.v::")
    assert "WHEN" not in cast_sql(plan(pg_type), "s.v")


@pytest.mark.parametrize(
    "pg_type",
    [
        "numeric(50,2)",
        "interval(0)",
        "time(0)[]",
        "money",
        "name",
        '"char"',
        "name[]",
    ],
)
def test_cast_that_would_round_raises_instead(pg_type):
    assert cast_sql(plan(pg_type), "s.v").startswith("CASE WHEN ")


def test_money_is_cast_without_the_locale_of_the_server():
    sql = cast_sql(plan("money"), "s.v")
    assert "s.v::money" not in sql
    assert "THEN s.v::numeric::money " in sql


@pytest.mark.parametrize("pg_type", ["uuid", "numeric", "bit(3)", "varchar[]"])
def test_cast_that_cannot_round_is_plain(pg_type):
    wanted = cast_type(plan(pg_type))
    assert cast_sql(plan(pg_type), "s.v") == f"s.v::{wanted}"


def test_values_of_the_right_type_are_not_cast():
    assert cast_sql(plan("integer", pl.Int32, "copy"), "s.v") == "s.v"
    assert cast_sql(plan("timestamp(3) without time zone", pl.Datetime), "s.v") == "s.v"
    assert stage_type(plan("numeric(12,2)", lambda: pl.Decimal(12, 2))) == "numeric"
