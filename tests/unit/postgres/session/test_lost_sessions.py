"""Sessions whose connection broke are ended once, if the server allows it."""

import pytest

from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.lost_sessions import Backend, LostSessions


class Session:
    """A session whose server gives the answers of the test."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.queries = []

    def rows(self, _sql, params):
        self.queries.append(params)
        answer = self._answers.pop(0)
        if isinstance(answer, ServerError):
            raise answer
        return answer

    def commit(self):
        """Do nothing."""

    def rollback(self):
        """Do nothing."""


def one_lost_session():
    lost = LostSessions()
    lost.add(Backend(7, "1795866752.744818"))
    return lost


@pytest.mark.parametrize(
    "answer",
    [[(True,)], [], ServerError("permission denied", sqlstate="42501")],
    ids=["ended", "gone before", "not allowed"],
)
def test_lost_session_is_terminated_once(answer):
    lost, session = one_lost_session(), Session(answer)
    lost.end(session)
    lost.end(session)
    assert session.queries == [(7, "1795866752.744818")]


def test_session_that_survives_is_terminated_again():
    lost, session = one_lost_session(), Session([(False,)], [(True,)])
    for _ in range(3):
        lost.end(session)
    assert len(session.queries) == 2


def test_connection_lost_while_terminating_leaves_it_to_the_next_session():
    lost = one_lost_session()
    with pytest.raises(ServerError):
        lost.end(Session(ServerError("the line broke")))
    session = Session([(True,)])
    lost.end(session)
    assert len(session.queries) == 1
