"""Which files a path, a folder or a glob stands for, and what is said where none."""

from __future__ import annotations

import os
import re

import pytest

from propload.errors import ConfigError, SourceError
from propload.options import SourceOptions
from propload.sources import open_source
from tests.unreadable_folders import unreadable_folder

#: What may be done with a folder: its names be listed, its files be opened.
LIST, ENTER = 0o4, 0o1


def opened(source, **options):
    return open_source(source, SourceOptions(**options))


def test_folders_that_a_glob_passes_over_are_told(folder):
    (note,) = opened(f"{folder}/*").notes
    assert note.startswith(f"1 folder that {folder}/* matches was skipped: deep. ")
    for number in range(6):
        (folder / f"e{number}").mkdir()
        (folder / f"e{number}" / "a.csv").write_text("x\n1\n")
    (note,) = opened(f"{folder}/[ade]*").notes
    assert "7 folders" in note
    assert "were skipped: deep, e0, e1, e2, e3 and 2 more. " in note


def test_a_glob_of_folders_alone_says_how_their_files_are_read(folder):
    told = r"/d\* matches no file: 1 folder that .*/d\* matches was skipped: deep\."
    with pytest.raises(SourceError, match=told):
        opened(f"{folder}/d*")


@pytest.mark.parametrize("pattern", ["**", "*.csv", "[!_]*/*.ndjson", ""])
def test_no_folder_is_told_whose_files_are_read_or_not_meant(folder, pattern):
    (folder / "_temporary").mkdir()
    assert opened(f"{folder}/{pattern}").notes == ()


def test_a_name_with_brackets_is_a_name_first(read, folder):
    (folder / "a[1].csv").write_text("x\n1\n")
    assert read(folder / "a[1].csv").rows == [{"x": "1"}]


@pytest.mark.parametrize("missing", ["none.csv", "*.parquet"])
def test_what_is_missing_is_named_at_once(folder, missing):
    with pytest.raises(SourceError, match="check the path") as caught:
        opened(f"{folder}/{missing}")
    assert caught.value.source == f"{folder}/{missing}"


@pytest.mark.parametrize(
    ("address", "way"),
    [
        ("https://x.org/a.csv", "fetch it, or curl -fsSL URL | "),
        ("s3://homes/a.csv", "fetch it, or aws s3 cp URL - | "),
        ("GS://homes/a.csv", "fetch it, or gcloud storage cat URL | "),
        ("file:///homes/a.csv", "give a path, or what its own program writes into "),
        ("postgresql://x/homes", "give a path, or what its own program writes into "),
    ],
)
def test_an_address_is_told_with_what_reads_it(address, way):
    with pytest.raises(SourceError, match=re.escape(f"files and pipes: {way}")):
        opened(address)


@pytest.mark.parametrize(
    ("file", "reader"),
    [
        ("_delta_log/00000000000000000000.json", "pl.scan_delta"),
        ("metadata/v1.metadata.json", "pl.scan_iceberg"),
        (".hoodie/hoodie.properties", "a program that knows it"),
    ],
)
def test_a_folder_with_deleted_rows_in_its_files_is_refused(tmp_path, file, reader):
    write_tree(tmp_path, {f"day/table/{file}": "{}", "day/table/a.csv": "x\na\n"})
    with pytest.raises(SourceError, match=rf"deleted rows as well: .* with {reader}"):
        opened(tmp_path)


def test_a_folder_with_files_beside_what_describes_them_is_read(read, tmp_path):
    write_tree(tmp_path, {"a.metadata.json": '{"x": "a"}', "metadata/b.csv": "x\nb\n"})
    assert read(tmp_path).rows == [{"x": "a"}, {"x": "b"}]


def write_tree(folder, texts):
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("address", "shown", "kind"),
    [
        ("https://me:secret@x.org/a.json.gz?k=secret", "https://x.org/a.j", "json"),
        ("s3://homes/2026/*.parquet", "s3://homes/2026/*.parquet", "parquet"),
        ("http://x.org", "http://x.org is", "csv"),
        ("http://me:secret@[x/a.csv", "http://... is", "csv"),
    ],
)
def test_an_address_is_no_file(address, shown, kind):
    with pytest.raises(SourceError, match=rf"--format {kind}$") as caught:
        opened(address)
    assert str(caught.value).startswith(shown)
    assert "secret" not in f"{caught.value} {caught.value.source}"


def test_a_folder_without_rows_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"folder without files .*: it is empty"):
        opened(tmp_path / "empty")


def test_the_lock_of_an_open_workbook_is_no_source(read, folder):
    (folder / "~$b.csv").write_text("no rows")
    assert len(read(folder).rows) == 3
    assert read(f"{folder}/*.csv").rows == [{"x": "a"}, {"x": "b"}]
    assert len(read(f"{folder}/~$*.csv").batches) == 1


