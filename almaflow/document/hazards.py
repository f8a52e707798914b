"""What a file must not or should not hold, whatever it means: API keys, invisible characters.

Both are found in the text itself, so comments count as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from almaflow.alma_keys import KEY_ADVICE, find_keys
from almaflow.document.source import Node, SourceText, Span
from almaflow.late_patterns import late_pattern
from almaflow.problems import Problem, Severity, at_most

ALMA_KEY = "alma-key"
"""The code of a problem about what looks like an Alma API key."""

# Source: Boucher and Anderson, "Trojan Source: Invisible Vulnerabilities" (2021); Unicode Standard
# Annex 9. The joiners U+200C and U+200D are left out, because some languages are written with them.
_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u00ad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
# Some editors and parsers take these for the end of a line, and YAML 1.2 does not.
_LINE_ENDS = "\u0085\u2028\u2029"
_CONTROL = late_pattern(r"[\0-\x1f\x7f-\x9f]")
_DECEPTIVE = late_pattern(f"[{_DIRECTION}{_INVISIBLE}{_LINE_ENDS}]")

KEY_MESSAGE = (
    f"This looks like an API key of Alma. Everyone who can read the file could use it. {KEY_ADVICE}"
)


def hide_keys_in(source: SourceText) -> list[Span]:
    """Hide what looks like an Alma key in every problem of *source*; return where it is."""
    spans = find_keys(source.text)
    for span in spans:
        source.hide(span)
    return spans


def holds_coded_key(source: SourceText, span: Span, text: str) -> bool:
    """Whether the scalar at *span*, which means *text*, has an Alma key that escapes hide.

    It is then hidden in every problem of *source*.
    """
    is_coded = span[1] - span[0] - len('""') != len(text)
    if not is_coded or not find_keys(text) or find_keys(source.text[span[0] : span[1]]):
        return False
    source.hide(span)
    return True


def key_problems(source: SourceText, spans: Iterable[Span]) -> Iterator[Problem]:
    """Yield an error for each of *spans*, which hold keys."""
    for span in spans:
        yield source.problem(source.location(span), ALMA_KEY, KEY_MESSAGE)


def keys_in_file(text: str, file: str) -> Sequence[Problem]:
    """Return an error for each Alma key in *text*, the contents of a file called *file*."""
    if not find_keys(text):
        return ()
    source = SourceText(text, file)
    return at_most(key_problems(source, hide_keys_in(source)))


def deceptive_characters(source: SourceText) -> Iterator[Problem]:
    """Yield a warning for each line with a character that makes it look different from what it is.

    The first such character of a line counts.
    """
    if source.text.isascii():
        return
    warned = -1
    for match in _DECEPTIVE.finditer(source.text):
        row, _ = source.mark(match.start())
        if row == warned:
            continue
        warned = row
        yield source.problem(
            source.location(match.span()),
            "deceptive-character",
            f"The character U+{ord(match.group()):04X} is invisible and "
            f"{_effect(match.group())}, so this line may not mean what it appears to mean. "
            "Delete the character, or write it as an escape in double quotes.",
            Severity.WARNING,
        )


# Where YAML takes only a space: in front of a line, and after `-` or the `:` of a key.
_ODD = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_ODD_SPACE = late_pattern(rf"^[ ]*(?:-[ ]+)*(?:-|[\w-]+:)?([{_ODD}])", re.MULTILINE)


def odd_spaces(source: SourceText) -> Iterator[Problem]:
    """Yield a warning for each space that is not one for YAML, where YAML needs one."""
    if source.text.isascii():
        return
    for match in _ODD_SPACE.finditer(source.text):
        yield source.problem(
            source.location(match.span(1)),
            "odd-space",
            f"This space is the character U+{ord(match[1]):04X}, which YAML takes for a letter. It "
            "often comes from a web page or a word processor. Replace it with an ordinary space.",
            Severity.WARNING,
            " ",
        )


_DRIVE_OR_SHARE = late_pattern(r'"(?:[A-Za-z]:|\\\\)\\?')
# Escapes of one letter, as in `\new` and `\temp`; nobody types `\x1f` for a folder by accident.
_ONE_LETTER = late_pattern(r"(?<!\\)(?:\\\\)*\\[0abefnrtv]")
WINDOWS_PATH = "yaml-windows-path"
"""The code of a problem about a path of Windows in double quotes."""


def misread_paths(source: SourceText, root: Node) -> Iterator[Problem]:
    """Yield an error for each path of Windows in double quotes of which escapes made another."""
    for node in root.walk():
        raw = source.text[node.span[0] : node.span[1]] if node.style == '"' else ""
        is_path = _DRIVE_OR_SHARE.match(raw) and _ONE_LETTER.search(raw)
        if not (is_path and _CONTROL.search(node.value or "")):
            continue
        from almaflow.document.slips import windows_path

        if why := windows_path(raw):
            yield source.problem(source.location(node.span), WINDOWS_PATH, why)


def _effect(character: str) -> str:
    if re.match(f"[{_DIRECTION}]", character):
        return "changes the direction of the text"
    if re.match(f"[{_LINE_ENDS}]", character):
        return "ends the line for some programs and not for others"
    return "separates or hides text"
