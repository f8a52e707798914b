"""Ctrl-C, SIGTERM, SIGHUP: the first cancels cleanly, the second leaves at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from typer.core import TyperGroup

from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.signals import ending_signals, interrupt_on_signals, kept_handlers
from tests.cli.conftest import Almaflow


async def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    await anyio.sleep(60)


def test_a_result_comes_back() -> None:
    async def main() -> int:
        return 7

    assert run_interruptible(main) == 7
    assert run_interruptible(main, virtual=True) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_and_lets_clean_up(number: signal.Signals) -> None:
    cleaned = []

    async def main() -> None:
        try:
            os.kill(os.getpid(), number)
            await anyio.sleep(60)
        finally:
            cleaned.append(True)

    with pytest.raises(Interrupted):
        run_interruptible(main)

    assert cleaned == [True]


@pytest.mark.parametrize(("later", "left"), [(1, True), (0, False)])
def test_the_second_ctrl_c_leaves_at_once_unless_it_is_an_echo_of_the_first(
    later: float,
    left: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)

    async def main() -> None:
        try:
            await press()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(later)
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(5):
                    await anyio.lowlevel.checkpoint()

    with pytest.raises(Interrupted):
        run_interruptible(main, virtual=True)

    assert codes == ([EXIT_INTERRUPTED] if left else [])
    assert ("Leaving immediately; almaflow" in capsys.readouterr().err) is left


def test_where_loops_have_no_signal_handlers_the_keyboard_interrupts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_signal_handler", refuse)

    with pytest.raises(Interrupted):
        run_interruptible(press)


@pytest.fixture
def hangup() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup")
def test_a_terminal_that_closes_hangs_up_as_often_as_it_likes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)

    async def main() -> None:
        try:
            os.kill(os.getpid(), signal.SIGHUP)
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)
                os.kill(os.getpid(), signal.SIGHUP)
                for _ in range(5):
                    await anyio.lowlevel.checkpoint()

    with pytest.raises(Interrupted):
        run_interruptible(main, virtual=True)

    assert codes == []


@pytest.mark.usefixtures("hangup")
def test_where_hanging_up_is_ignored_it_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def main() -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        await anyio.sleep(1)
        return 7

    assert run_interruptible(main, virtual=True) == 7
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.usefixtures("hangup")
def test_the_handlers_of_before_are_back_when_the_loop_has_closed() -> None:
    def handler(*_: object) -> None:
        raise AssertionError

    signal.signal(signal.SIGHUP, handler)

    async def main() -> int:
        return 7

    assert run_interruptible(main) == 7
    assert signal.getsignal(signal.SIGHUP) is handler


def test_outside_a_loop_every_ending_signal_is_an_interrupt() -> None:
    with kept_handlers():
        interrupt_on_signals()

        for number in ending_signals():
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)


def test_ctrl_c_while_modules_are_imported_ends_with_130_and_without_a_traceback() -> None:
    code = (
        "import sys, types\n"
        "class Slow(types.ModuleType):\n"
        "    def __getattr__(self, name):\n"
        "        raise KeyboardInterrupt\n"
        "sys.modules['almaflow.cli.error_handler'] = Slow('slow')\n"
        "from almaflow.__main__ import run_process\n"
        "sys.argv = ['almaflow', 'runs']\n"
        "run_process()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (130, b"Interrupted.\n")


def test_ctrl_c_while_the_line_is_read_is_reported(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TyperGroup, "make_context", interrupted)

    typed = almaflow("runs")

    assert (typed.code, typed.err) == (130, "Interrupted.\n")
