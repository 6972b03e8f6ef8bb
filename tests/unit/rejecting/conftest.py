import pytest

from propload.rejecting import RejectStore, RejectWriter


@pytest.fixture
def writer(tmp_path):
    one = RejectWriter(tmp_path / "rejects" / "20260101-ab.ndjson", "20260101-ab")
    yield one
    one.close()


@pytest.fixture
def store(tmp_path):
    return RejectStore(tmp_path / "rejects")
