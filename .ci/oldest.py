"""Prints constraints.txt with the oldest versions that pyproject.toml says suffice.

What it prints is for `pip install -c`: what is promised to suffice is what is tested,
beside libraries that are known.
"""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
#: Libraries take the version of these that was made with them.
PARTS = {"polars-runtime-32", "pydantic-core"}


def oldest(requirement: Requirement) -> str:
    """Return the lowest version that a requirement allows."""
    return next(one.version for one in requirement.specifier if one.operator == ">=")


project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
lowest = {
    canonicalize_name(one.name): oldest(one)
    for one in map(Requirement, project["dependencies"])
}
for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
    name = canonicalize_name(line.partition("==")[0])
    if "==" in line and name not in lowest.keys() | PARTS:
        print(line)
for name, version in lowest.items():
    print(f"{name}=={version}")
