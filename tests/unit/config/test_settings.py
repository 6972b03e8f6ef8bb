"""One table of settings makes keywords, flags, keys and variables."""

from __future__ import annotations

import pytest

from propload.config import SETTINGS
from propload.options import RunOptions, Settings, SourceOptions


def test_table_has_exactly_the_settings_of_the_typed_dict():
    assert set(SETTINGS) == set(Settings.__annotations__)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("mode", "upsert"),
        ("on_null", "overwrite"),
        ("on_new_columns", "refuse"),
        ("lock", "false"),
        ("max_memory", "600MB"),
        ("key", ""),
        ("header", ""),
    ],
)
def test_default_is_shown_as_users_write_it(name, default):
    assert SETTINGS[name].default == default


def test_settings_of_machine_and_caller_are_exactly_these():
    owned = {"machine": set(), "caller": set(), "run": set()}
    for one in SETTINGS.values():
        owned[one.owner].add(one.name)
    assert owned["machine"] == {"to", "state_dir", "progress", "resume"}
    assert owned["caller"] == {
        *("max_memory", "lock", "lock_wait"),
        *("max_rejects", "retry_attempts", "retry_seconds"),
    }


def test_defaults_come_from_the_options():
    from dataclasses import fields

    options = {
        f.name: f.default for one in (RunOptions, SourceOptions) for f in fields(one)
    }
    assert SETTINGS["max_memory"].default == "600MB"
    assert SETTINGS["batch_rows"].default == options["batch_rows"]
    assert SETTINGS["retry_attempts"].default == str(options["retry_attempts"])
    assert SETTINGS["table"].default == ""


def test_flag_variable_and_keyword_follow_from_one_name():
    for name, setting in SETTINGS.items():
        assert setting.name == name
        assert setting.flag == "--" + name.replace("_", "-")
        assert setting.variable == "PROPLOAD_" + name.upper()
