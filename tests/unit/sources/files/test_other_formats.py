"""Files of unsupported formats are recognized by their first bytes and refused."""

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


def refusal_message(head, **options):
    with pytest.raises(SourceError, match="is not read: ") as caught:
        refuse_other("a.csv", head, SourceOptions(**options))
    return str(caught.value)


def head_of_file(write, path):
    write(path)
    return path.read_bytes()[:4096]


def write_sqlite(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE homes (id int)")
    connection.close()


def write_tar(path):
    text = b"id\n1\n"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (pl.DataFrame({"id": [1]}).write_avro, "an Avro file, .* pl.read_avro"),
        (lambda path: orc.write_table(pa.table({"id": [1]}), path), "an ORC file"),
        (write_sqlite, "an SQLite database, .* the rows of its cursor"),
        (write_tar, "a tar archive, .* unpack it"),
    ],
)
def test_error_names_format_and_what_reads_it(write, expected, tmp_path):
    message = refusal_message(head_of_file(write, tmp_path / "a"))
    assert re.match(f"a.csv is {expected}", message)


@pytest.mark.parametrize(
    ("head", "description"),
    [
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\xef\xbb\xbf\n <HTML lang=nl>", "a web page"),
        (b'<?xml version="1.0"?>\n<rows>', "XML"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x1f\2\0\0\0\0\0\0DUCK@\0\0", "a DuckDB database"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
    ],
)
def test_document_that_is_no_table_is_refused_even_with_a_format(head, description):
    assert refusal_message(head).startswith(f"a.csv is {description}")
    assert refusal_message(head, format="csv").startswith(f"a.csv is {description}")


@pytest.mark.parametrize(
    ("name", "description"),
    [("a.xml", "XML"), ("a.XML.gz", "XML"), ("a.zip/a.htm", "a web page")],
)
def test_html_or_xml_without_declaration_is_known_by_its_name(name, description):
    with pytest.raises(SourceError, match=f"{name} is {description}"):
        refuse_other(name, b"<rows>\n<row><id>1</id></row>\n", SourceOptions())
    refuse_other(name, b"id\n1\n", SourceOptions())


def test_the_file_of_a_spider_is_no_table():
    head = b"import scrapy\n\n\nclass Homes(scrapy.Spider):\n"
    with pytest.raises(SourceError, match=r"homes.py is Python, .*MODULE:CLASS"):
        refuse_other("homes.py", head, SourceOptions())
    refuse_other("homes.py.csv", b"id\n1\n", SourceOptions())


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
def test_table_that_begins_like_another_format_is_read(head):
    refuse_other("a.csv", head, SourceOptions())


def test_html_values_in_rows_without_header_are_read():
    refuse_other("a.tsv", b"<html>..</html>\t1\n", SourceOptions(header=False))
