"""How many times a run writes its journal: each time waits for the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from almaflow.engine.journal import RunJournal
from almaflow.store.locks import Lock
from tests.harness import Stage


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by one word with each durable write of a journal."""
    made: list[str] = []
    write = RunJournal._write

    async def counted(journal: RunJournal, function: Any, *locks: Lock) -> Any:
        made.append("write")
        return await write(journal, function, *locks)

    monkeypatch.setattr(RunJournal, "_write", counted)
    return made


def reads(number: int) -> str:
    return "".join("  - get: /conf/libraries\n    on_failure: continue\n" for _ in range(number))


@pytest.mark.parametrize("steps", [1, 4])
def test_a_run_writes_when_it_begins_when_it_ends_and_once_for_each_read(
    tmp_path: Path, writes: list[str], steps: int
) -> None:
    stage = Stage(tmp_path)

    played = stage.run(f"steps:\n{reads(steps)}")

    assert len(writes) == steps + 2
    assert played.journal[-1].effect == "body"


def test_the_end_of_the_steps_is_written_before_what_follows_it(
    tmp_path: Path, writes: list[str]
) -> None:
    Stage(tmp_path).run(f"steps:\n{reads(1)}finally:\n{reads(1)}")

    # The run begins, a step ends, all steps end, `finally` begins, its step ends, the run ends.
    assert len(writes) == 6
