"""Files of formats that are not read, by how they begin."""

import io
import re
import sqlite3
import tarfile

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import orc

from propload.errors import SourceError
from propload.options import SourceOptions
from propload.sources.files.other_formats import refuse_other


def refused(head, **options):
    with pytest.raises(SourceError, match="is not read: ") as caught:
        refuse_other("a.csv", head, SourceOptions(**options))
    return str(caught.value)


def written(write, path):
    write(path)
    return path.read_bytes()[:4096]


def sqlite(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE homes (id int)")
    connection.close()


def tar(path):
    text = b"id\n1\n"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (pl.DataFrame({"id": [1]}).write_avro, "an Avro file, .* pl.read_avro"),
        (lambda path: orc.write_table(pa.table({"id": [1]}), path), "an ORC file"),
        (sqlite, "an SQLite database, .* the rows of its cursor"),
        (tar, "a tar archive, .* unpack it"),
    ],
)
def test_what_other_programs_write_is_told_with_what_reads_it(write, told, tmp_path):
    said = refused(written(write, tmp_path / "a"))
    assert re.match(f"a.csv is {told}", said)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\xef\xbb\xbf\n <HTML lang=nl>", "a web page"),
        (b'<?xml version="1.0"?>\n<rows>', "XML"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x1f\2\0\0\0\0\0\0DUCK@\0\0", "a DuckDB database"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
    ],
)
def test_what_is_no_table_is_refused(head, what):
    assert refused(head).startswith(f"a.csv is {what}")
    assert refused(head, format="csv").startswith(f"a.csv is {what}")


@pytest.mark.parametrize(
    ("name", "what"),
    [("a.xml", "XML"), ("a.XML.gz", "XML"), ("a.zip/a.htm", "a web page")],
)
def test_a_page_or_xml_by_its_name_needs_no_declaration(name, what):
    with pytest.raises(SourceError, match=f"{name} is {what}"):
        refuse_other(name, b"<rows>\n<row><id>1</id></row>\n", SourceOptions())
    refuse_other(name, b"id\n1\n", SourceOptions())


@pytest.mark.parametrize(
    "head",
    [
        b"ORC,price\n1,2\n",
        b"id,name,DUCK\n",
        b"<b>city</b>,price\n",
        b"x" * 257 + b"ustar,y\n",
        b"7z,Rar!\n",
        b"",
    ],
)
def test_a_table_that_begins_alike_is_read(head):
    refuse_other("a.csv", head, SourceOptions())


def test_pages_in_rows_without_a_header_are_read():
    refuse_other("a.tsv", b"<html>..</html>\t1\n", SourceOptions(header=False))
