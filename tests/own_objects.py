"""Mappings, schemas and functions as users write them, each with one variable part."""

from types import ModuleType

from propload.running.resuming.object_fingerprints import object_fingerprint


def marked(text):
    """Run a program as a module, and return the fingerprint of its object `made`."""
    module = ModuleType("users_own")
    exec(text, vars(module))  # noqa: S102 - a module as users write them
    fingerprint = object_fingerprint(module.made)
    assert fingerprint is not None
    return fingerprint


RULED = """
from propload.prepare.mapping import make_mapping
made = make_mapping({{"id": {{"parse": "one_of", "words": {{"a": "{0}"}}}}}})
"""
MODEL = """
import pandera.polars as pa
import polars as pl
LEAST = {0}
class made(pa.DataFrameModel):
    id: int = pa.Field(gt=LEAST, isin=[8, 9])
    @pa.check("id")
    def small(cls, data):
        return data.lazyframe.select(pl.col(data.key) < 9)
"""
CHECKED = """
import pandera.polars as pa
import polars as pl
class made(pa.DataFrameModel):
    id: int
    @pa.check("id")
    def small(cls, data):
        return data.lazyframe.select(pl.col(data.key) < {0})
"""
SCHEMA = """
import pandera.polars as pa
import polars as pl
from propload.schemas import RowSchema
made = RowSchema("homes", pa.DataFrameSchema(
    {{"id": pa.Column(pl.Int64, pa.Check(lambda given: given.lazyframe.select({0})))}}
))
"""
OBJECT = """
def added(number):
    return number + {0}
class Base:
    def apply(self, frame, context):
        return frame.with_columns(id=added(self.by))
class Added(Base):
    def __init__(self, by):
        self.by = by
made = Added(1)
"""
STATE = OBJECT.format(1) + "made = Added({0})"
FIELDS = """
from dataclasses import dataclass
@dataclass(frozen=True, slots=True)
class Added:
    by: int | None = None
    def apply(self, frame, context):
        return frame.select(super().apply(frame).id + self.by)
made = Added({0})
"""
CONSTANT = """
import re
from enum import Enum
from typing import Protocol
class Kind(Enum):
    ONE = {0}
class Reading(Protocol):
    PATTERN = re.compile("a{{{0}}}")
    def apply(self, frame, context):
        return self.PATTERN, Kind.ONE
class Own(Reading):
    @property
    def known(self):
        return self.PATTERN
made = Own()
"""
CLOSURE = """
def adding(by):
    return lambda number: number + by
made = adding({0})
"""
TABLE = """
import polars as pl
WORDS = {{"a": {0}}}
FRAME = pl.DataFrame(WORDS)
made = lambda: [WORDS.get(one) for one in FRAME]
"""
CACHED = """
from functools import lru_cache, partial
@lru_cache
def read(text, by=1):
    return {0}
made = partial(read, by=2)
"""
PROGRAMS = {
    "expression": 'import polars as pl\nmade = {{"id": pl.col("id") + {0}}}',
    "rule": RULED,
    "model": MODEL,
    "check of a model": CHECKED,
    "schema": SCHEMA,
    "function of an object": OBJECT,
    "state of an object": STATE,
    "class of fields": FIELDS,
    "constant of a class": CONSTANT,
    "closure": CLOSURE,
    "what a function looks up": TABLE,
    "cached function": CACHED,
    "method of a dict": 'made = {{"a": {0}}}.get',
}
