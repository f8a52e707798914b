"""The path of a report in the Analytics catalog, as the API takes it, and as people copy it.

/shared/My Library/Reports/Items        what the API takes, and the report's properties show
/Shared Folders/My Library/…            what the catalog shows on the screen
%2Fshared%2FMy+Library%2F…              what scripts and the address of the report hold
https://…?Go&path=%2Fshared%2F…         that address
"""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

_EXAMPLE = "`/shared/My Library/Reports/Discarded items`"
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_IN_ADDRESS = re.compile(
    r"(?:[a-z]+://|[\w.-]*/almaws/).*?[?&;]path=([^&]*)", re.IGNORECASE | re.DOTALL
)
# What the screen shows in English, German, French, Spanish and Italian.
_SHARED = re.compile(
    r"/+(?:shared[ _]folders?|shared|freigegebene ordner|gemeinsame ordner|dossiers partagés"
    r"|carpetas compartidas|cartelle condivise)(?=/|$)",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"/+(?:my[ _]folders?|meine ordner|mes dossiers|mis carpetas)(?=/|$)", re.IGNORECASE
)
# How often a path may have been encoded.
_TIMES = 3


def literal_path_problem(text: str) -> str:
    """Return what is wrong with the path of a file, as far as it does not depend on templates."""
    fixed, braces, rest = text.partition("{{")
    if not braces:
        return path_problem(text)
    if not fixed or not (why := _what_is_wrong(fixed)):
        return ""
    return _advice(text, plain_path(fixed) + braces + rest, why)


_PERCENT_SIGN = re.compile(r"\{\{\s*(?:'%'|\"%\")\s*\}\}")


def path_problem(path: str, template: str = "") -> str:
    """Return why Analytics knows no report by *path*, with the one to write; empty: it may.

    *template* is the text in the file that it comes from; one that has `{{ '%' }}` means it.
    """
    if _PERCENT_SIGN.search(template):
        path = path.replace("%", "")
    why = _what_is_wrong(path)
    return _advice(path, plain_path(path), why) if why else ""


def plain_path(path: str) -> str:
    """Return *path* as the API takes it."""
    plain = path.strip()
    if address := _IN_ADDRESS.match(plain):
        plain = address[1]
    if plain[:1] == "%":
        plain = re.sub(r"&\w+=.*", "", plain)
    for _ in range(_TIMES):
        if not _is_encoded(plain):
            break
        # Only a path without a slash and a space had all of it encoded, spaces as `+`.
        plain = unquote(plain) if re.search(r"[/ ]", plain) else unquote_plus(plain)
    plain = re.sub(r"^(?:path|report)\s*[=:]\s*([^&]*).*", r"\1", plain, flags=re.IGNORECASE)
    plain = re.sub(r"\\+", "/", plain)
    if not plain.startswith("/"):
        plain = f"/{plain}"
    return _SHARED.sub("/shared", plain, count=1)


def _what_is_wrong(path: str) -> str:
    """Return what is wrong with *path*, as the end of a sentence about it."""
    if _IN_ADDRESS.match(path.strip()):
        return "is an address of Analytics, not the path of a report"
    if _is_encoded(path):
        return "is percent-encoded, as in an address; almaflow encodes it itself"
    if "\\" in path:
        return "has backslashes"
    if not path.strip().startswith("/"):
        return "does not begin with `/`"
    if path != path.strip():
        return "begins or ends with a space"
    if own := _OWN.match(path):
        return f"begins with `{own[0]}`, which are the folders of one person; move it to `/shared`"
    shared = _SHARED.match(path)
    if shared and shared[0] != "/shared":
        return f"begins with `{shared[0]}`, as the screen shows it; the API's name is `/shared`"
    return ""


def _is_encoded(path: str) -> bool:
    """Whether all of *path* was percent-encoded: one with a space in it has `%20` in its name."""
    return _ENCODED.search(path) is not None and " " not in path.strip()


def _advice(path: str, plain: str, why: str) -> str:
    if not path.strip():
        return f"The path of the report is empty. Write one such as {_EXAMPLE}."
    subject = f"The path of the report {why}."
    if plain.startswith(("/shared/", "/users/")):
        literal = ""
        if _is_encoded(path) and path.startswith("/"):
            sign = path.replace("%", "{{ '%' }}")
            literal = f" If its name really has `%`, write `{sign}`."
        return f"{subject} Write `{plain}`.{literal}"
    return f"{subject} Write the whole path, such as {_EXAMPLE}; the report's properties show it."
