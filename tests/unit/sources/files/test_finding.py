"""Which files a path, folder or glob stands for, and the errors if there are none."""

from __future__ import annotations

import os
import re

import pytest

from propload.errors import ConfigError, SourceError
from propload.options import SourceOptions
from propload.sources import open_source
from tests.unreadable_folders import unreadable_folder

#: Permissions of a folder: to list its names, to open its files.
LIST, ENTER = 0o4, 0o1


def open_path(source, **options):
    return open_source(source, SourceOptions(**options))


def test_note_names_folders_that_a_glob_skips(folder):
    (note,) = open_path(f"{folder}/*").notes
    assert note.startswith(f"1 folder that {folder}/* matches was skipped: deep. ")
    for number in range(6):
        (folder / f"e{number}").mkdir()
        (folder / f"e{number}" / "a.csv").write_text("x\n1\n")
    (note,) = open_path(f"{folder}/[ade]*").notes
    assert "7 folders" in note
    assert "were skipped: deep, e0, e1, e2, e3 and 2 more. " in note


def test_glob_that_matches_only_folders_is_refused(folder):
    message = r"/d\* matches no file: 1 folder that .*/d\* matches was skipped: deep\."
    with pytest.raises(SourceError, match=message):
        open_path(f"{folder}/d*")


@pytest.mark.parametrize("pattern", ["**", "*.csv", "[!_]*/*.ndjson", ""])
def test_no_note_for_folders_that_are_read_or_meant_to_be_skipped(folder, pattern):
    (folder / "_temporary").mkdir()
    assert open_path(f"{folder}/{pattern}").notes == ()


def test_existing_file_with_brackets_is_not_taken_for_a_glob(read, folder):
    (folder / "a[1].csv").write_text("x\n1\n")
    assert read(folder / "a[1].csv").rows == [{"x": "1"}]


@pytest.mark.parametrize("missing", ["none.csv", "*.parquet"])
def test_missing_file_is_reported_when_opened(folder, missing):
    with pytest.raises(SourceError, match="check the path") as caught:
        open_path(f"{folder}/{missing}")
    assert caught.value.source == f"{folder}/{missing}"


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("https://x.org/a.csv", "fetch it, or curl -fsSL URL | "),
        ("s3://homes/a.csv", "fetch it, or aws s3 cp URL - | "),
        ("GS://homes/a.csv", "fetch it, or gcloud storage cat URL | "),
        ("file:///homes/a.csv", "give a path, or what its own program writes into "),
        ("postgresql://x/homes", "give a path, or what its own program writes into "),
    ],
)
def test_error_for_url_says_how_to_fetch_it(url, advice):
    with pytest.raises(SourceError, match=re.escape(f"files and pipes: {advice}")):
        open_path(url)


@pytest.mark.parametrize(
    ("file", "reader"),
    [
        ("_delta_log/00000000000000000000.json", "pl.scan_delta"),
        ("metadata/v1.metadata.json", "pl.scan_iceberg"),
        (".hoodie/hoodie.properties", "a program that knows it"),
    ],
)
def test_folder_of_table_format_with_deleted_rows_is_refused(tmp_path, file, reader):
    write_tree(tmp_path, {f"day/table/{file}": "{}", "day/table/a.csv": "x\na\n"})
    with pytest.raises(SourceError, match=rf"deleted rows as well: .* with {reader}"):
        open_path(tmp_path)


def test_folder_with_metadata_of_no_table_format_is_read(read, tmp_path):
    write_tree(tmp_path, {"a.metadata.json": '{"x": "a"}', "metadata/b.csv": "x\nb\n"})
    assert read(tmp_path).rows == [{"x": "a"}, {"x": "b"}]


def write_tree(folder, texts):
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("url", "shown", "format_name"),
    [
        ("https://me:secret@x.org/a.json.gz?k=secret", "https://x.org/a.j", "json"),
        ("s3://homes/2026/*.parquet", "s3://homes/2026/*.parquet", "parquet"),
        ("http://x.org", "http://x.org is", "csv"),
        ("http://me:secret@[x/a.csv", "http://... is", "csv"),
    ],
)
def test_error_for_url_hides_credentials_and_names_format(url, shown, format_name):
    with pytest.raises(SourceError, match=rf"--format {format_name}$") as caught:
        open_path(url)
    assert str(caught.value).startswith(shown)
    assert "secret" not in f"{caught.value} {caught.value.source}"


def test_empty_folder_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"folder without files .*: it is empty"):
        open_path(tmp_path / "empty")


def test_lock_file_of_open_workbook_is_skipped_unless_named(read, folder):
    (folder / "~$b.csv").write_text("no rows")
    assert len(read(folder).rows) == 3
    assert read(f"{folder}/*.csv").rows == [{"x": "a"}, {"x": "b"}]
    assert len(read(f"{folder}/~$*.csv").batches) == 1


