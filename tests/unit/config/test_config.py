"""Where settings come from, and which of them applies."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from propload.config import resolve
from propload.errors import ConfigError

LAYERS = ("keyword", "environment", "job", "top")


@pytest.mark.parametrize(
    "layers",
    [
        chosen
        for count in range(1, 5)
        for chosen in itertools.combinations(LAYERS, count)
    ],
    ids="-".join,
)
def test_setting_of_the_highest_layer_applies(layers, write_config, monkeypatch):
    rows = {"keyword": 1, "environment": 2, "job": 3, "top": 4}
    top = "batch_rows = 4" if "top" in layers else ""
    job = "batch_rows = 3" if "job" in layers else ""
    write_config(f"{top}\n[jobs.night]\n{job}\n")
    if "environment" in layers:
        monkeypatch.setenv("PROPLOAD_BATCH_ROWS", "2")
    keywords = {"batch_rows": 1} if "keyword" in layers else {}
    assert resolve(keywords, job="night")["batch_rows"] == rows[layers[0]]


def test_unset_settings_are_omitted_except_the_state_folder(
    write_config, monkeypatch, tmp_path
):
    write_config("")
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    settings = resolve({})
    assert list(settings) == ["state_dir"]
    assert Path(settings["state_dir"]).name == "propload"


def test_none_and_empty_variables_count_as_unset(write_config, monkeypatch):
    write_config('table = "homes"\nnewest = "seen"')
    monkeypatch.setenv("PROPLOAD_TABLE", "")
    settings = resolve({"newest": None})
    assert (settings["table"], settings["newest"]) == ("homes", "seen")


def test_mapping_in_the_file_is_found_by_its_name(write_config):
    write_config('[mappings.export]\nid = "listing"\n[jobs.j]\nmapping = "export"')
    assert resolve({}, job="j")["mapping"] == {"id": "listing"}
    assert resolve({"mapping": "export"})["mapping"] == {"id": "listing"}
    assert resolve({"mapping": "funda"})["mapping"] == "funda"


def test_python_objects_pass_unchanged(write_config):
    write_config("")
    schema, mapping = object(), {"a": object()}
    settings = resolve({"schema": schema, "mapping": mapping})
    assert settings["schema"] is schema
    assert settings["mapping"] is mapping


def test_unknown_keyword_is_refused(write_config):
    write_config("")
    with pytest.raises(ConfigError, match="'tabel' is not a setting; did you mean"):
        resolve({"tabel": "x"})


def test_misspelt_variable_is_refused_and_unrelated_one_ignored(
    write_config, monkeypatch
):
    write_config("")
    monkeypatch.setenv("PROPLOAD_TEST_DSN", "x")
    resolve({})
    monkeypatch.setenv("PROPLOAD_BATCH_ROW", "1")
    with pytest.raises(ConfigError, match="did you mean 'PROPLOAD_BATCH_ROWS'"):
        resolve({})
