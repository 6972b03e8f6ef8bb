"""One class of each kind of item that can be a row."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import attrs
import msgspec
import pydantic
import scrapy


@dataclass
class Data:
    id: int
    name: str


@attrs.define
class Attrs:
    id: int
    name: str


class Model(pydantic.BaseModel):
    id: int
    name: str


class Struct(msgspec.Struct):
    id: int
    name: str


class Item(scrapy.Item):
    id = scrapy.Field()
    name = scrapy.Field()


Pair = namedtuple("Pair", ["id", "name"])  # noqa: PYI024 - the untyped kind
