"""What to do about a payload that is not valid XML or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html.entities import html5

from almaflow.alma.pasted_payload import JOB_ID, job_of_url
from almaflow.alma_keys import hide_keys

COPY_AGAIN = 'Copy it again from "API information" on the last page of Alma\'s job wizard'

_WHOLE = (
    'Copy the whole payload from "API information" on the last page of Alma\'s job wizard, from '
    "`<job>` to `</job>`"
)
BEGINNING_MISSING = f"The beginning of the payload is missing. {_WHOLE}."
_END_MISSING = f"The end of the payload is missing. {_WHOLE}."
_TEXT_AFTER = "Text follows the end of the payload. Remove it."

_TYPOGRAPHIC = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"
_PARTS = ("parameter", "parameters", "name", "value")
_ENTITY = re.compile(r"&(?:#[0-9]+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);")


class PayloadInvalid(ValueError):
    """A payload is not one; *line* and *column* count from 1, line 1 when it has no better."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column

    def line_of(self, text: str) -> str:
        """Return the line of the payload's *text* that is wrong; empty when it has no such line."""
        lines = text.splitlines()
        return lines[self.line - 1] if 0 < self.line <= len(lines) else ""


def job_id(written: str, link: str, place: tuple[int, int] = (1, 1)) -> str | None:
    if written and not JOB_ID.fullmatch(written):
        message = f"The payload names the job `{written}`, but the id of a job is like `M44`."
        raise PayloadInvalid(message, *place)
    linked = job_of_url(link)
    if written and linked and written != linked:
        message = (
            f"The payload names the job {written}, but its link names {linked}. Correct one of "
            "the two."
        )
        raise PayloadInvalid(message, *place)
    return written or linked


def xml_fault(text: str, line: int, column: int, reason: str) -> str:
    """Return what is wrong with the XML *text* at a place (from 1), and what to do about it.

    *reason* is the parser's own text, used when the fault is none of the usual ones.
    """
    lines = text.split("\n")
    before = "\n".join([*lines[: line - 1], lines[line - 1][: column - 1]])
    after = text[len(before) :]
    end = _END_OF_JOB.search(text)
    if end and end.end() <= len(before):
        return _after_end(text[end.end() :])
    for advice in (_cut_off, _ampersand, _angle, _typographic, _control):
        if sentence := advice(before, after):
            return sentence
    return f"The payload is not valid XML: {reason}. {COPY_AGAIN}."


NOT_SHOWN = "\ufeff\u200b\u2060\u00a0"
"""Characters that are not seen, which copying from a page brings at both ends of a text."""

_OTHER = {
    "web_service_result": "an error message of Alma",
    "errorsExist": "an error message of Alma",
    "errorList": "an error message of Alma",
    "job_instance": "a run of a job",
    "job_info": "a run of a job",
    "jobs": "a list of jobs",
    "set": "a set",
    "sets": "a list of sets",
    "number_of_members": "a set",
    "html": "a web page",
}


def other_answer(names: Iterable[str]) -> str:
    """Return what a text with these *names* of elements or keys is, as sentences, or nothing."""
    what = next((_OTHER[name] for name in names if name in _OTHER), "")
    return f"This is {what}, not the payload of a job. {COPY_AGAIN}." if what else ""


_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def name_fault(name: str) -> str:
    """Return what is wrong with a parameter's *name*: characters that nobody sees, or nothing."""
    unseen = _UNSEEN.search(name)
    if unseen is None:
        return ""
    return (
        f"The name of the parameter `{_UNSEEN.sub('', name)}` contains the character "
        f"U+{ord(unseen[0]):04X}, which is not seen. Remove it, or copy the payload as plain text."
    )


