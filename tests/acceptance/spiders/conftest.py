"""Fixtures: a demo site per module, reset to its first day for each test."""

from __future__ import annotations

import pytest

from propload_spiders.demo import DemoSite
from tests.acceptance.spiders.reading import LISTINGS


@pytest.fixture(scope="module")
def site():
    with DemoSite(listings=LISTINGS) as one:
        yield one


@pytest.fixture(autouse=True)
def reset_site(request):
    if "site" in request.fixturenames:
        request.getfixturevalue("site").set_day(0)
