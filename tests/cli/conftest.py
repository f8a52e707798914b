"""The command line as a test types it: a folder of its own, and what came out."""

from __future__ import annotations

import gc
import io
import json
import os
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from almaflow.__main__ import main
from almaflow.store.liveness import Liveness

ROOT = Path(__file__).parent.parent.parent


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that is to find almaflow, from wherever it starts."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@dataclass(frozen=True)
class Typed:
    """What a command line printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Tty(io.StringIO):
    """A terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


Almaflow = Callable[..., Typed]
Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in an empty folder, on no terminal, eighty columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "ALMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    # A short command does not collect garbage; the process of the tests is not short.
    gc.enable()


@pytest.fixture(autouse=True)
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes that a test enters into a store count as seen alive, without a beat."""
    monkeypatch.setattr(Liveness, "is_silent", lambda *_: False)


@pytest.fixture
def almaflow(capsys: pytest.CaptureFixture[str]) -> Almaflow:
    """Type a command line in this process."""

    def typed(*arguments: object) -> Typed:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Typed(code, captured.out, captured.err)

    return typed


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a file into the folder, its text unindented."""

    def written(name: str, text: str) -> Path:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    return written
