"""Logging in and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from almaflow.web.context import Context
from almaflow.web.rendering import render
from almaflow.web.security.border import LOGIN, LOGOUT, Gate, inside, too_many
from almaflow.web.security.passwords import LONGEST, is_right
from almaflow.web.security.sessions import LASTS

router = APIRouter()


@router.get(LOGIN)
def login_form(request: Request, next: str = "/") -> Response:
    """Show the form, unless there is nothing to log in to."""
    if not _gate(request).access.users or request.state.person is not None:
        return RedirectResponse(inside(next), HTTPStatus.SEE_OTHER)
    return render(request, "login.html", target=inside(next), wrong=False, name="")


@router.post(LOGIN)
def log_in(
    request: Request,
    context: Context,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=LONGEST)],
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Begin a session, or show the form again."""
    gate = _gate(request)
    peer, name = gate.peer(request), name.strip()
    seconds = gate.attempts.begin(peer, name)
    if seconds:
        return too_many(request, seconds)
    user = gate.access.users.get(name)
    if not is_right(None if user is None else user.hash_, password) or user is None:
        context.log(f"A login as `{name}` from {peer} failed.", level="warning")
        values = {"target": inside(next), "wrong": True, "name": name}
        return render(request, "login.html", HTTPStatus.UNAUTHORIZED, **values)
    gate.attempts.succeeded(peer, name)
    context.log(f"{name} logged in from {peer}.")
    response = RedirectResponse(inside(next), HTTPStatus.SEE_OTHER)
    response.set_cookie(
        gate.sessions.cookie,
        gate.sessions.begin(user, context.now),
        max_age=int(LASTS.total_seconds()),
        path="/",
        secure=gate.sessions.secure,
        httponly=True,
        samesite="strict",
    )
    return response


@router.post(LOGOUT)
def log_out(request: Request) -> Response:
    """End the session in this browser."""
    sessions = _gate(request).sessions
    response = RedirectResponse(LOGIN, HTTPStatus.SEE_OTHER)
    response.delete_cookie(
        sessions.cookie, path="/", secure=sessions.secure, httponly=True, samesite="strict"
    )
    return response


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate
