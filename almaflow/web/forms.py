"""What a person wrote into a form, and the questions that a form asks before something is done."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import field
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from almaflow.late_dataclasses import dataclass
from almaflow.operations.typed_text import check_typed
from almaflow.web.context import person_of
from almaflow.web.rendering import render
from almaflow.web.security.people import Person

# It warns of each form that it cannot read; the answer says so already.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

# A workflow has at most 500 inputs, and a form some fields of its own.
_MOST_FIELDS = 520


class Form(dict[str, str]):
    """The texts of a form by the name of their field; the last one of a name counts."""

    def text(self, name: str) -> str:
        """Return what was written into a field, without spaces around it; empty: nothing.

        Raises:
            RequestWrong: no record can keep it.
        """
        text = self.get(name, "").strip()
        check_typed(name, text)
        return text


async def form_of(request: Request) -> Form:
    """Return the form of a request; files in it are ignored."""
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as data:
        return Form(
            # Browsers send every line break as two characters.
            (name, value.replace("\r\n", "\n"))
            for name, value in data.multi_items()
            if isinstance(value, str)
        )


def operator_of(request: Request) -> Person:
    """Return who asks, if they may change something; a form is of no use to others."""
    person = person_of(request)
    if not person.may_operate:
        raise HTTPException(HTTPStatus.FORBIDDEN, person.may_only_read)
    # Who acts has to see what is sent.
    request.state.is_action = True
    return person


Written = Annotated[Form, Depends(form_of)]
"""The parameter of a handler that receives the form."""

Operator = Annotated[Person, Depends(operator_of)]
"""The parameter of a handler that receives who asks, and refuses those who may only read."""


@dataclass(frozen=True)
class Field:
    """One field of a form."""

    name: str
    label: str
    kind: str = "text"
    """`text`, `lines`, `date`, `number`, `choice` or `check`."""
    value: str = ""
    help: str = ""
    error: str = ""
    is_required: bool = False
    choices: Sequence[tuple[str, str]] = ()
    """Of a choice: what is sent, and what is shown."""
    minimum: str = ""
    maximum: str = ""
    step: str = ""


@dataclass(frozen=True)
class Button:
    """A button that sends the form; with *name* it sends *value* too."""

    label: str
    name: str = ""
    value: str = ""
    is_quiet: bool = False


@dataclass(frozen=True)
class Confirmation:
    """What a person confirms before it is done."""

    title: str
    lead: str
    """What happens, in a sentence."""
    action: str
    """The address that the form is sent to."""
    back: str
    """The address of the page that the person came from."""
    buttons: Sequence[Button]
    facts: Sequence[tuple[str, str]] = ()
    listed: str = ""
    """What the lines are, as a heading."""
    lines: Sequence[str] = ()
    more: str = ""
    """A second heading, about what would be sent once more."""
    more_lines: Sequence[str] = ()
    warning: str = ""
    fields: Sequence[Field] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


def ask(request: Request, question: Confirmation, status: int = HTTPStatus.OK) -> Response:
    """Return the page that asks for the confirmation."""
    return render(request, "confirm.html", status, question=question)


def done(address: str) -> Response:
    """Return the answer to a form that was carried out: the page that shows the result."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def run_address(run_id: str) -> str:
    """Return the address of a run's page."""
    return f"/runs/{quote(run_id, safe='')}"


def workflow_address(name: str) -> str:
    """Return the address of a workflow's page."""
    return f"/workflows/{quote(name, safe='')}"
