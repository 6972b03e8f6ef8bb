from __future__ import annotations

import pytest

from propload.sources.spiders.watching import describe_failure


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (TimeoutError(), "TimeoutError"),
        (OSError("line cut: reset"), "OSError: line cut: reset"),
        (
            OSError(
                "Cannot connect to host homes.example:443 "
                "ssl:<ssl.SSLContext object at 0x7fb694070d40> [Connect call failed]"
            ),
            "OSError: Cannot connect to host homes.example:443 [Connect call failed]",
        ),
        (
            OSError("Cannot connect to host a:80 ssl:default [refused]"),
            "OSError: Cannot connect to host a:80 [refused]",
        ),
    ],
)
def test_failure_is_described_without_object_addresses(error, description):
    assert describe_failure(error) == description
