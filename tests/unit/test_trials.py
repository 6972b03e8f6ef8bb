"""How the trials of a search for fast sizes are shown."""

import pytest

from propload.options import BATCH_ROWS, WORKERS
from propload.trials import Trial, Tuning


def tuning(*speeds):
    """Return a search that tried one worker and the default number of workers."""
    sizes = [(BATCH_ROWS, 1), (BATCH_ROWS, WORKERS)]
    trials = [
        Trial(batch_rows, workers, 1.0, speed, 1 << 20)
        for (batch_rows, workers), speed in zip(sizes, speeds, strict=True)
    ]
    return Tuning("homes.csv", 400_000, tuple(trials))


@pytest.mark.parametrize("speeds", [(191_000.0, 200_000.0), (90_000.0, 200_000.0)])
def test_marked_trial_is_the_one_that_is_recommended(speeds):
    search = tuning(*speeds)
    (marked,) = (line for line in str(search).splitlines() if "◀" in line)
    workers, _, speed, *_ = marked.split()
    assert f"workers = {workers}: {speed} rows/s" in str(search).splitlines()[-1]
    html = search._repr_html_()
    (row,) = (one for one in html.split("<tr>") if "#2a7" in one)
    assert row.partition("</td>")[0].endswith(f">{workers}")
