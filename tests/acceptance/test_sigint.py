"""SIGINT in programs that load: their own handling holds while Polars computes."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(30)

#: Sets a handler of SIGINT, then receives it while Polars computes in a thread.
PROGRAM = """
import signal, threading

heard = []
signal.signal(signal.SIGINT, {handler})
{imports}
from propload.options import Settings
from propload.running.planning import Plan

def plan():
    Plan.of(Settings(state_dir="state"))

def interrupted(values):
    # to this thread, which has heard of it when the call returns
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    return values

def compute():
    try:
        # it ends at the next step that Polars makes after a signal it has heard of
        frame = pl.LazyFrame({{"a": [1, 2]}})
        doubled = frame.select(pl.col("a").map_batches(interrupted, pl.Int64))
        print(doubled.sort("a").select(pl.col("a").sum()).collect().item())
    except KeyboardInterrupt:
        print("broken off")

def in_thread(do):
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()

{calls}
print(heard)
"""


def output_of(*, handler, calls, imports="import propload.ingesting, polars as pl"):
    """Return the lines that the program prints."""
    code = PROGRAM.format(handler=handler, calls=calls, imports=imports)
    command = [sys.executable, "-c", code]
    completed = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=25
    )
    return completed.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    "calls",
    ["plan(); in_thread(compute)", "in_thread(plan); in_thread(compute)"],
    ids=["in the main thread", "in another thread"],
)
@pytest.mark.parametrize(
    ("handler", "heard"),
    [("signal.SIG_IGN", "[]"), ("lambda number, _: heard.append(number)", "[2]")],
    ids=["ignored", "a handler"],
)
def test_sigint_handling_of_a_program_holds_while_it_loads(handler, heard, calls):
    assert output_of(handler=handler, calls=calls) == ["3", heard]


def test_importing_polars_before_propload_makes_no_difference():
    imports = "import polars as pl, propload.ingesting"
    calls = "in_thread(plan); in_thread(compute)"
    assert output_of(handler="signal.SIG_IGN", calls=calls, imports=imports) == [
        "3",
        "[]",
    ]


def test_polars_alone_breaks_off_despite_an_ignored_sigint():
    calls = "in_thread(compute)"
    assert output_of(handler="signal.SIG_IGN", calls=calls) == ["broken off", "[]"]


def test_handler_set_after_loading_holds():
    calls = """
in_thread(plan)
signal.signal(signal.SIGINT, lambda number, _: heard.append("later"))
in_thread(compute)
"""
    assert output_of(handler="signal.SIG_IGN", calls=calls) == ["3", "['later']"]


def test_program_with_the_default_handling_is_ended_by_sigint():
    code = PROGRAM.format(
        handler="signal.SIG_DFL",
        calls="in_thread(plan); in_thread(compute)",
        imports="import propload.ingesting, polars as pl",
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=25)
    assert done.returncode == -2
