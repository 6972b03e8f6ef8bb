"""Facts about the machine that readers of results need, and none that identify it."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import psutil

#: The file in which Linux describes its processors.
CPU_FACTS = Path("/proc/cpuinfo")
PACKAGES = ("propload", "polars", "pyarrow", "adbc-driver-postgresql", "pandera")
#: Further packages, listed if they are installed.
PEERS = ("pgpq", "dlt", "duckdb", "psycopg", "pandas", "scrapy")


def facts() -> dict[str, str | int | float]:
    """Return processor, memory, system, and versions of the installed packages."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    for name in PEERS:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "processor": processor(),
        "cpus": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        **versions,
    }


def processor() -> str:
    """Return the processor's model, or its architecture if the model is unknown."""
    with suppress(OSError):
        for line in CPU_FACTS.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