def text_before(text: str) -> str:
    """Return what to do about a payload that begins with neither `<` nor a bracket of JSON."""
    if re.match(rf"\s*/?(?:{'|'.join(_PARTS)}|job)\b[^<]*>", text) or re.match(
        r'\s*"(?:parameters?|name|value)"\s*:', text
    ):
        return BEGINNING_MISSING
    start = re.search(r"<(?:\?xml|job|parameters)\b|[{\[]\s*[\"{]", text)
    if start is None:
        return _neither(text)
    lines = [one.strip() for one in text.splitlines() if one.strip()]
    for pattern, what in _AT_EACH_LINE:
        if len(lines) > 1 and all(re.match(pattern, one) for one in lines):
            return f"Each line begins with {what}. Remove that from all lines."
    beginning = _excerpt(text[: start.start()])
    end = _END_OF_JOB.search(text, start.start())
    if end and text[end.end() :].strip():
        return (
            f"Text precedes the payload: `{beginning}`, and text follows it: "
            f"`{_excerpt(text[end.end() :])}`. Keep only the part from `{start[0].strip()}` to "
            f"`{end[0]}`."
        )
    return (
        f"Text precedes the payload: `{beginning}`. Remove everything before `{start[0].strip()}`."
    )


_END_OF_JOB = re.compile(r"</(?:\w+:)?job\s*>")
# What mail programs and editors put in front of each line.
_AT_EACH_LINE = ((r">", "`>`, as in the reply to a mail"), (r"\d+[:.|)]?\s", "its number"))


def _excerpt(text: str) -> str:
    return " ".join(hide_keys(text).split())[:40]


def _after_end(rest: str) -> str:
    """Return what to do about the *rest* of a text, after the end of its payload."""
    if re.search(r"<(?:\w+:)?job\b", rest):
        return (
            "Text follows the end of the payload: another payload. Put it into a separate file; "
            "each job has its own step."
        )
    return f"Text follows the end of the payload: `{_excerpt(rest)}`. Remove it."


def _neither(text: str) -> str:
    """Return what to do about a *text* that has nothing of XML or JSON."""
    if re.match(r"\s*%3C", text, re.IGNORECASE):
        return f"The payload is percent-encoded, as in an address. {COPY_AGAIN}."
    if re.match(r"\s*[＜｛]", text):
        return (
            f"`{text.strip()[0]}` is a full-width character, which only looks like the one of XML "
            f"or JSON. {COPY_AGAIN}."
        )
    if re.match(r"\s*[A-Za-z_][\w.-]*\s*[:=]", text):
        return (
            "The payload is neither XML nor JSON. If these are names and values of parameters, "
            "write them in the workflow, below `parameters:`, in place of `payload`."
        )
    return f"The payload is neither XML nor JSON. {COPY_AGAIN}."


def json_fault(text: str, error: json.JSONDecodeError) -> str:
    """Return what is wrong with the JSON *text*, and what to do about it."""
    rest = text[error.pos :]
    if error.msg == "Extra data":
        return _TEXT_AFTER
    if rest[:1] and rest[0] in _TYPOGRAPHIC:
        return _of_quotes(rest[0])
    if not rest.strip() or error.msg.startswith("Unterminated string"):
        return (
            "The end of the payload is missing. Copy the whole payload, from the first `{` to the "
            "last `}`."
        )
    if rest[0] in "}]" or text[: error.pos].rstrip().endswith(","):
        return "The payload is not valid JSON: remove the comma after the last entry."
    comment = re.match(r"//[^\n]{0,40}|/\*.{0,40}|#[^\n]{0,40}", rest)
    if comment:
        return f"JSON has no comments. Remove `{comment[0].strip()}`."
    if text.startswith("{\\rtf"):
        return "This is a document of a word processor (RTF). Save it as plain text."
    if name := re.match(r"[A-Za-z_]\w*(?=\s*:)", rest):
        return f'JSON needs quotation marks around each name. Write `"{name[0]}"`.'
    if word := re.match(r"(?:None|True|False)\b", rest):
        json_word = {"None": "null"}.get(word[0], word[0].lower())
        return f"`{word[0]}` is a word of Python. Write `{json_word}`."
    if rest[0] == "'":
        return "The payload is not valid JSON: replace `'` by `\"`."
    return f"The payload is not valid JSON: {error.msg}. {COPY_AGAIN}."


