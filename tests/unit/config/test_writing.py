"""Settings are written into a file that somebody edits by hand."""

import pytest

from propload.config.files import CONFIG_VARIABLE
from propload.config.writing import write_settings
from propload.errors import ConfigError

CHOICE = {"batch_rows": 25_000, "workers": 4}
HANDWRITTEN = """# ours
table = "homes"  # all of them
workers = 1

[jobs.nightly]
# at three
source = "homes.csv"
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "propload.toml"
    path.write_text(HANDWRITTEN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    return path


def test_settings_without_a_job_are_written_to_the_top_level(file):
    assert write_settings(CHOICE) == file
    text = file.read_text()
    assert text.index("batch_rows = 25000") < text.index("[jobs.nightly]")
    assert "workers = 4" in text
    assert "# all of them" in text
    assert "# at three" in text


def test_settings_of_a_job_are_written_to_its_section(file):
    write_settings(CHOICE, job="nightly")
    head, _, job = file.read_text().partition("[jobs.nightly]")
    assert "workers = 1" in head
    assert "workers = 4" in job
    assert "batch_rows = 25000" in job


def test_full_disk_leaves_the_file_unchanged(file, monkeypatch):
    def refuse(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("propload.private_files.os.fsync", refuse)
    message = "cannot be written: No space left on device. Add there by hand: "
    with pytest.raises(
        ConfigError, match=f'{message}batch_rows = "auto", workers = 4$'
    ):
        write_settings({"batch_rows": "auto", "workers": 4})
    assert file.read_text() == HANDWRITTEN
    assert list(file.parent.iterdir()) == [file]


def test_permissions_and_symlink_are_kept(file, tmp_path):
    file.chmod(0o640)
    real = file.rename(tmp_path / "shared.toml")
    file.symlink_to(real.name)
    write_settings(CHOICE)
    assert file.is_symlink()
    assert "workers = 4" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_unknown_job_is_refused_and_file_unchanged(file):
    with pytest.raises(ConfigError, match="'weekly'"):
        write_settings(CHOICE, job="weekly")
    assert file.read_text() == HANDWRITTEN


def test_missing_file_is_created(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_settings(CHOICE)
    assert (tmp_path / path).read_text() == "batch_rows = 25000\nworkers = 4\n"


def test_pyproject_keeps_its_other_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "x"\n\n[tool.propload]\ntable = "homes"\n')
    write_settings(CHOICE)
    assert path.read_text().startswith('[project]\nname = "x"\n')
    assert "batch_rows = 25000" in path.read_text().partition("[tool.propload]")[2]
