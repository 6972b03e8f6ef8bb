"""Crawls in a notebook's kernel: repeatedly, with progress, and stopped."""

from __future__ import annotations

import json
import queue
import time

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = [
    pytest.mark.timeout(200),
    # these warnings are raised by the kernel's own libraries
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
#: Longest wait for one cell, in seconds, on a machine that is busy.
PATIENCE = 120

BEGIN = """
import json
import threading
import propload
from propload_spiders.demo import DemoSite, Traps
from propload_spiders.spiders.funda import FundaSpider

site = DemoSite(listings=150, traps=Traps(slow=1.0, slow_seconds=0.02))
site.start()

def crawl(**told):
    places = ",".join(site.places)
    return propload.ingest(
        FundaSpider, place=places, base_url=site.url, table="homes", **told
    )

def tell(report):
    print("REPORT" + json.dumps(report.as_dict()))
"""
#: One page at a time: long enough to be interrupted.
SLOW_CRAWL = """
tell(crawl(crawl_settings={"CONCURRENT_REQUESTS": 1, "DOWNLOAD_DELAY": 0.5}))
"""


class Kernel:
    """A kernel that runs cells and collects their outputs."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(kernel_name="python3")

    def begin(self, code):
        return self.client.execute(code)

    def outputs(self, cell):
        """Yield the outputs of a cell until it has ended."""
        end = time.monotonic() + PATIENCE
        while True:
            left = end - time.monotonic()
            try:
                message = self.client.get_iopub_msg(timeout=max(left, 0.1))
            except queue.Empty:
                pytest.fail("the cell does not end")
            if message["parent_header"].get("msg_id") != cell:
                continue
            message_type, content = message["msg_type"], message["content"]
            if message_type == "status" and content["execution_state"] == "idle":
                return
            assert message_type != "error", "\n".join(content["traceback"])
            yield message_type, content

    def run(self, code):
        return list(self.outputs(self.begin(code)))

    def interrupt(self):
        self.manager.interrupt_kernel()

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel():
    one = Kernel()
    yield one
    one.close()


def report_in(outputs):
    text = "".join(
        content["text"] for message_type, content in outputs if message_type == "stream"
    )
    return json.loads(text.partition("REPORT")[2])


def test_kernel_can_crawl_repeatedly_with_live_progress(kernel):
    kernel.run(BEGIN)
    first = kernel.run("tell(crawl())")
    assert report_in(first)["counts"]["inserted"] == 150
    shown = [
        content["data"]
        for message_type, content in first
        if message_type == "update_display_data"
    ]
    assert any("rows read" in data.get("text/html", "") for data in shown)
    again = report_in(kernel.run("tell(crawl())"))
    assert again["status"] == "loaded"
    assert again["counts"]["updated"] == 150


def test_stop_button_ends_a_crawl_and_returns_its_report(kernel):
    kernel.run(BEGIN)
    cell = kernel.begin(SLOW_CRAWL)
    outputs, pressed = [], False
    for message_type, content in kernel.outputs(cell):
        outputs.append((message_type, content))
        # rows are loaded by now: it is time to press the button
        shown = content.get("data", {}).get("text/html", "")
        if not pressed and "done" in shown and " 0 done" not in shown:
            pressed = True
            kernel.interrupt()
    report = report_in(outputs)
    assert report["status"] == "interrupted"
    assert 0 < report["counts"]["read"] < 150
    assert "nothing waits" in report["message"]

    # no crawl goes on in the background, and every row that was read is there
    left = kernel.run("print([t.name for t in threading.enumerate()])")
    names = "".join(
        content["text"] for message_type, content in left if message_type == "stream"
    )
    assert "MainThread" in names
    assert "crawl" not in names
    rest = report_in(kernel.run("tell(crawl())"))
    assert rest["status"] == "loaded"
    counts = rest["counts"]
    assert counts["inserted"] + counts["updated"] == 150
    assert counts["updated"] == report["counts"]["inserted"]