def _cut_off(before: str, after: str) -> str:
    """Return advice about a missing beginning or end, or text after the end."""
    if re.match(rf"\s*(?:</|<(?:{'|'.join(_PARTS[:1] + _PARTS[2:])})[\s>])", before + after):
        return BEGINNING_MISSING
    root = "job" if re.search(r"<(?:\w+:)?job\b", before) else "parameters"
    is_complete = re.search(rf"(?:</(?:\w+:)?{root}\s*>|<{root}\s*/>)\s*$", before)
    if is_complete and after:
        return _TEXT_AFTER
    # An element that never ends is reported where it begins.
    last = re.search(r"<[^<>]*$", before + after)
    if not after.strip() or (after.startswith("<") and last and last.start() == len(before)):
        return _END_MISSING
    closing = re.match(r"</?\s*([\w:.-]+)", after) or re.match(r"/?([\w:.-]+)>", after)
    if closing and before.endswith(("</", "<")):
        return (
            f"The tag `</{closing[1]}>` does not close the element that was opened last. Part of "
            f"the payload is missing. {_WHOLE}."
        )
    return ""


def _ampersand(before: str, after: str) -> str:
    """Return advice about a `&` that begins no entity of XML, at the end of *before* or here."""
    start = len(before) if after.startswith("&") else before.rfind("&")
    text = before + after
    if start < 0 or _ENTITY.match(text, start) or re.search(r"[\s<>]", before[start:]):
        return ""
    entity = re.match(r"&[A-Za-z][A-Za-z0-9]*;", text[start:])
    character = html5.get(entity[0][1:], "") if entity else ""
    if entity and character:
        number = "".join(f"&#{ord(one)};" for one in character)
        return (
            f"`{entity[0]}` is an entity of HTML that XML does not have. Write `{number}`, or the "
            "character itself."
        )
    around = re.search(r"[^<>\n]{0,20}$", text[:start])
    left = around[0] if around else ""
    right = re.match(r"[^<>\n]{0,20}", text[start + 1 :])
    excerpt = f"{left}&amp;{right[0] if right else ''}".strip()
    return f"`&` is written `&amp;` in XML: `{excerpt}`."


def _angle(before: str, after: str) -> str:
    """Return advice about a `<` that begins no tag."""
    in_text = before.endswith("<") and not re.match(r"[A-Za-z_/!?]", after)
    in_attribute = after.startswith("<") and re.search(r"<[^<>]*=\s*[\"'][^<>]*$", before)
    return "`<` in a value is written `&lt;` in XML." if in_text or in_attribute else ""


def _typographic(before: str, after: str) -> str:
    """Return advice about typographic quotes, or none, around the value of an attribute."""
    if after[:1] and after[0] in _TYPOGRAPHIC:
        return _of_quotes(after[0])
    if re.search(r"<[^<>]*=\s*$", before):
        return 'The value of an attribute needs straight quotation marks (`"`) around it.'
    return ""


def _of_quotes(character: str) -> str:
    return (
        f"`{character}` is a typographic quotation mark; XML and JSON need the straight one "
        '(`"`). A word processor or mail program replaced it: copy the payload as plain text.'
    )


def _control(before: str, after: str) -> str:
    """Return advice about a character that XML cannot hold."""
    if after[:1] and (ord(after[0]) < 0x20 or after[0] in "\ufffe\uffff"):
        return f"XML cannot contain the character U+{ord(after[0]):04X}. Remove it."
    if number := re.match(r"&#x?[0-9A-Fa-f]+;", after):
        return f"XML cannot contain the character `{number[0]}`. Remove it."
    return ""
