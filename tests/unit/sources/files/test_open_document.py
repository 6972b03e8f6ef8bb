"""OpenDocument spreadsheets (.ods), built by hand."""

from __future__ import annotations

import io
import zipfile

NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text")
)
MEDIA_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
FILES = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
MANIFEST = (
    f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="{FILES}">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{MEDIA_TYPE}"/>'
    "</manifest:manifest>"
)


def cell(value):
    value_type, _, content = value.partition(":")
    if not value_type:
        return "<table:table-cell/>"
    name = "value" if value_type == "float" else f"{value_type}-value"
    attribute = "" if value_type == "string" else f'office:{name}="{content}"'
    return (
        f'<table:table-cell office:value-type="{value_type}" {attribute}>'
        f"<text:p>{content}</text:p></table:table-cell>"
    )


def sheet(*rows):
    lines = "".join(
        f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {NAMES}><office:body>'
        f'<office:spreadsheet><table:table table:name="S">{lines}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", MEDIA_TYPE)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", MANIFEST)
    return file.getvalue()


def test_times_are_read_as_clock_texts(read, write):
    content = sheet(
        ["string:id", "string:open"],
        ["float:1", "time:PT10H30M00S"],
        ["float:2", "time:PT36H00M00.500000000S"],
        ["float:3", "time:-PT01H00M00S"],
        ["float:4", "time:P1DT2H"],
        ["float:5", "date:2024-10-11"],
        ["float:6", ""],
    )
    assert [row["open"] for row in read(write("a.ods", content)).rows] == [
        "10:30:00",
        "36:00:00.500000000",
        "-01:00:00",
        "P1DT2H",
        "2024-10-11",
        None,
    ]


def test_table_may_begin_right_of_the_first_column(read, write):
    rows = ["", "string:id", "string:price"], ["", "float:1", "float:1.0000000001"]
    assert read(write("a.ods", sheet(*rows))).tuples == [("1", "1.0000000001")]
