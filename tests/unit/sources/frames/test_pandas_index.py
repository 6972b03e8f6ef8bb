"""What is said of the index of a pandas frame."""

import pandas as pd
import pytest

from propload.options import SourceOptions
from propload.sources.frames.frame_source import open_frame

FRAME = pd.DataFrame({"id": [1, 2, 3], "town": ["Ede", "Epe", "Ee"]})
TOLD = {
    "texts": FRAME.set_index(pd.Index(["a", "b", "c"])),
    "moments": FRAME.set_index(pd.date_range("2024-01-01", periods=3)),
    "levels": FRAME.set_index([pd.Index([1, 2, 3]), pd.Index(["a", "b", "c"])]),
    "of a series": pd.Series([1, 2], index=["a", "b"], name="v"),
}
SILENT = {
    "places": FRAME,
    "places left": FRAME[FRAME["id"] != 2],
    "a name": FRAME.set_index("town"),
    "levels with names": FRAME.set_index(["town", "id"]),
    "no rows": FRAME.set_index(pd.Index(["a", "b", "c"]))[:0],
}


@pytest.mark.parametrize("frame", TOLD.values(), ids=TOLD)
def test_one_that_is_left_out_is_told(frame):
    source = open_frame(frame, SourceOptions())
    [note] = source.notes
    assert note.startswith("the frame's index has no name and was left out: give it")


@pytest.mark.parametrize("frame", SILENT.values(), ids=SILENT)
def test_of_one_that_is_loaded_or_only_counts_nothing_is_said(frame):
    assert open_frame(frame, SourceOptions()).notes == ()


class Homes(pd.DataFrame):
    """A frame of a program's own kind, as GeoPandas has one."""


def test_a_frame_of_a_kind_of_its_own_is_read_as_those_of_pandas_are(read):
    frame = Homes({"price": [1.5, float("nan")], "at": [1, "a"]}, index=["x", "y"])
    reading = read(frame)
    assert reading.rows == [{"price": 1.5, "at": "1"}, {"price": None, "at": "a"}]
    named = read(frame.rename_axis("id"))
    assert [row["id"] for row in named.rows] == ["x", "y"]
