"""Whether a note is given about the index of a pandas frame."""

import pandas as pd
import pytest

from propload.options import SourceOptions
from propload.sources.frames.frame_source import open_frame

FRAME = pd.DataFrame({"id": [1, 2, 3], "town": ["Ede", "Epe", "Ee"]})
LEFT_OUT = {
    "texts": FRAME.set_index(pd.Index(["a", "b", "c"])),
    "moments": FRAME.set_index(pd.date_range("2024-01-01", periods=3)),
    "levels": FRAME.set_index([pd.Index([1, 2, 3]), pd.Index(["a", "b", "c"])]),
    "of a series": pd.Series([1, 2], index=["a", "b"], name="v"),
}
LOADED_OR_PLAIN = {
    "places": FRAME,
    "places left": FRAME[FRAME["id"] != 2],
    "a name": FRAME.set_index("town"),
    "levels with names": FRAME.set_index(["town", "id"]),
    "no rows": FRAME.set_index(pd.Index(["a", "b", "c"]))[:0],
}


@pytest.mark.parametrize("frame", LEFT_OUT.values(), ids=LEFT_OUT)
def test_unnamed_index_with_values_is_left_out_with_a_note(frame):
    source = open_frame(frame, SourceOptions())
    [note] = source.notes
    assert note.startswith("the frame's index has no name and was left out: give it")


@pytest.mark.parametrize("frame", LOADED_OR_PLAIN.values(), ids=LOADED_OR_PLAIN)
def test_no_note_for_named_or_default_index(frame):
    assert open_frame(frame, SourceOptions()).notes == ()


class Homes(pd.DataFrame):
    """A subclass of a pandas frame, like that of GeoPandas."""


def test_subclass_of_pandas_frame_is_read(read):
    frame = Homes({"price": [1.5, float("nan")], "at": [1, "a"]}, index=["x", "y"])
    reading = read(frame)
    assert reading.rows == [{"price": 1.5, "at": "1"}, {"price": None, "at": "a"}]
    named = read(frame.rename_axis("id"))
    assert [row["id"] for row in named.rows] == ["x", "y"]
