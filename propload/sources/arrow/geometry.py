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
_NAME, _METADATA = b"ARROW:extension:name", b"ARROW:extension:metadata"
_GEOARROW_WKB = "geoarrow.wkb"
_AUTHORITY = "EPSG"
#: The first bytes of a geometry: one for the byte order, four for the kind of geometry.
_HEADER_BYTES = 5
#: The flag in that kind that says that an SRID follows.
_SRID_FLAG = 0x20000000


def encode_geopandas(column: Any) -> pa.Array:
    """Return a geometry column of GeoPandas as EWKB."""
    srid = None if column.crs is None else column.crs.to_epsg()
    return _with_srid(pa.array(column.to_wkb(), pa.large_binary()), srid)


def encode_geometries(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows with geometries as EWKB, and without names of extension types.

    Polars does not know these types by their names.
    """
    for at, field in enumerate(rows.schema):
        name, metadata = _extension(field)
        if name is None:
            continue
        column = rows.column(at)
        if name == _GEOARROW_WKB:
            storage = getattr(column, "storage", column)
            column = _with_srid(storage.cast(pa.large_binary()), _srid_of(metadata))
        other_metadata = {
            key: value
            for key, value in (field.metadata or {}).items()
            if key not in (_NAME, _METADATA)
        }
        plain_field = pa.field(field.name, column.type, metadata=other_metadata or None)
        rows = rows.set_column(at, plain_field, column)
    return rows


def _extension(field: pa.Field) -> tuple[str | None, bytes]:
    """Return the name of a column's extension type, or None, and its metadata."""
    if isinstance(field.type, pa.ExtensionType):
        return field.type.extension_name, field.type.__arrow_ext_serialize__()
    metadata = field.metadata or {}
    name = metadata.get(_NAME)
    return (None if name is None else name.decode()), metadata.get(_METADATA, b"")


def _srid_of(metadata: bytes) -> int | None:
    """Return the SRID in the metadata of GeoArrow, or None if there is none."""
    try:
        system = json.loads(metadata or b"{}").get("crs")
        if isinstance(system, str):
            authority, _, code = system.partition(":")
        else:
            authority, code = system["id"]["authority"], system["id"]["code"]
        return int(code) if authority == _AUTHORITY else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _with_srid(column: pa.Array, srid: int | None) -> pa.Array:
    if srid is None:
        return column
    geometries = [
        None if geometry is None else _add_srid(srid, geometry)
        for geometry in column.to_pylist()
    ]
    return pa.array(geometries, column.type)


def _add_srid(srid: int, geometry: bytes) -> bytes:
    if len(geometry) < _HEADER_BYTES:
        # not a geometry: the server reports what is wrong with it
        return geometry
    order = "<" if geometry[0] else ">"
    (kind,) = struct.unpack_from(f"{order}I", geometry, 1)
    if kind & _SRID_FLAG:
        return geometry
    head = struct.pack(f"{order}II", kind | _SRID_FLAG, srid)
    return geometry[:1] + head + geometry[_HEADER_BYTES:]
