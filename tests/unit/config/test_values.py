"""Values in files and variables become what a run uses, or an error names them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy

from propload.config import job_source, resolve
from propload.errors import ConfigError
from propload.prepare.mapping import load_mapping


def test_paths_in_a_file_are_relative_to_its_folder(write_config, monkeypatch):
    path = write_config(
        'state_dir = "state"\nmapping = "maps/a.toml"\n'
        '[jobs.one]\nsource = "in/*.csv"\n'
        '[jobs.many]\nsource = ["a.csv", "-", "spider:funda", "/b.csv"]\n'
    )
    folder = path.resolve().parent
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    settings = resolve({})
    assert settings["state_dir"] == folder / "state"
    assert settings["mapping"] == str(folder / "maps/a.toml")
    assert job_source("one") == (str(folder / "in/*.csv"),)
    assert job_source("many") == (
        str(folder / "a.csv"),
        "-",
        "spider:funda",
        "/b.csv",
    )


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("key", "a, b", ("a", "b")),
        ("key", ["a,b"], ("a,b",)),
        ("key", '["url"]', ("url",)),
        ("key", " ['a', \"b,c\"] ", ("a", "b,c")),
        ("key", "[1]", ("[1]",)),
        ("null_words", "-,n/a", ("-", "n/a")),
        ("null_words", "[null],[]", ("[null]", "[]")),
        ("null_words", "[]", ("[]",)),
        ("null_words", '["-"]', ("-",)),
        ("batch_rows", "auto", "auto"),
        ("batch_rows", "20,000", 20_000),
        ("workers", 3, 3),
        ("skip_lines", "2", 2),
        ("rows_at", "data.items", "data.items"),
        ("batch_seconds", "0.5", 0.5),
        ("max_memory", "600MB", 600 << 20),
        ("max_memory", "1.5 gb", 3 << 29),
        ("max_memory", "64KiB", 64 << 10),
        ("max_memory", 1024, 1024),
        ("delimiter", r"\t", r"\t"),
        ("encoding", "latin-1", "latin-1"),
        ("format", ".jsonl", ".jsonl"),
        ("max_rejects", "5%", "5%"),
        ("max_rejects", 7, 7),
        ("max_rejects", np.int64(7), 7),
        ("batch_rows", np.int64(7), 7),
        ("lock", "yes", True),
        ("header", "false", False),
        ("resume", "true", True),
        ("resume", "20260701", "20260701"),
        ("as_of", "2026-07-01", datetime(2026, 7, 1, tzinfo=UTC)),
        ("as_of", "2026-07-01T12:00:00Z", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("mode", "append", "append"),
        ("state_dir", "/state", Path("/state")),
    ],
)
def test_value_is_converted_to_what_a_run_uses(name, written, value, write_config):
    write_config("")
    settings = resolve({name: written})
    assert settings[name] == value
    assert type(settings[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("key", "a,,b"),
        ("key", 7),
        ("key", '["a", ""]'),
        ("batch_rows", "many"),
        ("batch_rows", True),
        ("batch_rows", "0"),
        ("workers", 0),
        ("retry_attempts", -1),
        ("max_memory", 0),
        ("delimiter", "::"),
        ("rows_at", ".results[]"),
        ("rows_at", "data..items"),
        ("rows_at", ""),
        ("delimiter", '"'),
        ("encoding", "utf-9"),
        # codecs, but not of text
        ("encoding", "hex"),
        ("encoding", "rot13"),
        ("encoding", "undefined"),
        ("encoding", "utf-8\0"),
        ("format", "docx"),
        ("retry_attempts", "1.5"),
        ("batch_seconds", "-1"),
        ("batch_seconds", "nan"),
        ("batch_seconds", "inf"),
        # longer than a thread can wait
        ("batch_seconds", "1e10"),
        ("batch_seconds", "soon"),
        ("max_memory", "lots"),
        ("max_memory", "-5MB"),
        ("max_memory", "5I"),
        ("max_memory", True),
        ("max_rejects", True),
        ("max_rejects", 7.0),
        ("max_rejects", "101%"),
        ("max_rejects", "few"),
        ("lock", "maybe"),
        ("as_of", "yesterday"),
        ("mode", "merge"),
        ("table", ""),
        ("table", 7),
        ("table", "caf\udce9"),
        ("newest", "se\0en"),
        ("key", "id,caf\udce9"),
        ("state_dir", ""),
        ("state_dir", "~nobody-at-all/state"),
    ],
)
def test_error_of_an_unusable_value_names_its_setting(name, written, write_config):
    write_config("")
    with pytest.raises(ConfigError, match=rf"^{name}: ") as caught:
        resolve({name: written})
    assert caught.value.exit_code == 2


def test_utf_8_arguments_are_read_under_an_ascii_locale(write_config, monkeypatch):
    write_config("")
    # how Python decodes bytes of a command line and of variables under LC_ALL=C
    monkeypatch.setenv("PROPLOAD_NEWEST", "gesehen_\udcc3\udcbcber")
    settings = resolve({"table": "h\udcc3\udca4user", "key": "id,stra\udcc3\udc9fe"})
    assert (settings["table"], settings["newest"]) == ("häuser", "gesehen_über")
    assert settings["key"] == ("id", "straße")


def test_tilde_in_the_path_of_a_mapping_is_expanded(write_config, monkeypatch):
    write_config("")
    home = "/home/someone"
    monkeypatch.setenv("HOME", home)
    assert resolve({"mapping": "~/m.toml"})["mapping"] == f"{home}/m.toml"
    assert resolve({"mapping": Path("~/m.toml")})["mapping"] == Path(home, "m.toml")
    for other in ("funda", "module:MAPPING", {"columns": {}}):
        assert resolve({"mapping": other})["mapping"] == other


def test_error_of_a_bad_value_names_where_it_was_set(write_config, monkeypatch):
    path = write_config('workers = "x"\n[jobs.j]\nbatch_rows = "y"')
    with pytest.raises(ConfigError, match=r"propload\.toml workers: 'x'"):
        resolve({})
    with pytest.raises(ConfigError, match=r"^max_rejects: 'z' is neither"):
        resolve({"workers": 1, "max_rejects": "z"})
    with pytest.raises(ConfigError, match=r"\[jobs\.j\] batch_rows: 'y'"):
        resolve({"workers": 1}, job="j")
    path.write_text("", encoding="utf-8")
    monkeypatch.setenv("PROPLOAD_WORKERS", "z")
    with pytest.raises(ConfigError, match="environment variable PROPLOAD_WORKERS: 'z'"):
        resolve({})
    monkeypatch.setenv("PROPLOAD_WORKERS", "2")
    monkeypatch.setenv("PROPLOAD_DELIMITER", "ab")
    with pytest.raises(ConfigError, match="variable PROPLOAD_DELIMITER: 'ab' cannot"):
        resolve({})


def test_error_in_a_mapping_names_its_file_and_section(write_config):
    path = write_config("[mappings.m]\nid = {parse = 'monney'}")
    with pytest.raises(ConfigError) as caught:
        load_mapping(resolve({"mapping": "m"})["mapping"])
    assert str(caught.value).startswith(f"{path} [mappings.m], column id: ")


def test_error_does_not_show_a_connection_string(write_config):
    write_config('to = {password = "sesame"}')
    with pytest.raises(ConfigError) as caught:
        resolve({})
    assert "sesame" not in str(caught.value)


def test_url_and_engine_of_sqlalchemy_are_refused_with_the_call_that_helps():
    url = sqlalchemy.make_url("postgresql+psycopg://me:secret@host/base")
    engine = sqlalchemy.create_engine("sqlite://")
    for value, call in ((url, r"give url\.set"), (engine, r"give engine\.url\.set")):
        with pytest.raises(ConfigError, match=call) as caught:
            resolve({"to": value})
        assert "secret" not in str(caught.value)
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    assert resolve({"to": text})["to"] == "postgresql://me:secret@host/base"
