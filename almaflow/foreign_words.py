"""Words of other tools: how the tables about them are written, and how they are compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from almaflow.durations import duration_meant


class ForeignWord(NamedTuple):
    """A word of other tools, with a *sentence* of what to write instead.

    *meant* are the keys in that sentence; empty: none. *words* are all that have the sentence,
    divided by spaces, if several of them next to each other are one mistake; else empty. *inner* is
    the key for this word in the mapping that the sentence shows for all of them. *beside_kind*: the
    word is one only next to the kind of a step.
    """

    sentence: str
    meant: str
    words: str
    inner: str = ""
    beside_kind: bool = False


# Between `on` and `Error` of `onError`, and between `Set` and `ID` of `SetID`.
_HUMP = re.compile(r"(?<=[^\W_A-Z])(?=[A-Z])")

Advice = Mapping[str, ForeignWord]
"""What is known of words, which are in lower case and with `_` for every other character."""


def advise(sentence: str, words: str, *, meant: str = "", beside_kind: bool = False) -> Advice:
    """Return the same *sentence* for each of *words*, which spaces divide."""
    word = ForeignWord(sentence, meant, words, beside_kind=beside_kind)
    return dict.fromkeys(words.split(), word)


def use_key(key: str, begin: str, words: str) -> Advice:
    """Return for each of *words* the sentence `{begin} `{key}: {value}`.`."""
    sentence = f"{begin} `{key}: {{value}}`."
    return dict.fromkeys(words.split(), ForeignWord(sentence, key, ""))


def join(sentence: str, inside: str = "", **words: str) -> Advice:
    """Return for the *words* of each of our keys the same sentence, once for all of them.

    `{whole}` in it is a mapping with our keys; it is what the key *inside* has, if that is given.
    Words of `drop` have no meaning here.
    """
    every = " ".join(words.values())
    return {
        word: ForeignWord(sentence, inside or key, every, "" if key == "drop" else key)
        for key, names in words.items()
        for word in names.split()
    }


def table(*tables: Advice) -> Advice:
    """Return what all of *tables* have."""
    return {key: word for one in tables for key, word in one.items()}


def advice_of(model: type) -> Advice:
    """Return the table that the `foreign` of *model* names; without one, it is empty."""
    module, _, name = getattr(model, "foreign", "").partition(":")
    return getattr(import_module(module), name) if module else {}


def normal(key: str) -> str:
    """Return *key* as the tables have it: `continue-on-error` and `continueOnError` are one."""
    spread = _HUMP.sub(" ", key)
    words = "".join(one if one.isalnum() else " " for one in spread).split()
    return "_".join(words).lower()


VALUES: Mapping[str, str] = {
    **dict.fromkeys(("text", "str", "varchar", "char"), "string"),
    **dict.fromkeys(("float", "double", "decimal", "numeric"), "number"),
    **dict.fromkeys(("int", "whole", "long"), "integer"),
    **dict.fromkeys(("bool", "flag", "yesno", "yes/no", "checkbox"), "boolean"),
    **dict.fromkeys(("datetime", "day", "timestamp"), "date"),
    **dict.fromkeys(("array", "multiple", "sequence"), "list"),
    **dict.fromkeys(("choice", "enum", "select", "option"), "string"),
    **dict.fromkeys(("failure", "error", "fail", "timeout", "timed_out", "unknown"), "failed"),
    **dict.fromkeys(("success", "ok", "done", "complete", "completed"), "succeeded"),
    **dict.fromkeys(("prod", "live"), "production"),
    **dict.fromkeys(("test", "testing", "sb", "premium sandbox"), "sandbox"),
    **dict.fromkeys(("queue", "wait"), "queue_one"),
    **dict.fromkeys(("catchup", "catch_up", "coalesce"), "latest"),
    **dict.fromkeys(("parallel", "concurrent"), "allow"),
    **dict.fromkeys(("europe", "emea", "de", "at", "ch", "uk", "fr", "germany"), "eu"),
    **dict.fromkeys(("us", "usa", "north america", "america"), "na"),
    **dict.fromkeys(("apac", "asia", "singapore"), "ap"),
    **dict.fromkeys(("australia", "au", "nz"), "aps"),
    **dict.fromkeys(("canada",), "ca"),
    **dict.fromkeys(("china", "zh"), "cn"),
    **dict.fromkeys(("ignore", "proceed", "go_on"), "continue"),
    **dict.fromkeys(("abort", "exit", "halt"), "stop"),
    **dict.fromkeys(("overwrite", "recreate", "delete"), "replace"),
    **dict.fromkeys(("use", "keep", "adopt"), "reuse"),
}
"""What other languages call a word of ours that is a value."""

_YES = ("yes", "y", "on", "true", "1", "t", "ja", "j", "oui", "si", "wahr", "vrai")
_NO = ("no", "n", "off", "false", "0", "f", "nein", "non", "falsch", "faux")


def boolean_meant(text: str) -> str:
    """Return `true` or `false`, which *text* means in some language or tool; empty: neither."""
    word = text.strip().casefold()
    return "true" if word in _YES else "false" if word in _NO else ""


def value_meant(kind: type, value: Any) -> str:
    """Return what to write instead of *value*, which is no *kind*, as the end of a sentence."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    if kind is bool and text in ("true", "false"):
        return f". Write `{text}` without quotes"
    if kind is bool and (meant := boolean_meant(text)):
        return f", not `{text}`. Write `{meant}`"
    if kind is bool and duration_meant(text):
        return f", not `{text}`. How long a step may take is its `timeout: {text}`"
    number = r"-?\d+(?:\.\d+)?" if kind is float else r"-?\d+"
    if kind is not bool and isinstance(value, str) and re.fullmatch(number, text):
        return f". Write `{text}` without quotes"
    return " (without quotes)" if isinstance(value, str) else ""
