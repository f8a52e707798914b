"""Checks arguments before any command reads them."""

from __future__ import annotations

from collections.abc import Sequence

from almaflow.alma_keys import KEY_ADVICE, find_keys, hide_keys
from almaflow.errors import RequestWrong

# Characters of one argument; Linux itself hands over at most 128 KiB.
_LONGEST = 128 * 1024


def check_arguments(arguments: Sequence[str]) -> None:
    """Refuse arguments that no file, store or Alma can accept.

    Raises:
        RequestWrong: an argument is not UTF-8 (Python then holds lone surrogates), has a NUL
            character, looks like an API key of Alma, or is too long.
    """
    for number, text in enumerate(arguments, 1):
        if len(text) <= _LONGEST and find_keys(text):
            raise RequestWrong(_with_key(number, text))
        reason = _fault(text)
        if reason:
            raise RequestWrong(f"Argument {number} (`{_ascii(text)}`) {reason}")


def _fault(text: str) -> str:
    if len(text) > _LONGEST:
        return f"is longer than {_LONGEST} characters; put long values into a file."
    if "\0" in text:
        return "contains a NUL character; remove it."
    if any("\ud800" <= character <= "\udfff" for character in text):
        return (
            "is not valid UTF-8 text. Set the terminal's encoding to UTF-8, and rename files whose "
            "names are in another encoding."
        )
    return ""


def _with_key(number: int, text: str) -> str:
    return (
        f"Argument {number} (`{_ascii(hide_keys(text))}`) contains what looks like an Alma API "
        "key. Other users can see it in the list of processes and in the shell's history. "
        f"{KEY_ADVICE}"
    )


def _ascii(text: str) -> str:
    """Return the beginning of *text* in characters that every terminal shows."""
    # Python turns a byte that is not UTF-8 into one of these surrogates.
    bytes_shown = {code: f"\\x{code - 0xDC00:02x}" for code in range(0xDC80, 0xDD00)}
    return text[:60].translate(bytes_shown).encode("ascii", "backslashreplace").decode("ascii")
