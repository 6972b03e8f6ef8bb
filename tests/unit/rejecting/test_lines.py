"""Lines of rejected rows, read in the order of their rows."""

import pytest

from propload.rejecting import lines
from propload.rejecting.lines import lines_in_order
from tests.unit.rejecting.rows import line

NUMBERS = [7, 2, 9, 4, 1, 8]


@pytest.mark.parametrize("bytes_at_once", [1, 300, 1 << 16])
def test_rows_come_in_their_order_however_many_are_decoded_at_once(
    tmp_path, monkeypatch, bytes_at_once
):
    path = tmp_path / "20260101-ab.ndjson"
    texts = [line({"id": "é" * n}, n) for n in NUMBERS]
    # an editor may leave blank lines, and no newline at the end
    text = "\n".join(texts).rstrip("\n")
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(lines, "_BYTES_AT_ONCE", bytes_at_once)
    found = list(lines_in_order(path, lambda one: one["row"] != 4))
    assert [one["row"] for _, one in found] == [1, 2, 7, 8, 9]
    lengths = {n: len(t.encode()) for n, t in zip(NUMBERS, texts, strict=True)}
    lengths[8] -= 1
    assert [length for length, _ in found] == [lengths[n] for n in (1, 2, 7, 8, 9)]


def test_rows_in_order_are_decoded_together(tmp_path, monkeypatch):
    """One by one they took most of the time of a replay."""
    path = tmp_path / "20260101-ab.ndjson"
    path.write_text("".join(line({}, n) for n in NUMBERS), encoding="utf-8")
    monkeypatch.delattr(lines, "_decode_line")
    rows = [one["row"] for _, one in lines_in_order(path, lambda _: True)]
    assert rows == sorted(NUMBERS)
