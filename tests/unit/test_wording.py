import pytest

from propload.wording import counted, listed, visible, with_article


@pytest.mark.parametrize(
    ("number", "one", "text"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2_000, "row", "2,000 rows"),
        (1, "batch", "1 batch"),
        (2, "batch", "2 batches"),
        (1, "retry", "1 retry"),
        (2, "retry", "2 retries"),
        (2, "key", "2 keys"),
        (2, "rejected row", "2 rejected rows"),
    ],
)
def test_a_word_agrees_with_its_number(number, one, text):
    assert counted(number, one) == text


def test_several_may_take_words_of_their_own():
    assert counted(1, "row waits", "rows wait") == "1 row waits"
    assert counted(3, "row waits", "rows wait") == "3 rows wait"


@pytest.mark.parametrize(
    ("words", "text"),
    [("int", "an int"), ("Offer", "an Offer"), ("str", "a str"), ("list", "a list")],
)
def test_a_word_has_its_article(words, text):
    assert with_article(words) == text


@pytest.mark.parametrize(
    ("words", "text"),
    [("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"), ("", "")],
)
def test_the_first_of_many_words_are_listed(words, text):
    assert listed(words, 3) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        # one character that begins a command as well
        ("\x9b31m", r"\x9b31m"),
        ("a\x00b\r\x7f", r"a\x00b\x0d\x7f"),
        ("two\tcolumns\n", "two\tcolumns\n"),
        ("é € 🏠", "é € 🏠"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text, shown):
    assert visible(text) == shown
