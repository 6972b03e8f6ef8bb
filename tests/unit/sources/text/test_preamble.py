"""Lines above the header, and headers that are repeated."""

from __future__ import annotations

import pytest

from propload.errors import SourceError
from propload.options import SourceOptions
from propload.sources import open_source
from propload.sources.text.delimited import read_delimited
from tests.unit.sources.workbooks import workbook

TABLE = "id,town,price\n1,Ede,100\n2,Epe,200\n"


def load(path, **options):
    source = open_source(path, SourceOptions(**options))
    batches = list(source)
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    return rows, [one for batch in batches for one in batch.unread], source.notes


@pytest.mark.parametrize(
    ("above", "lines"),
    [
        ("Homes for sale\n", 1),
        ("Homes for sale,,\n", 1),
        ("Homes for sale\n\n", 2),
        ("Homes for sale\nas of 2026-07-01\n\n\n", 4),
        ('"Homes\nfor sale"\n', 2),
        ("# made by hand\n", 1),
        ("# made by hand, with care\n", 1),
        ("# made, by, hand\n# with, care\n", 2),
        ("#made,by,hand,with,care\n", 1),
        ("\nHomes for sale\n", 2),
        ("2026-07-01\n", 1),
    ],
)
@pytest.mark.parametrize(
    ("delimiter", "line_end"), [(",", "\n"), (";", "\n"), (",", "\r\n"), (",", "\r")]
)
def test_lines_above_the_header_are_noted_and_can_be_skipped(
    write, above, lines, delimiter, line_end
):
    text = above + TABLE.replace(",", delimiter)
    path = write("a.csv", text.replace("\n", line_end))
    _, _, (note,) = load(path)
    assert "a.csv: " in note
    assert f"use --skip-lines {lines} (skip_lines = {lines})" in note
    rows, unread, notes = load(path, skip_lines=lines)
    assert rows[0] == {"id": "1", "town": "Ede", "price": "100"}
    assert (len(rows), unread, notes) == (2, [], ())


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "name\nEde\nEpe\n",
        "name\nEde, Gelderland\nEpe\nApeldoorn\n",
        "#id,town\n1,Ede\n2,Epe\n",
        "id,text\n1,x;y\n2,z;w\n",
        "#id\n1\n2\n",
        "only a title\n",
        "a,b,c\n1,2\n3,4\n",
        # as pandas writes one column with its index
        ",price\n0,100\n1,200\n",
        ",town\na,Ede\nb,Epe\n",
        # the values are repeated below, the name is not
        "town,\nEde,villa\nEpe,flat\nEde,house\n",
        "# of rooms,town,kind\ntwo,Ede,flat\ntwo,Epe,villa\n",
        "url,\nhttp://a,1\nhttp://b,2\n",
        "# of rooms,price,town\n3,100,Ede\n4,200,Epe\n",
        "note\nfoo; bar\nbaz; qux\nx; y\n",
    ],
)
def test_no_note_for_a_table_without_preamble(write, text):
    assert load(write("a.csv", text))[2] == ()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Homes,\ntown,kind\nEde,villa\nEpe,villa\n", "--skip-lines 1 "),
        # the header is repeated, as in joined files
        ("Homes,\ntown,kind\nEde,villa\ntown,kind\nEpe,flat\n", "--skip-lines 1 "),
        ("# by hand,\ntown,kind\nEde,villa\nEpe,villa\n", "--skip-lines 1 "),
        (",villa\nEde,flat\nEpe,villa\n", "--no-header"),
    ],
)
def test_first_line_that_names_only_one_of_two_columns_is_noted(write, text, hint):
    _, _, (note,) = load(write("a.csv", text))
    assert hint in note


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_number_in_message_includes_skipped_lines(write, line_end):
    text = "title\n\n" + TABLE + "3\n"
    path = write("a.csv", text.replace("\n", line_end))
    _, [fault], _ = load(path, skip_lines=2)
    assert fault.message == "line 6: 1 field instead of 3"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", range(1, 9))
