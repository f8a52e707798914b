"""Letters of other alphabets that look like Latin ones, as keyboards and copied texts bring them.

`steps.tіtles` with a Cyrillic `і` names another step than `steps.titles`, and nobody sees it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from almaflow.late_patterns import late_pattern

# Source: Unicode Technical Standard 39, confusables.txt, for the letters of common keyboards.
_CYRILLIC = ("кмтасԁеһіјӏорԛѕԝхуАВЕНІЈКМОРЅТХУ", "kmtacdehijlopqswxyABEHIJKMOPSTXY")
_GREEK = ("αγικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ayikvoptuxABEZHIKMNOPTYX")
_OTHERS = ("օսոհıɡ–—‐‑−", "ounhig-----")
_LATIN: dict[str, str] = {}
for _odd, _plain in (_CYRILLIC, _GREEK, _OTHERS):
    _LATIN.update(zip(_odd, _plain, strict=True))

_MIXED = late_pattern(r"\w+")
_ASCII_LETTER = late_pattern(r"[A-Za-z]")


def latin(text: str) -> str:
    """Return *text* with each letter that looks like a Latin one replaced by that one."""
    return "".join(map(_latin, text))


def _latin(character: str) -> str:
    if character.isascii():
        return character
    plain = _LATIN.get(character) or unicodedata.normalize("NFKC", character)
    return _LATIN.get(plain, plain)


def look_alike_advice(text: str, known: Iterable[str]) -> str:
    """Return which letter of *text* only looks like one of the name in *known* that is meant.

    Two sentences that follow a semicolon; empty when no other alphabet is in it.
    """
    if text.isascii():
        return ""
    plain = latin(text)
    return f"{_odd_letter(text)}. Write `{plain}`." if plain != text and plain in known else ""


def mixed_word(text: str) -> str:
    """Return what is wrong with the first word of *text* that mixes alphabets, as a sentence.

    Empty when none does.
    """
    for word in _MIXED.findall(text):
        if _ASCII_LETTER.search(word) and any(one in _LATIN for one in word):
            return f"In `{word}`, {_odd_letter(word)}. Write `{latin(word)}`."
    return ""


def _odd_letter(text: str) -> str:
    """Return where the first letter of another alphabet is in *text*, and which it is."""
    index = next(at for at, one in enumerate(text) if _latin(one) != one)
    odd = text[index]
    script = unicodedata.name(odd, "").partition(" ")[0].capitalize()
    kind = (
        f"the {script} letter" if script in ("Cyrillic", "Greek", "Armenian") else "the character"
    )
    return (
        f"character {index + 1} is {kind} U+{ord(odd):04X} (`{odd}`), which only looks like the "
        f"Latin `{_latin(odd)}`"
    )
