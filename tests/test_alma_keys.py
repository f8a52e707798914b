from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.alma_keys import SHORTEST_KEY, cover_keys, find_keys, hide_keys

DIGITS = "0123456789abcdef0123456789abcdef01"


@pytest.mark.parametrize(
    "key",
    [
        f"l8xx{DIGITS}",
        f"l7xx{DIGITS}",
        f"L8XX{DIGITS.upper()}",
        f"l8xX{DIGITS[:30]}",
        f"l8xx-{DIGITS[:10]}-{DIGITS[10:20]}-{DIGITS[20:]}",
        f"l8xx {' '.join(DIGITS[:30])}",
        f"l8xx{DIGITS[:9]}\n{' ' * 40}{DIGITS[9:]}",
        f"%6C%38%78%78{''.join(f'%{ord(one):02X}' for one in DIGITS)}",
        f"%256c8xx{DIGITS}",
        f"l8xx{DIGITS[:12]}\u200b{DIGITS[12:]}",
    ],
)
def test_what_looks_like_a_key_is_found_whole(key: str) -> None:
    text = f"https://alma/x?apikey={key}&format=json"

    hidden = hide_keys(text)

    assert hidden == "https://alma/x?apikey=***&format=json"
    assert [text[begin:end] for begin, end in find_keys(text)] == [key]
    assert cover_keys(text) == text.replace(key, "*" * len(key))


def test_a_key_is_found_inside_a_longer_word() -> None:
    assert hide_keys(f"apikey%3Dl8xx{DIGITS}zz/next") == "apikey%3D***/next"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "l8xx",
        "l8xx0123456789abcdef",
        f"l9xx{DIGITS}",
        f"xl8x{DIGITS}",
        DIGITS,
        "l8xx-example-key-that-is-not-made-of-hexadecimal-digits",
    ],
)
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert hide_keys(text) == text
    assert find_keys(text) == []


@given(
    st.text(max_size=50),
    st.sampled_from(["l7xx", "l8xx", "L7XX"]),
    st.text("0123456789abcdefABCDEF", min_size=30, max_size=60),
    st.text(max_size=50),
)
def test_no_key_is_left_whatever_is_around_it(
    before: str, prefix: str, digits: str, after: str
) -> None:
    hidden = hide_keys(before + prefix + digits + after)

    assert prefix + digits not in hidden


@pytest.mark.parametrize("piece", ["l8xx", "l8xx0 ", "%25", "l8xx" + "0 " * 29 + "g", "l----", "0"])
def test_looking_for_keys_in_much_text_ends(piece: str) -> None:
    """A pattern that backtracks without bound takes hours here, not a moment."""
    find_keys(piece * (1024 * 1024 // len(piece)))


def test_the_words_after_a_key_are_left() -> None:
    assert hide_keys(f"l8xx{DIGITS} and more") == "*** and more"


@pytest.mark.parametrize("separator", ["", "-", "%2D", "\u200b"])
@pytest.mark.parametrize("beginning", ["l8xx", "L7XX", "%6c8xx", "l%38xx", "%256C%2537%2558x"])
def test_the_shortest_key_is_found_and_nothing_shorter(beginning: str, separator: str) -> None:
    digits = separator.join("0123456789abcdef0123456789abcd")

    assert find_keys(beginning + separator + digits) == [
        (0, len(beginning) + len(separator) + len(digits))
    ]
    assert find_keys(beginning + separator + digits[:-1]) == []
    assert len("l8xx" + "0" * 30) == SHORTEST_KEY