def test_lines_are_skipped_across_block_boundaries(line_end, size):
    text = ("title\n\n" + TABLE).replace("\n", line_end).encode()
    blocks = (text[at : at + size] for at in range(0, len(text), size))
    (batch,) = read_delimited(blocks, "x", SourceOptions(skip_lines=2))
    assert batch.rows.column("id").to_pylist() == ["1", "2"]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_file_with_nothing_below_the_skipped_lines_is_empty(write, name):
    content = "a,b\n1,2\n" if name == "a.csv" else workbook(S=[["a", "b"], [1, 2]])
    with pytest.raises(SourceError, match=r"is empty.* below (line|row) 2"):
        load(write(name, content), skip_lines=2)


def test_more_lines_than_the_sample_can_be_skipped(write):
    path = write("a.csv", "x" * 99 + "\n" + ("y" * 99 + "\n") * 9_999 + TABLE)
    assert len(load(path, skip_lines=10_000)[0]) == 2


def test_rows_above_the_header_of_a_sheet_are_noted_and_can_be_skipped(write):
    table = [["id", "town"], ["1", "Ede"], ["2", "Epe"]]
    path = write("a.xlsx", workbook(S=[["Homes", None], [None, None], *table]))
    _, _, (note,) = load(path)
    assert "'Homes' looks like a title" in note
    assert "use --skip-lines 2 " in note
    rows, _, notes = load(path, skip_lines=2)
    assert (rows, notes) == (
        [{"id": "1", "town": "Ede"}, {"id": "2", "town": "Epe"}],
        (),
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TABLE + TABLE + "5,Ede,1\n"),
        ("a.csv", (TABLE + TABLE + "5,Ede,1\n").replace("\n", "\r\n")),
        ("a.csv", (TABLE + TABLE + "5,Ede,1\n").replace("\n", "\r")),
        ("a.csv", (TABLE + TABLE + "5,Ede,1\n").replace("town", '"to,wn"')),
        (
            "a.xlsx",
            workbook(
                S=[
                    *(["id", "town", "price"], ["1", "Ede", "100"], ["2", "Epe", "2"]),
                    *(["id", "town", "price"], ["1", "Ede", "100"], ["2", "Epe", "2"]),
                    ["5", "Ede", "1"],
                ]
            ),
        ),
    ],
)
def test_repeated_header_is_rejected(write, name, content):
    rows, [fault], notes = load(write(name, content))
    assert [row["id"] for row in rows] == ["1", "2", "1", "2", "5"]
    assert (fault.row, fault.check) == (3, "header")
    assert "are repeated here" in fault.message
    assert notes == ()


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("a.csv", "id,town,price", '"id","town","price"'),
        ("a.csv", '"id","town","price"', "id,town,price"),
        ("a.csv", 'id,"a ""town""",price', '"id","a ""town""","price"'),
        ("a.csv", '"id","to,wn","price"', 'id,"to,wn",price'),
        ("a.tsv", "id\ttown\tprice", '"id"\t"town"\t"price"'),
    ],
)
def test_joined_files_may_quote_their_headers_differently(write, name, first, second):
    sample = f"{first}\n1,Ede,100\n{second}\n2,Epe,200\n"
    tabs = name.endswith("tsv")
    content = sample.replace("1,Ede,", "1\tEde\t").replace("2,Epe,", "2\tEpe\t")
    rows, [fault], _ = load(write(name, content if tabs else sample))
    assert [row["id"] for row in rows] == ["1", "2"]
    assert (fault.row, fault.check) == (2, "header")


def test_value_equal_to_the_only_column_name_is_kept(write):
    rows, unread, _ = load(write("a.csv", "town\nEde\ntown\n"))
    assert (len(rows), unread) == (2, [])


def test_no_note_for_a_sheet_with_an_unnamed_index(write):
    for rows in ([["0", "100"], ["1", "200"]], [["a", "Ede"], ["b", "Epe"]]):
        content = workbook(S=[[None, "price"], *rows])
        assert load(write("a.xlsx", content))[2] == ()


@pytest.mark.parametrize("quoted", ["x", '"x"', '5" x'])
def test_files_with_byte_order_marks_may_be_joined(read, write, quoted):
    text = f"\ufeffa,b\n{quoted},1\n"
    reading = read(write("a.csv", text + text))
    assert [b for _, b in reading.tuples] == ["1", "1"]
    assert [(fault.row, fault.check) for fault in reading.unread] == [(2, "header")]
