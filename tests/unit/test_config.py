"""Where settings come from, and which of them holds."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest

from propload.config import SETTINGS, commands_for, job_source, resolve
from propload.errors import ConfigError
from propload.options import RunOptions, Settings, SourceOptions
from propload.prepare.mapping import load_mapping

LAYERS = ("keyword", "environment", "job", "top")


@pytest.fixture
def write_config(tmp_path, monkeypatch):
    """Make the test's folder the current one, with a configuration file in it."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="propload.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_setting_is_in_the_table_and_no_other():
    assert set(SETTINGS) == set(Settings.__annotations__)


@pytest.mark.parametrize(
    "layers",
    [
        chosen
        for count in range(1, 5)
        for chosen in itertools.combinations(LAYERS, count)
    ],
    ids="-".join,
)
def test_the_highest_place_that_has_a_setting_wins(layers, write_config, monkeypatch):
    rows = {"keyword": 1, "environment": 2, "job": 3, "top": 4}
    top = "batch_rows = 4" if "top" in layers else ""
    job = "batch_rows = 3" if "job" in layers else ""
    write_config(f"{top}\n[jobs.night]\n{job}\n")
    if "environment" in layers:
        monkeypatch.setenv("PROPLOAD_BATCH_ROWS", "2")
    keywords = {"batch_rows": 1} if "keyword" in layers else {}
    assert resolve(keywords, job="night")["batch_rows"] == rows[layers[0]]


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
def test_what_holds_where_nobody_sets_it_is_told(name, default):
    assert SETTINGS[name].default == default


def test_each_setting_belongs_to_the_run_unless_it_is_said():
    owned = {"machine": set(), "caller": set(), "run": set()}
    for one in SETTINGS.values():
        owned[one.owner].add(one.name)
    assert owned["machine"] == {"to", "state_dir", "progress", "resume"}
    assert owned["caller"] == {
        *("max_memory", "lock", "lock_wait"),
        *("max_rejects", "retry_attempts", "retry_seconds"),
    }


def test_what_nobody_sets_is_left_out_but_for_the_state_folder(
    write_config, monkeypatch, tmp_path
):
    write_config("")
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    settings = resolve({})
    assert list(settings) == ["state_dir"]
    assert Path(settings["state_dir"]).name == "propload"


def test_none_and_an_empty_variable_are_not_given(write_config, monkeypatch):
    write_config('table = "homes"\nnewest = "seen"')
    monkeypatch.setenv("PROPLOAD_TABLE", "")
    settings = resolve({"newest": None})
    assert (settings["table"], settings["newest"]) == ("homes", "seen")


def test_a_table_of_a_job_is_not_merged_with_that_of_the_top_level(write_config):
    write_config('mapping = {a = "x", b = "y"}\n[jobs.j]\nmapping = {a = "z"}')
    assert resolve({}, job="j")["mapping"] == {"a": "z"}
    assert resolve({}, job=None)["mapping"] == {"a": "x", "b": "y"}


def test_a_mapping_of_the_file_is_found_by_name(write_config):
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


def test_the_project_file_is_read_too(write_config):
    write_config(
        '[tool.propload]\ntable = "homes"\n[tool.propload.jobs.j]\nsource = "a.csv"\n',
        "pyproject.toml",
    )
    assert resolve({}, job="j")["table"] == "homes"


def test_a_project_file_without_propload_is_passed_over(write_config, monkeypatch):
    path = write_config('table = "homes"')
    below = path.parent / "below"
    below.mkdir()
    (below / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    monkeypatch.chdir(below)
    assert resolve({})["table"] == "homes"


def test_a_variable_names_the_file(write_config, monkeypatch, tmp_path):
    write_config('table = "near"')
    named = tmp_path / "other.toml"
    named.write_text('table = "named"', encoding="utf-8")
    monkeypatch.setenv("PROPLOAD_CONFIG", str(named))
    assert resolve({})["table"] == "named"


def test_paths_of_the_file_start_at_its_folder(write_config, monkeypatch):
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
        ("null_words", "-,n/a", ("-", "n/a")),
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
def test_values_become_what_the_run_uses(name, written, value, write_config):
    write_config("")
    settings = resolve({name: written})
    assert settings[name] == value
    assert type(settings[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("key", "a,,b"),
        ("key", 7),
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
        ("format", "docx"),
        ("retry_attempts", "1.5"),
        ("batch_seconds", "-1"),
        ("batch_seconds", "nan"),
        ("batch_seconds", "soon"),
        ("max_memory", "lots"),
        ("max_memory", "-5MB"),
        ("max_memory", True),
        ("max_rejects", "101%"),
        ("max_rejects", "few"),
        ("lock", "maybe"),
        ("as_of", "yesterday"),
        ("mode", "merge"),
        ("table", ""),
        ("table", 7),
        ("table", "caf\udce9"),
        ("key", "id,caf\udce9"),
        ("state_dir", ""),
    ],
)
def test_a_value_that_cannot_be_used_names_its_setting(name, written, write_config):
    write_config("")
    with pytest.raises(ConfigError, match=rf"^{name}: ") as caught:
        resolve({name: written})
    assert caught.value.exit_code == 2


def test_a_bad_value_names_the_place_it_stands_in(write_config, monkeypatch):
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


def test_a_mapping_of_the_file_is_called_by_its_place(write_config):
    path = write_config("[mappings.m]\nid = {parse = 'monney'}")
    with pytest.raises(ConfigError) as caught:
        load_mapping(resolve({"mapping": "m"})["mapping"])
    assert str(caught.value).startswith(f"{path} [mappings.m], column id: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_row = 1", "'batch_row' is not a setting; did you mean 'batch_rows'"),
        ("batch-rows = 1", "did you mean 'batch_rows'"),
        ("[job.night]\ntable = 'x'", "'job' is not a setting; did you mean 'jobs'"),
        ("[jobs.j]\nsources = 'x'", r"\[jobs\.j\]: 'sources'.*did you mean 'source'"),
        ("[jobs.j]\nxyzzy = 1", "'xyzzy' is not a setting$"),
        ("jobs = 3", r"write \[jobs\.NAME\]"),
        ("mappings = {a = 1}", r"write \[mappings\.NAME\]"),
        ("table = ", "is not TOML"),
        (
            "[propload]\ntable = 'x'",
            r"pyproject\.toml the table is \[tool\.propload\]",
        ),
    ],
)
def test_a_file_that_says_something_unknown_is_refused(text, message, write_config):
    write_config(text)
    with pytest.raises(ConfigError, match=message):
        resolve({})


def test_an_unknown_keyword_is_refused(write_config):
    write_config("")
    with pytest.raises(ConfigError, match="'tabel' is not a setting; did you mean"):
        resolve({"tabel": "x"})


def test_a_variable_with_a_slip_is_refused_and_a_stranger_is_left_alone(
    write_config, monkeypatch
):
    write_config("")
    monkeypatch.setenv("PROPLOAD_TEST_DSN", "x")
    resolve({})
    monkeypatch.setenv("PROPLOAD_BATCH_ROW", "1")
    with pytest.raises(ConfigError, match="did you mean 'PROPLOAD_BATCH_ROWS'"):
        resolve({})


def test_a_file_that_is_named_must_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PROPLOAD_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        resolve({})


def test_an_unknown_job_names_the_nearest(write_config):
    write_config("[jobs.nightly]\nsource = 'a.csv'\n[jobs.bare]\n")
    with pytest.raises(ConfigError, match="did you mean 'nightly'"):
        resolve({}, job="nightli")
    with pytest.raises(ConfigError, match="names no source"):
        job_source("bare")


def test_a_job_without_a_file_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no configuration file"):
        resolve({}, job="nightly")


def test_a_connection_string_is_never_in_a_message(write_config):
    write_config('to = {password = "sesame"}')
    with pytest.raises(ConfigError) as caught:
        resolve({})
    assert "sesame" not in str(caught.value)


def test_defaults_come_from_the_options():
    from dataclasses import fields

    options = {
        f.name: f.default for one in (RunOptions, SourceOptions) for f in fields(one)
    }
    assert SETTINGS["max_memory"].default == "600MB"
    assert SETTINGS["batch_rows"].default == options["batch_rows"]
    assert SETTINGS["retry_attempts"].default == str(options["retry_attempts"])
    assert SETTINGS["table"].default == ""


def test_names_of_flag_variable_and_keyword_are_one():
    for name, setting in SETTINGS.items():
        assert setting.name == name
        assert setting.flag == "--" + name.replace("_", "-")
        assert setting.variable == "PROPLOAD_" + name.upper()


def test_a_folder_that_is_gone_has_no_configuration(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "table" not in resolve({})


def test_a_folder_that_may_not_be_looked_into_has_no_configuration(
    write_config, monkeypatch
):
    write_config('table = "homes"')
    assert resolve({})["table"] == "homes"

    def refuse(_):
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", refuse)
    assert "table" not in resolve({})


def test_a_user_without_a_home_says_where_state_is_to_be(tmp_path, monkeypatch):
    def homeless(*_, **__):
        msg = "could not determine the home directory"
        raise RuntimeError(msg)

    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    monkeypatch.setattr("platformdirs.user_state_path", homeless)
    with pytest.raises(ConfigError, match="Set --state-dir"):
        resolve({})
    assert resolve({"state_dir": tmp_path})["state_dir"] == tmp_path


def test_a_command_is_told_the_state_folder_that_it_would_not_find(
    write_config, monkeypatch, tmp_path
):
    elsewhere = tmp_path / "a b"
    said = f" --state-dir '{elsewhere}'"
    assert commands_for(elsewhere).flag == said
    assert commands_for(Path("a b")).flag == " --state-dir 'a b'"
    monkeypatch.setenv("PROPLOAD_STATE_DIR", "a b")
    assert commands_for(elsewhere).flag == ""
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    path = write_config('state_dir = "a b"')
    assert commands_for(elsewhere).flag == ""
    # perhaps by a flag, which the next command lacks
    monkeypatch.setenv("PROPLOAD_CONFIG", str(path))
    assert commands_for(elsewhere).flag == said
    write_config("state_dir = 3")
    assert commands_for(elsewhere).flag == said


def test_a_folder_that_was_deleted_ends_no_run(monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert commands_for(Path("state")).flag == " --state-dir state"


def test_the_usual_state_folder_needs_no_flag(write_config, monkeypatch):
    write_config("")
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    assert commands_for(resolve({})["state_dir"]).flag == ""
