"""An interrupted check: what a notebook shows of it."""

import pytest

import propload

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def interrupted_rows():
    yield {"id": 1}
    raise KeyboardInterrupt


def test_an_interrupt_shows_a_notebook_its_own_lines(database, state_dir):
    told = {"to": database, "table": "homes", "key": "id", "state_dir": state_dir}
    with pytest.raises(KeyboardInterrupt) as caught:
        propload.check(interrupted_rows(), **told)
    assert hasattr(caught.value, "_render_traceback_")
