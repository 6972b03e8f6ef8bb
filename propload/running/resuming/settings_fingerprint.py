"""Fingerprint of what shapes the rows of a run, to recognize the run when resuming."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import abc
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from propload.config import SETTINGS
from propload.names.registry import find_object
from propload.postgres.ledger.run_record import Meaning
from propload.running.resuming.object_fingerprints import object_fingerprint
from propload.running.shown_settings import is_plain, plain_settings

if TYPE_CHECKING:
    from collections.abc import Collection

    from propload.running.planning import Plan
    from propload.target import Target

#: Settings that decide which rows a source gives, what they become and which lane takes
#: them: a resumed run skips committed rows by their numbers and lanes.
SHAPING = (
    *(one.name for one in SETTINGS.values() if one.panel in {"Reading", "Rows"}),
    *("key", "newest", "on_null", "on_new_columns"),
)


def settings_fingerprint(plan: Plan, target: Target, /) -> str:
    """Return a hash that changes if rows are read, mapped or routed by other settings.

    It covers the contents of a mapping that is a file or plain values, but only the
    type names of other objects, whose contents `meaning_of` covers. So it stays
    comparable with the hashes of older versions, which covered no more.
    """
    shown = plain_settings(plan, target)
    text = json.dumps([shown.get(name) for name in SHAPING], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    mapping = plan.settings.get("mapping")
    if isinstance(mapping, (str, Path)) and Path(mapping).is_file():
        digest.update(Path(mapping).read_bytes())
    return digest.hexdigest()


def meaning_of(plan: Plan, /) -> Meaning:
    """Return what mapping and schema mean, beyond what `settings_fingerprint` covers.

    Raises:
        ConfigError: There is no such mapping or schema.
    """
    settings = {"mapping": plan.settings.get("mapping")}
    settings["schema"] = plan.settings.get("schema")
    objects = {
        name: _resolve_object(name, value)
        for name, value in settings.items()
        if value is not None
    }
    if not objects:
        return Meaning("", "")
    return Meaning(object_fingerprint(objects), _versions(objects))


def _resolve_object(name: str, value: object) -> object:
    """Return the object that a setting stands for."""
    if isinstance(value, str) and not value.endswith(".toml"):
        return _resolve_object(
            name, find_object(value, group=f"propload.{name}s", kind=name)
        )
    if is_plain(value):
        # a journal keeps it as text, from which datetimes and tuples come back changed
        return None
    # a mapping from a configuration file also holds its position there
    return dict(value) if isinstance(value, abc.Mapping) else value


def _versions(names: Collection[str]) -> str:
    """Return the versions of the libraries that make values and serialize mappings."""
    versions = [f"propload {version('propload')}", f"polars {pl.__version__}"]
    if "schema" in names:
        # making the schema, or looking it up, has imported pandera
        versions.append(
            f"pandera {getattr(sys.modules.get('pandera'), '__version__', '')}"
        )
    return ", ".join([*versions, "python {}.{}".format(*sys.version_info)])
