from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def shared_fixtures():
    """Return the folder of saved real pages, which is not part of the repository."""
    named = os.environ.get("PROPLOAD_SHARED")
    shared = Path(named).parent if named else REPOSITORY.parent / "shared"
    folder = shared / "fixtures"
    if not folder.is_dir():
        reason = f"{folder} is missing: name its neighbour with PROPLOAD_SHARED"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
