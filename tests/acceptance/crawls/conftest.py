"""Fixtures: a small site, and a Scrapy project that crawls it."""

import threading

import pytest

from tests.acceptance.crawls.project import ANSWERS, LOADER, SETTINGS, SPIDER, Project
from tests.acceptance.crawls.small_site import Site


@pytest.fixture
def site():
    server = Site()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def project(tmp_path, site):
    """Create a Scrapy project with the sink; return the `Project` that crawls it."""
    package = tmp_path / "project"
    (package / "spiders").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "spiders" / "__init__.py").touch()
    (package / "spiders" / "homes.py").write_text(SPIDER)
    (package / "loader.py").write_text(LOADER)
    (package / "answers.py").write_text(ANSWERS)
    (package / "settings.py").write_text(SETTINGS)
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = project.settings\n")
    return Project(tmp_path, site)
