"""Patterns that are compiled when they are used: afterwards nothing shows it."""

from __future__ import annotations

import re
import threading

import pytest

from almaflow import late_patterns
from almaflow.late_patterns import late_pattern, patterns_of_a_library_late


def test_a_late_pattern_is_compiled_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    real = late_patterns._compile

    def compile_(text: str, flags: int = 0) -> re.Pattern[str]:
        compiled.append(text)
        return real(text, flags)

    monkeypatch.setattr(late_patterns, "_compile", compile_)
    pattern = late_pattern(r"(?P<word>a+)b", re.IGNORECASE)
    assert compiled == []

    match = pattern.fullmatch("AAB")

    assert match is not None
    assert match["word"] == "AA"
    assert pattern.sub("-", "xabx") == "x-x"
    assert pattern.pattern == r"(?P<word>a+)b"
    assert pattern.fullmatch("b") is None


def test_a_wrong_pattern_is_an_error_when_it_is_used() -> None:
    pattern = late_pattern("(")

    with pytest.raises(re.error):
        pattern.match("x")


def test_the_patterns_of_a_library_are_late_and_others_are_not() -> None:
    compiled = re.compile
    elsewhere: list[object] = []
    other = threading.Thread(target=lambda: elsewhere.append(re.compile("b")))

    with patterns_of_a_library_late():
        used = re.compile("a+").fullmatch
        wrong = re.compile("(")
        other.start()
        other.join()

    assert re.compile is compiled
    assert used("aa")
    assert isinstance(elsewhere[0], re.Pattern)
    with pytest.raises(re.error):
        wrong.match("x")
