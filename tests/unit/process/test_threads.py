"""Threads start, or an error says what to do if the system has no more of them."""

import sys
import threading
from contextvars import ContextVar
from types import SimpleNamespace

import pytest

import propload
from propload.errors import ConfigError, PropLoadError
from propload.process.threads import in_context, start_thread


def test_thread_starts_and_cannot_be_started_twice():
    thread = threading.Thread(target=lambda: None)
    start_thread(thread)
    thread.join()
    with pytest.raises(RuntimeError, match="only be started once"):
        start_thread(thread)


def test_context_variables_of_the_caller_apply_in_a_thread():
    request = ContextVar("request", default="none")
    token = request.set("mine")
    seen = []
    thread = threading.Thread(target=in_context(lambda: seen.append(request.get())))
    request.reset(token)
    thread.start()
    thread.join()
    assert seen == ["mine"]


def test_error_says_to_raise_the_limit_of_threads():
    class Refused(threading.Thread):
        def start(self):
            msg = "can't start new thread"
            raise RuntimeError(msg)

    with pytest.raises(PropLoadError, match=r"raise the limit .* \(ulimit -u\)"):
        start_thread(Refused())


@pytest.mark.parametrize(
    ("library", "module", "function", "replaced"),
    [
        ("gevent", "gevent.monkey", "is_module_patched", "threading"),
        ("eventlet", "eventlet.patcher", "is_monkey_patched", "thread"),
    ],
)
def test_load_is_refused_where_threads_are_replaced(
    monkeypatch, library, module, function, replaced
):
    # neither library is among the requirements of the tests
    patcher = SimpleNamespace(**{function: lambda name: name == replaced})
    monkeypatch.setitem(sys.modules, module, patcher)
    with pytest.raises(ConfigError, match=f"{library} has replaced .* forever"):
        propload.ingest([{"id": 1}], table="homes", key="id")


def test_load_is_allowed_where_gevent_leaves_threads_alone(monkeypatch):
    patcher = SimpleNamespace(is_module_patched=lambda _name: False)
    monkeypatch.setitem(sys.modules, "gevent.monkey", patcher)
    with pytest.raises(ConfigError, match="cannot be read"):
        propload.ingest(None, table="homes", key="id")
