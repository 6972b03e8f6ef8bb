from __future__ import annotations

import pytest

from propload.names.look_alikes import look_alikes

COMPOSED, APART = "prijs_\u00e9", "prijs_e\u0301"


@pytest.mark.parametrize(
    ("one", "other"),
    [(COMPOSED, APART), ("m 2", "m\u00a02"), ("id", "\ufeffid"), ("a\u200bb", "ab")],
)
def test_names_that_look_the_same_are_found(one, other):
    assert look_alikes([one], ["x", other]) == {one: other}
    assert look_alikes([other, "x", one]) == {one: other}


def test_names_that_differ_to_the_eye_or_not_at_all_are_none():
    known = ["id", "price", "m2", "ß", COMPOSED]
    assert look_alikes(["ID", "m²", "ss", "prijs_e", COMPOSED, "id"], known) == {}
