from __future__ import annotations

import pytest

from propload.names.look_alikes import look_alikes

COMPOSED, DECOMPOSED = "prijs_\u00e9", "prijs_e\u0301"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (COMPOSED, DECOMPOSED),
        ("m 2", "m\u00a02"),
        ("id", "\ufeffid"),
        ("a\u200bb", "ab"),
    ],
)
def test_names_that_look_the_same_are_found(one, other):
    assert look_alikes([one], ["x", other]) == {one: other}
    assert look_alikes([other, "x", one]) == {one: other}


def test_equal_and_visibly_different_names_are_no_look_alikes():
    known = ["id", "price", "m2", "ß", COMPOSED]
    assert look_alikes(["ID", "m²", "ss", "prijs_e", COMPOSED, "id"], known) == {}