def test_a_text_beside_others_is_read_where_it_is_meant(read, folder):
    (folder / "readme.txt").write_text("how\nto read\n")
    assert len(read(folder).rows) == 3
    assert read(f"{folder}/*.txt").rows == [{"how": "to read"}]
    assert read(f"{folder}/readme.txt").rows == [{"how": "to read"}]
    (folder / "deep" / "c.ndjson").unlink()
    assert len(read(folder, format="csv").rows) == 3


def test_a_folder_of_texts_alone_says_how_they_are_read(tmp_path):
    (tmp_path / "rows.txt").write_text("x\n1\n")
    with pytest.raises(SourceError, match=r"/\*\.txt\), or use --format csv"):
        opened(tmp_path)


def test_rows_in_the_place_of_their_path_are_refused():
    with pytest.raises(
        SourceError, match=r"^'id,name.+…' is too long .* frame$"
    ) as caught:
        opened("id,name\n" + "1,x\n" * 100)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("path", ["none.csv", "a.csv/none.csv", "loop.csv", "a\0.csv"])
def test_a_path_where_nothing_stands_is_told(path, folder):
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "a.csv").touch()
    with pytest.raises(SourceError, match=r"does not exist: check the path$"):
        opened(f"{folder}/{path}")


@pytest.mark.parametrize("source", ["", ["a.csv", ""]])
def test_an_empty_text_is_not_the_current_folder(source, folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match=r"^a source is an empty text: name a file"):
        opened(source)


def test_a_path_below_nobodys_home_is_refused():
    with pytest.raises(
        ConfigError, match=r"^'~nobody-at-all/a\.csv': there is no home"
    ):
        opened("~nobody-at-all/a.csv")


@pytest.mark.parametrize(
    ("rights", "pattern"),
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
def test_a_folder_that_is_shut_is_not_passed_over(rights, pattern):
    told = r"sub cannot be read: Permission denied\. Rows in it would be missing"
    with unreadable_folder(rights) as root, pytest.raises(SourceError, match=told):
        opened(root / pattern)


def test_a_link_to_nothing_in_a_folder_is_told(read, folder):
    (folder / "notes.log").symlink_to("unmounted.log")
    assert len(read(folder).rows) == 3
    (folder / "deep" / "a.csv").symlink_to("unmounted.csv")
    with pytest.raises(
        SourceError, match=r"deep/a\.csv cannot be opened: it is a link"
    ):
        opened(folder)


def test_what_no_file_is_in_a_folder_is_told_if_it_has_the_name_of_one(folder, read):
    os.mkfifo(folder / "live.csv")
    (folder / "deep" / "none.ndjson").symlink_to("/dev/null")
    os.mkfifo(folder / "control")
    os.mkfifo(folder / "_old.csv")
    (note,) = opened(folder).notes
    assert note == (
        f"skipped in {folder}, as pipes, devices and links to folders are: "
        "deep/none.ndjson, live.csv. Name what is to be read"
    )
    assert len(read(folder).rows) == 3


def test_a_link_to_a_folder_with_rows_is_told_unless_they_are_read(folder, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (folder / "deep" / "more").symlink_to(other)
    (folder / "latest").symlink_to("deep")
    (folder / "deep" / "up").symlink_to(folder.parent)
    assert opened(folder).notes == ()
    (other / "c.csv").write_text("x\n1\n")
    (note,) = opened(folder).notes
    assert note.endswith("links to folders are: deep/more. Name what is to be read")


def test_a_folder_of_pipes_alone_is_not_called_empty(tmp_path):
    os.mkfifo(tmp_path / "live.csv")
    with pytest.raises(SourceError, match=r"known format: name what is to be read$"):
        opened(tmp_path)


def test_a_file_in_a_folder_that_may_be_listed_but_not_entered_is_told():
    told = r"cannot be opened: Permission denied$"
    with unreadable_folder(LIST) as root, pytest.raises(SourceError, match=told):
        opened(root)


def test_a_folder_that_may_be_entered_but_not_listed_gives_a_file_by_its_name(read):
    with unreadable_folder(ENTER) as root:
        for path in ("sub/a.csv", "s*/a.csv", "*.csv"):
            assert read(root / path).rows == [{"x": "1"}]


@pytest.mark.parametrize("name", ["lost+found", ".Trash-0", "_temporary"])
def test_a_shut_folder_whose_files_nobody_means_is_passed_over(name, read):
    with unreadable_folder(0, name) as root:
        assert read(root).rows == [{"x": "1"}]
        assert read(root / "[!_]*.csv").rows == [{"x": "1"}]
        if name != "_temporary":
            # a glob may mean that one
            assert read(root / "**" / "*.csv").rows == [{"x": "1"}]
