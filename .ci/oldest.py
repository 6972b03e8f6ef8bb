"""Prints the oldest version of each library that pyproject.toml says suffices.

What it prints is for `pip install -r`: what is promised to suffice is what is tested.
"""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def oldest(requirement: Requirement) -> str:
    """Return a requirement held to the lowest version that it allows."""
    lowest = next(one for one in requirement.specifier if one.operator == ">=")
    return f"{requirement.name}=={lowest.version}"


project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
print("\n".join(map(oldest, map(Requirement, project["dependencies"]))))