def test_text_file_beside_data_is_read_only_if_named(read, folder):
    (folder / "readme.txt").write_text("how\nto read\n")
    assert len(read(folder).rows) == 3
    assert read(f"{folder}/*.txt").rows == [{"how": "to read"}]
    assert read(f"{folder}/readme.txt").rows == [{"how": "to read"}]
    (folder / "deep" / "c.ndjson").unlink()
    assert len(read(folder, format="csv").rows) == 3


def test_error_for_folder_of_text_files_says_how_to_read_them(tmp_path):
    (tmp_path / "rows.txt").write_text("x\n1\n")
    with pytest.raises(SourceError, match=r"/\*\.txt\), or use --format csv"):
        open_path(tmp_path)


def test_rows_passed_as_path_are_refused():
    with pytest.raises(
        SourceError, match=r"^'id,name.+…' is too long .* frame$"
    ) as caught:
        open_path("id,name\n" + "1,x\n" * 100)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("path", ["none.csv", "a.csv/none.csv", "loop.csv", "a\0.csv"])
def test_path_that_does_not_exist_is_refused(path, folder):
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "a.csv").touch()
    with pytest.raises(SourceError, match=r"does not exist: check the path$"):
        open_path(f"{folder}/{path}")


@pytest.mark.parametrize("source", ["", ["a.csv", ""]])
def test_empty_path_is_refused(source, folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match=r"^a source is an empty text: name a file"):
        open_path(source)


def test_path_in_home_of_unknown_user_is_refused():
    with pytest.raises(
        ConfigError, match=r"^'~nobody-at-all/a\.csv': there is no home"
    ):
        open_path("~nobody-at-all/a.csv")


@pytest.mark.parametrize(
    ("permissions", "pattern"),
    [
        (0, ""),
        (0, "sub"),
        (0, "**/*.csv"),
        (0, "*/*.csv"),
        (0, "*/a.csv"),
        (ENTER, ""),
        (ENTER, "**/*.csv"),
        (ENTER, "sub/*.csv"),
        (ENTER, "**/a.csv"),
    ],
)
def test_unreadable_folder_is_not_skipped(permissions, pattern):
    message = r"sub cannot be read: Permission denied\. Rows in it would be missing"
    with (
        unreadable_folder(permissions) as root,
        pytest.raises(SourceError, match=message),
    ):
        open_path(root / pattern)


def test_dangling_link_to_data_file_is_refused(read, folder):
    (folder / "notes.log").symlink_to("unmounted.log")
    assert len(read(folder).rows) == 3
    (folder / "deep" / "a.csv").symlink_to("unmounted.csv")
    with pytest.raises(
        SourceError, match=r"deep/a\.csv cannot be opened: it is a link"
    ):
        open_path(folder)


def test_note_names_pipes_and_devices_named_like_data_files(folder, read):
    os.mkfifo(folder / "live.csv")
    (folder / "deep" / "none.ndjson").symlink_to("/dev/null")
    os.mkfifo(folder / "control")
    os.mkfifo(folder / "_old.csv")
    (note,) = open_path(folder).notes
    assert note == (
        f"skipped in {folder}, as pipes, devices and links to folders are: "
        "deep/none.ndjson, live.csv. Name what is to be read"
    )
    assert len(read(folder).rows) == 3


def test_note_names_linked_folder_whose_files_are_not_read(folder, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (folder / "deep" / "more").symlink_to(other)
    (folder / "latest").symlink_to("deep")
    (folder / "deep" / "up").symlink_to(folder.parent)
    assert open_path(folder).notes == ()
    (other / "c.csv").write_text("x\n1\n")
    (note,) = open_path(folder).notes
    assert note.endswith("links to folders are: deep/more. Name what is to be read")


def test_folder_of_pipes_is_not_reported_as_empty(tmp_path):
    os.mkfifo(tmp_path / "live.csv")
    with pytest.raises(SourceError, match=r"known format: name what is to be read$"):
        open_path(tmp_path)


def test_file_in_folder_without_execute_permission_is_refused():
    message = r"cannot be opened: Permission denied$"
    with unreadable_folder(LIST) as root, pytest.raises(SourceError, match=message):
        open_path(root)


def test_file_in_folder_that_cannot_be_listed_is_read_by_name(read):
    with unreadable_folder(ENTER) as root:
        for path in ("sub/a.csv", "s*/a.csv", "*.csv"):
            assert read(root / path).rows == [{"x": "1"}]


@pytest.mark.parametrize("name", ["lost+found", ".Trash-0", "_temporary"])
def test_unreadable_system_or_hidden_folder_is_skipped(name, read):
    with unreadable_folder(0, name) as root:
        assert read(root).rows == [{"x": "1"}]
        assert read(root / "[!_]*.csv").rows == [{"x": "1"}]
        if name != "_temporary":
            # a glob may mean _temporary
            assert read(root / "**" / "*.csv").rows == [{"x": "1"}]
