"""What a name of a module and of something in it stands for."""

from __future__ import annotations

import json
import sys

import pytest

from propload.errors import ConfigError
from propload.names.registry import find_object


def test_a_module_is_imported_where_the_current_folder_was_deleted(
    tmp_path, monkeypatch
):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    found = find_object("json:loads", group="propload.mappings", kind="mapping")
    assert found is json.loads


def test_who_is_elsewhere_than_a_module_is_told_where_to_be(tmp_path, monkeypatch):
    (tmp_path / "given_package").mkdir()
    (tmp_path / "given_package" / "loading.py").write_text("import no_such_module")
    spec, where = "given_package.loading:mapping", "run this in the folder that holds"
    for folder, told in ((tmp_path / "given_package", True), (tmp_path, False)):
        monkeypatch.chdir(folder)
        with pytest.raises(ConfigError, match="No module named") as caught:
            find_object(spec, group="propload.mappings", kind="mapping")
        assert (where in str(caught.value)) == told


def test_a_registered_name_takes_nothing_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "propload_spiders.py").write_text("raise ImportError('planted')")
    for name in [name for name in sys.modules if name.startswith("propload_spiders")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.chdir(tmp_path)
    assert find_object("funda", group="propload.mappings", kind="mapping")
