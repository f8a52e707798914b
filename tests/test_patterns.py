"""Regular expressions from files: what is accepted, and that no pattern takes long."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.patterns import LONGEST, PatternWrong, compiled
from tests.examples import examples


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"\d{4}-\d{2}", "2026-03", True),
        (r"\d{4}-\d{2}", "2026-031", False),
        (r"\d{4}-\d{2}", "2026-03\n", False),
        ("a|b", "ab", False),
        ("(?i)abc", "ABC", True),
        ("(?P<year>[0-9]+)", "2026", True),
        ("[äöü]+", "äü", True),
        (r"\p{Lu}\w*", "Éa", True),
        ("", "", True),
        ("a{,2}", "aa", True),
        ("a{,2}", "aaa", False),
        ("a{,}", "", True),
        ("a{,}", "aaa", True),
        ("a{,}", "a{,}", False),
        ("[a-z]{{2}}", "a{{}", True),
        ("a{", "a{", True),
        ("{x}", "{x}", True),
        ("(a+)+b", "a" * 50_000, False),
        ("(a|a)*b", "a" * 50_000, False),
        (r"(\w+\s?)+!", "a " * 25_000, False),
        (r"\d{13,17}(,\d{13,17}){0,50}", ",".join(["99123456789012"] * 50), True),
    ],
)
def test_a_pattern_matches_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert compiled(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [
        ("a(?=b)", 1),
        ("a(?!b)", 1),
        ("(?<=a)b", 0),
        ("(?<!a)b", 0),
        (r"(a)\1", 3),
        ("(?P<x>a)(?P=x)", 8),
        ("(?>a)b", 0),
        ("(a)(?(1)b)", 3),
        ("(?#x)a", 0),
        ("a++", 2),
        ("a{2}+", 4),
        (r"a\Z", 1),
        (r"\<a", 0),
        ("(?x)a b", 0),
        ("[a", 0),
        ("a)|(b", 1),
        ("*", 0),
        ("a" * (LONGEST + 1), 0),
        ("(a{100}){101}", 8),
        (r"\w{1000}", 0),
        ("(?:" * 300 + ")" * 300, 0),
        ("a{99999999999999999999}", 1),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_at_its_place(pattern: str, offset: int) -> None:
    with pytest.raises(PatternWrong) as caught:
        compiled(pattern)

    assert caught.value.offset == offset
    assert "\n" not in str(caught.value)


def test_the_larger_a_pattern_is_the_shorter_is_the_text_that_is_tried() -> None:
    small, large = compiled("(a?)+"), compiled("(?:(?:a?){100}){99}")

    assert small.longest > 400 * large.longest
    assert large.matches("a" * large.longest)
    assert not large.matches("a" * (large.longest + 1))


_PIECES = (
    r"a b . é \d \w [ab] [^a] | ( ) * + ? {2} {,3} {0,99} (?: (?i) (?= \1 ^ $ [ ] \ { } && \p{L}"
)
_pieces = st.sampled_from([*_PIECES.split(), " ", "\n"])


@given(st.lists(_pieces, max_size=14).map("".join), st.text("abé1 \n", max_size=30))
@settings(max_examples=examples(100), deadline=None)
def test_any_pattern_is_matched_or_refused_in_one_way(pattern: str, text: str) -> None:
    refused: list[PatternWrong] = []
    try:
        compiled(pattern).matches(text)
    except PatternWrong as error:
        refused.append(error)

    assert all(str(one) and 0 <= one.offset <= len(pattern) for one in refused)


@given(st.lists(st.sampled_from([*"ab.|()*?{},^$", "{1,2}", "[ab]", "(?:"]), max_size=8))
@settings(max_examples=examples(100), deadline=None)
def test_a_pattern_means_what_it_means_to_python(pieces: list[str]) -> None:
    pattern = "".join(pieces)
    try:
        made = compiled(pattern)
    except PatternWrong:
        return

    # Python has no repetition of a repetition, and an empty `^*` is a matter of taste.
    with contextlib.suppress(re.error):
        for text in ("", "a", "b", "ab", "ba", "aab", "abab", "a{", "{,", "a}", "b{1,"):
            assert made.matches(text) == (re.fullmatch(pattern, text) is not None)


@pytest.mark.slow
def test_the_worst_patterns_take_little_time() -> None:
    script = """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (8, 8))
from almaflow.patterns import compiled
for pattern, text in [
    ("(a+)+b", "a"), ("(?:(?:a?){100}){99}", "a"), ("(?:(?:(?:a?){20}){20}){20}b", "a"),
    ("(?:[ab]*a[ab]{90}){100}x", "ab"), ("(.*)(.*)(.*)(.*)(.*)x", "a"),
    ("(?:(?:.?){9}){900}x", "a"), (r"(?i)(?:\\\\pL?){200}b", "aé"), (r"(\\\\w*)*!", "a "),
]:
    made = compiled(pattern)
    made.matches((text * made.longest)[: made.longest])
print("done")
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        timeout=60,
        check=False,
    )

    assert done.stdout == "done\n", done.stderr
