"""How a name such as `module:object`, or a registered one, is resolved."""

from __future__ import annotations

import json
import sys

import pytest

from propload.errors import ConfigError
from propload.names.registry import find_object


def test_module_is_imported_from_a_deleted_working_folder(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    found = find_object("json:loads", group="propload.mappings", kind="mapping")
    assert found is json.loads


def test_import_from_inside_the_package_advises_another_folder(tmp_path, monkeypatch):
    (tmp_path / "given_package").mkdir()
    (tmp_path / "given_package" / "loading.py").write_text("import no_such_module")
    spec, advice = "given_package.loading:mapping", "run this in the folder that holds"
    for folder, is_advised in ((tmp_path / "given_package", True), (tmp_path, False)):
        monkeypatch.chdir(folder)
        with pytest.raises(ConfigError, match="No module named") as caught:
            find_object(spec, group="propload.mappings", kind="mapping")
        assert (advice in str(caught.value)) == is_advised


def test_registered_name_is_not_shadowed_by_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "propload_spiders.py").write_text("raise ImportError('planted')")
    for name in [name for name in sys.modules if name.startswith("propload_spiders")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.chdir(tmp_path)
    assert find_object("funda", group="propload.mappings", kind="mapping")
