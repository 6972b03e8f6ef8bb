"""Which URLs are on this machine."""

import pytest

from propload.sources.spiders.hosts import is_loopback


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/a",
        "https://127.0.0.1",
        "http://127.9.9.9/",
        "http://[::1]:8",
    ],
)
def test_url_of_this_machine_is_loopback(url):
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.funda.nl/",
        "http://127.0.0.1@www.funda.nl/",
        "http://localhost.example/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::2]/",
        "http://[no",
        "file:///a",
        "",
    ],
)
def test_url_elsewhere_or_without_host_is_not_loopback(url):
    assert not is_loopback(url)
