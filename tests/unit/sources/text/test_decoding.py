from __future__ import annotations

import pytest

from propload.errors import ConfigError, SourceError
from propload.options import SourceOptions
from propload.sources import open_source
from propload.sources.blocks import BLOCK_BYTES
from propload.sources.text.decoding import guess_encoding, to_utf8

DUTCH = "straat,prijs\nCoöperatiehof,€ 350.000\nHoge Rijndijk,één café\n"


def decode_in_blocks(content, encoding=None, block=7, notes=None):
    blocks = (content[at : at + block] for at in range(0, len(content), block))
    all_notes = [] if notes is None else notes
    return b"".join(to_utf8(blocks, "x.csv", encoding, all_notes))


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
def test_encoding_is_detected(encoding):
    assert decode_in_blocks(DUTCH.encode(encoding)).decode() == DUTCH


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252", "utf-16-be"])
def test_encoding_can_be_specified(encoding):
    assert decode_in_blocks(DUTCH.encode(encoding), encoding).decode() == DUTCH


@pytest.mark.parametrize(
    ("actual", "specified", "is_guess"),
    [
        ("cp1252", None, True),
        ("cp1252", "cp1252", False),
        ("utf-8", None, False),
        ("utf-16", None, False),
        ("utf-16-le", None, False),
    ],
)
def test_guessed_encoding_is_noted(actual, specified, is_guess):
    notes = []
    decode_in_blocks(DUTCH.encode(actual), specified, notes=notes)
    assert len(notes) == is_guess
    for note in notes:
        assert note.startswith("x.csv is not UTF-8: it was read as cp1252")
        assert "--encoding" in note


@pytest.mark.parametrize("name", ["late.csv", "late.ndjson", "late.json"])
def test_encoding_guessed_after_the_first_batch_is_noted(write, name):
    text = "x" + "y" * 90
    row = f'{{"a": "{text}"}}' if "json" in name else text
    rows = ["a" if name.endswith("csv") else row, *[row] * 4_000]
    content = "\n".join([*rows, row.replace("x", "é"), ""]).encode("cp1252")
    assert len(content) > BLOCK_BYTES
    options = SourceOptions(chunk_rows=500, chunk_bytes=64 << 10)
    source = open_source(write(name, content), options)
    first, *_ = list(source)
    assert first.notes == ()
    assert len(source.notes) == 1
    assert "read as cp1252" in source.notes[0]


def test_utf_16_without_byte_order_mark_can_be_specified():
    assert decode_in_blocks(DUTCH.encode("utf-16-le"), "utf-16").decode() == DUTCH


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_encoding_is_detected_by_a_late_accent(encoding):
    text = "plain text\n" * 20_000 + DUTCH * 3
    assert decode_in_blocks(text.encode(encoding), block=4096).decode() == text


def test_invalid_byte_rejects_its_row_and_leaves_others_intact(read, write):
    content = "a,b\n1,é\n".encode() + b"2,\xe9\n" + "3,é\n4,ü\n".encode()
    reading = read(write("a.csv", content))
    assert reading.tuples == [("1", "é"), ("3", "é"), ("4", "ü")]
    assert [(f.row, f.check) for f in reading.unread] == [(2, "encoding")]
    assert r"\xe9" in reading.unread[0].text


def test_byte_undefined_in_the_encoding_rejects_its_row(read, write):
    content = b"a,b\n1,caf\xe9\n2,\x81\n3,x\n"
    reading = read(write("a.csv", content), encoding="cp1252")
    assert reading.tuples == [("1", "café"), ("3", "x")]
    assert [f.row for f in reading.unread] == [2]


def test_lone_surrogate_rejects_its_row(read, write):
    content = "a,b\n1,x\n".encode("utf-16-le") + b"2\0,\0\x00\xd8\n\0"
    content += "3,y\n".encode("utf-16-le")
    reading = read(write("a.csv", b"\xff\xfe" + content))
    assert reading.tuples == [("1", "x"), ("3", "y")]
    assert [f.row for f in reading.unread] == [2]


def test_text_truncated_within_a_character_yields_the_rows_before(read, write):
    reading = read(write("a.csv", "a,b\n1,x\n2,y".encode("utf-16")[:-1]))
    assert reading.tuples == [("1", "x")]
    assert reading.error is not None
    assert "cut short" in str(reading.error)


def test_text_with_one_invalid_byte_is_still_guessed_as_utf_8():
    assert guess_encoding("één café ".encode() + b"\xff") == "utf-8"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Квартира в центре города, три комнаты и большая кухня", "cp1251"),
        ("Διαμέρισμα στο κέντρο της πόλης", "cp1253"),
        ("東京都のマンション、家賃は十万円です", "cp932"),
        ("1,Straße,Größe 45 m²,München", "cp1252"),
        ("1,Bâtiment à vendre,très bon état", "cp1252"),
        ("1,€ 100", "cp1252"),
    ],
)
def test_legacy_encoding_is_guessed(text, encoding):
    assert guess_encoding(text.encode(encoding)) == encoding


def test_unknown_encoding_is_refused():
    with pytest.raises(ConfigError, match="klingon"):
        decode_in_blocks(b"a", "klingon")


@pytest.mark.parametrize(
    "content", [b"\0" * 5000, bytes(range(256)) * 20, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]
)
def test_binary_content_is_refused(content):
    with pytest.raises(SourceError, match="binary"):
        decode_in_blocks(content)
