"""Converts geometries to EWKB, which PostGIS reads, with their reference system.

Without its number, the SRID, metres of one system could be stored as degrees of
another.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import pyarrow as pa

#: Keys in the metadata of a field whose extension type is not registered: the name of
#: the type, and its own metadata.
_NAME, _TOLD = b"ARROW:extension:name", b"ARROW:extension:metadata"
_PLACES = "geoarrow.wkb"
_AUTHORITY = "EPSG"
#: The first bytes of a geometry: one for the byte order, four for the kind of geometry.
_HEAD = 5
#: The flag in that kind that says that an SRID follows.
_HAS_NUMBER = 0x20000000


def of_geopandas(column: Any) -> pa.Array:
    """Return a geometry column of GeoPandas as EWKB."""
    number = None if column.crs is None else column.crs.to_epsg()
    return _numbered(pa.array(column.to_wkb(), pa.large_binary()), number)


def without_marks(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows with geometries as EWKB, and without names of extension types.

    Polars does not know these types by their names.
    """
    for at, field in enumerate(rows.schema):
        name, told = _extension(field)
        if name is None:
            continue
        column = rows.column(at)
        if name == _PLACES:
            storage = getattr(column, "storage", column)
            column = _numbered(storage.cast(pa.large_binary()), _number(told))
        kept = {
            key: value
            for key, value in (field.metadata or {}).items()
            if key not in (_NAME, _TOLD)
        }
        bare = pa.field(field.name, column.type, metadata=kept or None)
        rows = rows.set_column(at, bare, column)
    return rows


def _extension(field: pa.Field) -> tuple[str | None, bytes]:
    """Return the name of a column's extension type, or None, and its metadata."""
    if isinstance(field.type, pa.ExtensionType):
        return field.type.extension_name, field.type.__arrow_ext_serialize__()
    told = field.metadata or {}
    name = told.get(_NAME)
    return (None if name is None else name.decode()), told.get(_TOLD, b"")


def _number(told: bytes) -> int | None:
    """Return the SRID in the metadata of GeoArrow, or None if there is none."""
    try:
        system = json.loads(told or b"{}").get("crs")
        if isinstance(system, str):
            authority, _, code = system.partition(":")
        else:
            authority, code = system["id"]["authority"], system["id"]["code"]
        return int(code) if authority == _AUTHORITY else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _numbered(column: pa.Array, number: int | None) -> pa.Array:
    if number is None:
        return column
    found = [None if one is None else _with(number, one) for one in column.to_pylist()]
    return pa.array(found, column.type)


def _with(number: int, place: bytes) -> bytes:
    if len(place) < _HEAD:
        # not a geometry: the server reports what is wrong with it
        return place
    order = "<" if place[0] else ">"
    (kind,) = struct.unpack_from(f"{order}I", place, 1)
    if kind & _HAS_NUMBER:
        return place
    head = struct.pack(f"{order}II", kind | _HAS_NUMBER, number)
    return place[:1] + head + place[_HEAD:]
