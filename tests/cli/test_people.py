"""Questions at the terminal: answered, misheard, withdrawn, left open."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import anyio
import anyio.lowlevel
import pytest

from almaflow.cli import prompts
from almaflow.cli.prompts import TerminalPrompt, confirmed, prompt_at, read_answer
from almaflow.engine.approvals import NoPrompt, TerminalReply
from almaflow.runs.events import NullListener, RunEvent

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")

ASK = "Approve? [y/n, optionally followed by a comment] "


class Terminal:
    """The other side of the terminal that a question is asked at."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal on stdin."""
    import pty

    ours, theirs = pty.openpty()
    stream: IO[str] = os.fdopen(theirs, "r")
    monkeypatch.setattr(sys, "stdin", stream)
    yield Terminal(ours)
    stream.close()
    os.close(ours)


class Picture:
    """A view that notes when it is paused."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def receive(self, event: RunEvent) -> None:
        """Nothing happens."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.seen.append("paused")
        try:
            yield
        finally:
            self.seen.append("goes on")


async def asked_and(terminal: Terminal, text: str, person: TerminalPrompt) -> TerminalReply | None:
    """Ask, and type *text* once the question is there."""
    said: list[TerminalReply | None] = []
    async with anyio.create_task_group() as tasks:

        async def ask() -> None:
            said.append(await person.ask("r", "sign", "Delete\n 3 items?"))

        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        terminal.type(text)
    return said[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("y", (True, "")),
        ("Yes, as  agreed ", (True, "as  agreed")),
        ("n", (False, "")),
        ("no. too many", (False, "too many")),
        ("", None),
        ("yess", None),
        ("maybe", None),
    ],
)
def test_a_line_says_yes_or_no_with_a_comment(line: str, said: tuple[bool, str] | None) -> None:
    value = None if said is None else {"approved": said[0], "comment": said[1]}

    assert read_answer(line) == value


def test_a_person_answers_at_the_terminal(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = Picture()

    said = anyio.run(asked_and, terminal, "y fine\n", TerminalPrompt(picture))

    assert said == TerminalReply(getpass.getuser(), {"approved": True, "comment": "fine"})
    assert capsys.readouterr().out == f"\nsign asks: Delete 3 items?\n{ASK}"
    assert picture.seen == ["paused", "goes on"]


def test_what_is_neither_yes_nor_no_is_asked_again(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    said = anyio.run(asked_and, terminal, "what?\nn\n", TerminalPrompt(NullListener()))

    assert said is not None
    assert said.value["approved"] is False
    assert capsys.readouterr().out.endswith(f"{ASK}Answer with y or n.\n{ASK}")


def test_what_was_typed_before_the_question_is_no_answer(terminal: Terminal) -> None:
    terminal.type("y\n")

    said = anyio.run(asked_and, terminal, "n\n", TerminalPrompt(NullListener()))

    assert said is not None
    assert said.value["approved"] is False


def test_the_end_of_the_input_leaves_the_question_open(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    said = anyio.run(asked_and, terminal, "\x04", TerminalPrompt(NullListener()))

    assert said is None
    assert capsys.readouterr().out.endswith(
        "\nThe run keeps waiting. To answer later: `almaflow approve r sign`\n"
    )


def test_a_loop_that_watches_no_terminal_leaves_the_question_open(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(descriptor: int) -> None:
        raise NotImplementedError

    monkeypatch.setattr(prompts, "_readable", refuse)

    assert anyio.run(TerminalPrompt(NullListener()).ask, "r", "sign", "Delete?") is None


def test_a_question_that_is_answered_elsewhere_is_withdrawn(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = Picture()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(TerminalPrompt(picture).ask, "r", "sign", "Delete?")
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()

    anyio.run(main)

    assert capsys.readouterr().out == f"\nsign asks: Delete?\n{ASK}\n"
    assert picture.seen == ["paused", "goes on"]


def test_questions_are_asked_one_after_the_other(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    person = TerminalPrompt(NullListener())
    said: dict[str, bool] = {}

    async def ask(path: str) -> None:
        answer = await person.ask("r", path, f"{path}?")
        assert answer is not None
        said[path] = answer.value["approved"]

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for path in ("a", "b"):
                tasks.start_soon(ask, path)
                await anyio.wait_all_tasks_blocked()
            for line in ("y\n", "n\n"):
                terminal.type(line)
                with anyio.move_on_after(5):
                    while len(said) < (1 if line == "y\n" else 2):
                        await anyio.lowlevel.checkpoint()
                await anyio.wait_all_tasks_blocked()

    anyio.run(main)

    assert said == {"a": True, "b": False}
    out = capsys.readouterr().out
    assert out == f"\na asks: a?\n{ASK}\nb asks: b?\n{ASK}"


def test_only_a_person_at_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(prompt_at(NullListener(), as_json=False), NoPrompt)

    monkeypatch.setattr(prompts, "can_be_asked", lambda: True)

    assert isinstance(prompt_at(NullListener(), as_json=False), TerminalPrompt)
    assert isinstance(prompt_at(NullListener(), as_json=True), NoPrompt)


def test_a_person_can_be_asked_where_question_and_answer_are_at_a_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prompts.can_be_asked() is False, "stdout is none"
    monkeypatch.setattr(sys, "stdout", sys.stdin)
    assert prompts.can_be_asked() is True


@pytest.mark.parametrize(("typed", "says"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_only_yes_confirms(monkeypatch: pytest.MonkeyPatch, typed: str, says: bool) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    assert confirmed("Really?") is says


def test_where_nothing_can_be_forgotten_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "termios", None)

    prompts.forget_what_was_typed()
