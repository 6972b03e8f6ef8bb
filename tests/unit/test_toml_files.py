"""TOML files as editors on other machines leave them."""

from __future__ import annotations

import codecs

import pytest

from propload.errors import ConfigError
from propload.toml_files import read_toml


@pytest.fixture
def read_content(tmp_path):
    def read_content(content):
        path = tmp_path / "x.toml"
        path.write_bytes(content)
        return read_toml(path, name="file x")

    return read_content


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_byte_order_mark_and_windows_line_ends_are_accepted(
    mark, line_end, read_content
):
    content = mark + line_end.join(['a = "\u00fc"'.encode(), b"\tb = 2", b""])
    assert read_content(content) == {"a": "\u00fc", "b": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = 1".encode("utf-16"), r"^file x is not text in UTF-8 \(line 1\): save it"),
        (b'a = 1\nb = "\xfc"\n', r"^file x is not text in UTF-8 \(line 2\)"),
        (b"a = ", r"^file x is not TOML: Invalid value"),
        (b"a = " + b"[" * 100_000, r"^file x is not TOML.*nested too deeply$"),
        (b"a = " + b"9" * 10_000, r"^file x is not TOML: Exceeds the limit"),
    ],
    ids=["utf-16", "latin-1", "broken", "nested", "digits"],
)
def test_error_says_why_a_file_is_not_toml(content, message, read_content):
    with pytest.raises(ConfigError, match=message):
        read_content(content)


def test_missing_file_is_reported_by_its_name(tmp_path):
    with pytest.raises(ConfigError, match=r"^file x cannot be read: No such file"):
        read_toml(tmp_path / "none.toml", name="file x")
