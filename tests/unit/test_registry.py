"""What a name of a module and of something in it stands for."""

from __future__ import annotations

import json

from propload.registry import find_object


def test_a_module_is_imported_where_the_current_folder_was_deleted(
    tmp_path, monkeypatch
):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    found = find_object("json:loads", group="propload.mappings", kind="mapping")
    assert found is json.loads
