"""What a journal keeps of a file that was torn or damaged anywhere."""

from hypothesis import given, settings
from hypothesis import strategies as st

from propload.journal import records
from propload.journal.records import Record, TornTail
from tests.unit.journal.batches import batch, ids


@settings(max_examples=60)
@given(st.data())
def test_a_torn_or_damaged_tail_is_cut_and_counted(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journal")
    whole = [records.encode(Record(batch(n * 5, 5), n * 5)) for n in range(4)]
    content = b"".join(whole)
    cut = data.draw(st.integers(0, len(content)))
    if data.draw(st.booleans()):
        torn_content = content[:cut]
    else:
        cut = min(cut, len(content) - 1)
        flipped = bytes([content[cut] ^ 0xFF])
        torn_content = content[:cut] + flipped + content[cut + 1 :]
    (folder / records.segment_name(0)).write_bytes(torn_content)
    torn = TornTail()
    found = [
        row for one in records.read_segments(folder, torn) for row in ids([one.batch])
    ]
    ends = [sum(map(len, whole[: n + 1])) for n in range(4)]
    kept = sum(end <= cut for end in ends)
    assert found == list(range(kept * 5))
    assert torn.bytes == len(torn_content) - (ends[kept - 1] if kept else 0)
