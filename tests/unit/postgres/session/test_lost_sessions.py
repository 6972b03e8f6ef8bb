"""Sessions whose line broke are ended once, as far as the server lets them be."""

import pytest

from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.lost_sessions import Backend, LostSessions


class Session:
    """A session whose server answers as it is told to."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    def rows(self, _sql, params):
        self.asked.append(params)
        answer = self._answers.pop(0)
        if isinstance(answer, ServerError):
            raise answer
        return answer

    def commit(self):
        """Do nothing."""

    def rollback(self):
        """Do nothing."""


def one_lost():
    lost = LostSessions()
    lost.add(Backend(7, "1795866752.744818"))
    return lost


@pytest.mark.parametrize(
    "answer",
    [[(True,)], [], ServerError("permission denied", sqlstate="42501")],
    ids=["ended", "gone before", "not allowed"],
)
def test_a_lost_session_is_asked_for_once(answer):
    lost, session = one_lost(), Session(answer)
    lost.end(session)
    lost.end(session)
    assert session.asked == [(7, "1795866752.744818")]


def test_what_goes_on_in_spite_of_it_is_asked_for_again():
    lost, session = one_lost(), Session([(False,)], [(True,)])
    for _ in range(3):
        lost.end(session)
    assert len(session.asked) == 2


def test_a_line_that_breaks_meanwhile_leaves_it_to_the_next_session():
    lost = one_lost()
    with pytest.raises(ServerError):
        lost.end(Session(ServerError("the line broke")))
    session = Session([(True,)])
    lost.end(session)
    assert len(session.asked) == 1
