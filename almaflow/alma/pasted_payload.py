"""Separates a payload from what people copy with it: the URL of Alma's panel, or a curl command.

The panel "API information" shows `POST https://…/conf/jobs/M44?op=run` above the payload.
"""

from __future__ import annotations

import re
import shlex
from urllib.parse import parse_qs

from almaflow.late_dataclasses import dataclass

JOB_ID = re.compile(r"[SMO][0-9]+")
"""The id of a job in Alma, such as `M44`."""

_URL = re.compile(r"""(?:https?://|/almaws/)[^\s<"'`]+""")
_JOB_PATH = re.compile(rf"/conf/jobs/({JOB_ID.pattern})(?![0-9A-Za-z/])")
_START = re.compile(r"<(?:\?xml|(?:\w+:)?job|parameters)\b|\{\s*\"|\[\s*\{")
_END = re.compile(r"</(?:\w+:)?job\s*>")
_CURL = re.compile(r"\s*(?:\$\s*)?curl(?:\.exe)?\s")
_DATA_OPTION = re.compile(r"-d|--data(?:-raw|-binary|-ascii)?|--json")


@dataclass(frozen=True)
class PastedPayload:
    """A payload without its surroundings; *job* and *operation* come from the URL.

    *text* has as many lines and columns before the payload as the original, so places stay right.
    """

    text: str
    job: str | None = None
    operation: str | None = None


class PastedInvalid(ValueError):
    """A curl command has no payload that can be read."""


def take_apart(text: str) -> PastedPayload:
    """Return the payload in *text*, and what its URL says; Raises: PastedInvalid."""
    if _CURL.match(text):
        return _of_curl(text)
    text = _without_marks(text)
    spaced = _URL.sub(lambda match: " " * len(match[0]), text)
    # Labels of the panel, in any language, may have brackets too.
    start = _START.search(spaced) or re.search(r"[<{\[]", spaced)
    if start is None:
        return PastedPayload(text)
    end = _end_of(spaced, is_xml=start[0].startswith("<"))
    around = text[: start.start()] + "\n" + text[end:]
    url = _job_url(around)
    if url is None:
        return PastedPayload(text)
    return PastedPayload(_spaces(text[: start.start()]) + text[start.start() : end], *url)


_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*\w*[ \t]*$", re.MULTILINE)
# Old browsers show a `-` in front of each element that can be folded.
_FOLDED = re.compile(r"^([ \t]*)-(?=\s*<)", re.MULTILINE)


def _without_marks(text: str) -> str:
    """Return *text* with spaces in place of what a page adds to code: fences, signs to fold."""
    text = _FENCE.sub(lambda match: " " * len(match[0]), text)
    is_folded = re.match(r"\s*-\s*<", text)
    return _FOLDED.sub(r"\1 ", text) if is_folded else text


def _end_of(text: str, *, is_xml: bool) -> int:
    """Return where the payload in *text* ends; buttons below it may have brackets, too."""
    closed = [match.end() for match in _END.finditer(text)] if is_xml else []
    return closed[-1] if closed else max(map(text.rfind, ">" if is_xml else "}]")) + 1


def job_of_url(url: str) -> str | None:
    """Return the id of the job that *url* addresses."""
    match = _JOB_PATH.search(url)
    return match[1] if match else None


def _job_url(text: str) -> tuple[str | None, str | None] | None:
    """Return job and operation of the first URL in *text* that is one of the jobs API."""
    for url in _URL.findall(text):
        if "/conf/jobs/" in url:
            # `urlsplit` fails on a stray bracket, which text from a clipboard may have.
            operations = parse_qs(url.partition("?")[2].partition("#")[0]).get("op", [None])
            return job_of_url(url), operations[0]
    return None


def _of_curl(command: str) -> PastedPayload:
    # The command prompt of Windows continues lines with `^`, PowerShell with a backtick.
    joined = re.sub(r"[ \t][\\^`]\r?\n", " \\\n", command)
    try:
        words = shlex.split(joined)
    except ValueError as error:
        raise PastedInvalid(
            "The end of the curl command is missing: a quotation mark is not closed. Copy the "
            "whole command, or only its payload."
        ) from error
    payloads = list(_data(words))
    if not payloads:
        raise PastedInvalid(
            "The curl command contains no payload (`-d` or `--data`). Copy the payload itself, "
            "from `<job>` to `</job>`."
        )
    for option, value in payloads:
        if value.startswith("@") and option != "--data-raw":
            raise PastedInvalid(
                f"The curl command reads its payload from the file `{value[1:]}`. Use that file "
                "instead of the command."
            )
    if len(payloads) > 1 and any(option != "--json" for option, _ in payloads):
        raise PastedInvalid(
            f"The curl command has {len(payloads)} payloads (`-d` or `--data`), which curl joins "
            "with `&`, so Alma would not accept them. Keep the one that is the job's payload."
        )
    # Those of `--json` are joined as they are.
    payload = "".join(value for _, value in payloads)
    before, separator, _ = command.partition(payloads[0][1])
    url = _job_url(" ".join(words)) or (None, None)
    return PastedPayload((_spaces(before) if separator else "") + payload, *url)


def _data(words: list[str]) -> list[tuple[str, str]]:
    """Return curl's options for data with their values, in order."""
    values = []
    for index, word in enumerate(words):
        option, is_joined, value = word.partition("=")
        if is_joined and option.startswith("--") and _DATA_OPTION.fullmatch(option):
            values.append((option, value))
        elif _DATA_OPTION.fullmatch(word) and index + 1 < len(words):
            values.append((word, words[index + 1]))
        elif re.match(r"-d[<{\[@]", word):
            values.append(("-d", word[2:]))
    return values


def _spaces(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
