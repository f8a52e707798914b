"""The person at the terminal: the name, and questions."""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import anyio
import typer

from almaflow.cli.render.terminal import emit, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.engine.approvals import ApprovalPrompt, NoPrompt, TerminalReply
from almaflow.errors import RequestWrong
from almaflow.operations.typed_text import as_recorded
from almaflow.runs.events import Listener

T = TypeVar("T")


# Characters of a user's name; systems allow 32 to 256.
_LONGEST_NAME = 256


def who() -> str:
    """Return the name of the person at the terminal, for records."""
    import getpass

    try:
        # The environment may say anything.
        return as_recorded(getpass.getuser())[:_LONGEST_NAME]
    except (KeyError, OSError, ImportError):
        # The user is unknown, or the system has no users.
        return "a person"


def can_be_asked() -> bool:
    """Whether a person at a terminal can see and answer a question."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def answered(question: str, default: str | None, read: Callable[[str], T]) -> T:
    """Ask until *read* accepts the answer, and return what it made of it; Enter means *default*.

    Raises:
        typer.Abort: Ctrl-C, or the end of the input.
    """
    while True:
        typed = typer.prompt(question, default=default)
        try:
            return read(str(typed))
        except RequestWrong as error:
            say(str(error), err=True)


def confirmed(question: str) -> bool:
    """Ask a question; `y` means yes, everything else no.

    Raises:
        typer.Abort: Ctrl-C.
    """
    emit()
    return typer.confirm(on_one_line(question), default=False)


def prompt_at(view: Listener, *, as_json: bool) -> ApprovalPrompt:
    """Return an asker for the person at the terminal, or one that asks no person."""
    if as_json or not can_be_asked():
        return NoPrompt()
    return TerminalPrompt(view)


class TerminalPrompt:
    """Puts the questions of `approve` steps to the person at the terminal, one at a time.

    The event loop keeps running, so that a reply from elsewhere, a timeout or Ctrl-C can withdraw
    the question.
    """

    def __init__(self, view: Listener) -> None:
        self._view = view
        self._turn: anyio.Lock | None = None
        self._lines: deque[str] = deque()

    async def ask(self, run_id: str, path: str, question: str) -> TerminalReply | None:
        """Ask, and return the reply; None when there is none."""
        if self._turn is None:
            # A lock belongs to the event loop in which it is created.
            self._turn = anyio.Lock()
        async with self._turn:
            with self._paused():
                return await self._ask(run_id, path, on_one_line(question))

    def _paused(self) -> AbstractContextManager[None]:
        # Only the live view has to pause for other output.
        paused: Callable[[], AbstractContextManager[None]]
        paused = getattr(self._view, "paused", nullcontext)
        return paused()

    async def _ask(self, run_id: str, path: str, question: str) -> TerminalReply | None:
        say(f"\n{path} asks: {question}")
        forget_what_was_typed()
        self._lines.clear()
        while True:
            sys.stdout.write("Approve? [y/n, optionally followed by a comment] ")
            sys.stdout.flush()
            try:
                line = await self._line()
            except NotImplementedError:
                # The event loop of Windows cannot watch terminals.
                line = None
            except asyncio.CancelledError:
                emit("")
                raise
            if line is None:
                say(f"\nThe run keeps waiting. To answer later: `almaflow approve {run_id} {path}`")
                return None
            value = read_answer(line)
            if value is not None:
                return TerminalReply(who(), value)
            emit("Answer with y or n.")

    async def _line(self) -> str | None:
        """Return the next line that is typed; None at the end of the input."""
        typed = ""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while not self._lines:
            await _readable(sys.stdin.fileno())
            try:
                piece = os.read(sys.stdin.fileno(), 4096)
            except OSError:
                # The terminal was closed.
                return None
            if not piece:
                return None
            typed += decoder.decode(piece)
            *lines, typed = typed.split("\n")
            self._lines.extend(lines)
        return self._lines.popleft()


async def _readable(descriptor: int) -> None:
    """Return once there is something to read; Raises: NotImplementedError."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def forget_what_was_typed() -> None:
    """Discard text that was typed before the question was asked."""
    try:
        import termios
    except ImportError:
        # Windows.
        return
    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def read_answer(line: str) -> dict[str, Any] | None:
    """Parse a typed line into `{approved, comment}`; None when it is neither yes nor no."""
    word, _, comment = line.strip().partition(" ")
    approved = {"y": True, "yes": True, "n": False, "no": False}.get(word.rstrip(",.").casefold())
    return None if approved is None else {"approved": approved, "comment": as_recorded(comment)}
