"""Payloads of jobs in JSON: as Alma shows them, and as converters from XML write them."""

from __future__ import annotations

import json
import re
from typing import Any

from almaflow.alma.payload_faults import (
    COPY_AGAIN,
    PayloadInvalid,
    job_id,
    json_fault,
    name_fault,
    other_answer,
)
from almaflow.alma.wire import JobParameter


def parse_json(source: str) -> tuple[list[JobParameter], str | None]:
    """Return the parameters of a payload in JSON, and the id of its job when it names one.

    Raises: PayloadInvalid.
    """
    try:
        # Numbers keep their characters: an id of 17 digits or `1.10` is text to Alma.
        data = json.loads(
            source,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
            object_pairs_hook=_Objects(source).make,
        )
    except json.JSONDecodeError as error:
        raise PayloadInvalid(json_fault(source, error), error.lineno, error.colno) from error
    except RecursionError as error:
        raise PayloadInvalid("The payload is nested too deeply.") from error
    if isinstance(data, dict) and (sentence := other_answer(data)):
        raise PayloadInvalid(sentence)
    job = None
    for key in ("job", "parameters", "parameter"):
        if isinstance(data, dict) and key in data:
            job = job or _json_job(data)
            data = data[key]
    return (
        [_json_parameter(entry, number) for number, entry in enumerate(_listed(data), start=1)],
        job or (_json_job(data) if _is_job(data) else None),
    )


def _listed(data: Any) -> list[Any]:
    """Return the parameters that *data* holds: a list, one alone, or a job without any."""
    if data in ({}, None) or _is_job(data):
        return []
    if isinstance(data, list):
        return data
    if (
        isinstance(data, dict)
        and "name" in data
        and (isinstance(data["name"], dict) or "value" in data)
    ):
        # Converters from XML make one entry of a list of one.
        return [data]
    if isinstance(data, dict) and all(isinstance(one, str | bool | None) for one in data.values()):
        raise PayloadInvalid(
            "The payload has no list `parameter`. If these are names and values of parameters, "
            "write them in the workflow, below `parameters:`, in place of `payload`."
        )
    raise PayloadInvalid(f"The payload has no list `parameter`. {COPY_AGAIN}.")


def _is_job(data: Any) -> bool:
    """Say whether *data* is a job as Alma describes it, without parameters."""
    return isinstance(data, dict) and "value" not in data and bool({"id", "link"} & set(data))


def _json_job(data: dict[str, Any]) -> str | None:
    written = data.get("id")
    written = written.get("value") if isinstance(written, dict) else written
    link = data.get("link")
    return job_id(
        written.strip() if isinstance(written, str) else "", link if isinstance(link, str) else ""
    )


class _Objects:
    """Makes the objects of a JSON text, and refuses a key that one has twice."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ended = 0

    def make(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return the object of *pairs*; Raises: PayloadInvalid."""
        self._ended += 1
        entries: dict[str, Any] = {}
        for key, value in pairs:
            if key in entries:
                message = (
                    f"The key `{key}` is in the same object twice, so one of its values would be "
                    "lost. Remove one, or write the parameters as a list."
                )
                raise PayloadInvalid(message, *self._place_of(key))
            entries[key] = value
        return entries

    def _place_of(self, key: str) -> tuple[int, int]:
        """Return line and column of the last *key* before the end of the present object."""
        ends, start = 0, 0
        for token in re.finditer(r'"(?:[^"\\]|\\.)*"(\s*:)?|\}', self._text, re.DOTALL):
            if token[0] == "}":
                ends += 1
                if ends == self._ended:
                    break
            elif token[1] and json.loads(token[0].removesuffix(token[1])) == key:
                start = token.start()
        before = self._text[:start]
        return before.count("\n") + 1, len(before) - before.rfind("\n")


# What Alma, and converters from XML, call the text of an element.
_TEXT_KEYS = ("value", "#text", "_text", "$t", "$", "_")


def _text_of(data: Any) -> Any:
    """Return the text of an element that is an object because it has attributes, too."""
    if not isinstance(data, dict):
        return data
    return next((data[key] for key in _TEXT_KEYS if key in data), None if data else "")


def _json_parameter(entry: Any, number: int) -> JobParameter:
    if not isinstance(entry, dict):
        raise PayloadInvalid(f"Parameter {number} of the payload is not an object.")
    name = _text_of(entry.get("name"))
    if not isinstance(name, str) or not name.strip():
        raise PayloadInvalid(f"Parameter {number} of the payload has no name.")
    if fault := name_fault(name.strip()):
        raise PayloadInvalid(fault)
    value = _text_of(entry.get("value"))
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | None):
        message = f"The value of parameter {number} of the payload (`{name}`) is not text."
        raise PayloadInvalid(message)
    if re.search("[\ud800-\udfff]", f"{name}{value}"):
        message = (
            f"Parameter {number} of the payload (`{name!a}`) contains half of a character, an "
            "escape from `\\ud800` to `\\udfff` without its other half. Write the character "
            "itself."
        )
        raise PayloadInvalid(message)
    return JobParameter(name.strip(), value or "")
