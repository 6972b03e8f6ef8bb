"""File formats by name, and by the suffixes of their files."""

from __future__ import annotations

from propload.errors import ConfigError

SUFFIXES = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xlsb": "xlsx",
    ".xls": "xlsx",
    ".ods": "xlsx",
}
FORMATS = frozenset(SUFFIXES.values())


def check_format(name: str) -> str:
    """Return the format for a name or suffix.

    Raises:
        ConfigError: There is no such format.
    """
    kind = SUFFIXES.get(f".{name.lower().lstrip('.')}")
    if kind is None:
        msg = f"{name!r} is unknown: give one of {', '.join(sorted(FORMATS))}"
        raise ConfigError(msg)
    return kind
