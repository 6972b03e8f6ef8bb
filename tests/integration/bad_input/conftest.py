"""Fixtures: functions that write small files and load them."""

import pytest

import propload


@pytest.fixture
def load(database):
    def load(source, **more):
        settings = {"to": database, "table": "homes", "key": "id", "progress": False}
        report = propload.ingest(source, **(settings | more))
        report.counts.verify()
        return report

    return load


@pytest.fixture
def write(tmp_path):
    def write(content, name="homes.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write
