"""Texts of which every character can be seen, and lines that no CI runs."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.visible import json_text, one_line, unbroken, visible, without_commands

ANY = st.text(st.characters(exclude_categories=()))
HOSTILE = "\x1b]0;t\x07\x9b31m\u202egnp\u2028a\u200b\r\udcfc\U000e0001"


def harmful(text: str) -> set[str]:
    """Return the characters in *text* that act on a terminal or hide; written from Unicode."""
    return {
        one
        for one in text
        if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    }


def test_what_cannot_be_seen_is_shown_as_an_escape() -> None:
    assert visible(HOSTILE) == (r"\x1b]0;t\x07\x9b31m\u202egnp\u2028a\u200b\r\udcfc\U000e0001")


@pytest.mark.parametrize("text", ["plain", "é 書架 e\u0301", "a\xa0b\u3000c", "✔\ufe0f", "a\tb\nc"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(ANY)
def test_only_tabs_and_line_feeds_are_left_to_move_anything(text: str) -> None:
    assert harmful(visible(text)) <= {"\n", "\t"}
    assert harmful(unbroken(text)) <= {"\t"}
    assert harmful(one_line(text)) == set()


@pytest.mark.parametrize("hidden", "\u034f\u115f\u3164\uffa0\u180e\u2800\U000e0100\u2060\ufeff\xad")
def test_letters_that_nobody_sees_are_shown(hidden: str) -> None:
    assert hidden not in visible(f"a{hidden}b")


def test_one_line_is_one_line() -> None:
    assert one_line(" a\n  b\r\n\tc ") == "a b c"
    assert unbroken("a\nb\r\nc") == r"a\nb\nc"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("  \t::set-output name=a::b", "  \t" + r"\x3a:set-output name=a::b"),
        ("a ::b", "a ::b"),
        ("a::b", "a::b"),
        ("x ##[set-env name=a]b", r"x \x23#[set-env name=a]b"),
        ("x ##vso[task.x]b", r"x \x23#vso[task.x]b"),
        ("###[a", r"#\x23#[a"),
        ("##teamcity[x]", r"\x23#teamcity[x]"),
        ("## heading", "## heading"),
    ],
)
def test_no_line_is_a_command_to_a_ci(line: str, shown: str) -> None:
    assert without_commands(line) == shown


@given(st.recursive(ANY, lambda inside: st.lists(inside) | st.dictionaries(ANY, inside)))
def test_json_shows_every_character_and_says_the_same(data: object) -> None:
    text = json_text(data, indent=2)

    assert harmful(text) <= {"\n"}
    assert json.dumps(json.loads(text)) == json.dumps(data)


def test_json_holds_no_command() -> None:
    text = json_text({"##[a": "::b\n::c ##vso[d"}, indent=2)

    assert "##" not in text
    assert not any(line.strip().startswith("::") for line in text.splitlines())
    assert json.loads(text) == {"##[a": "::b\n::c ##vso[d"}
