"""What `ingest` refuses before it opens anything."""

import pytest

import propload
from propload.errors import ConfigError


def test_a_slip_of_the_pen_is_no_argument_of_a_spider():
    message = "'tabel' is not a setting; did you mean 'table'"
    with pytest.raises(ConfigError, match=message):
        propload.ingest("spider:funda", tabel="homes")
