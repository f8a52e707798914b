"""`prune` and `backup`: the store kept small and kept safe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from almaflow.clock import SystemClock
from almaflow.outcome import Outcome
from almaflow.store import Store
from tests.cli.conftest import Almaflow, Write
from tests.cli.ledger import BEGAN, NOW, Served, change, served


@pytest.fixture
def it(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Four ticks, 30 October to 2 November, each of which became a run and ended well."""
    now = [NOW]
    monkeypatch.setattr(SystemClock, "now", lambda self: now[0])
    with served(write) as it:
        for tick in it.materialize(it.take()):
            now[0] = tick.at
            run = it.begin(tick)
            it.store.finish_run(it.store.claim_run(run.id, it.process_id), Outcome.SUCCEEDED)
        now[0] = NOW
        yield it


def test_what_would_be_pruned_is_said_and_stays(almaflow: Almaflow, it: Served) -> None:
    typed = almaflow("prune", "--older-than", "2d", "--dry-run")
    data = almaflow("prune", "--older-than", "2d", "--dry-run", "--json").json

    assert (typed.code, typed.err) == (0, "")
    assert typed.out == "Would be taken out: 2 runs, 2 ticks.\n"
    assert (data["dry_run"], data["runs"], data["ticks"], data["notices"]) == (True, 2, 2, 0)
    assert len(it.store.ticks()) == len(it.store.runs()) == 4


def test_what_is_old_is_taken_out_and_the_ledger_stays_whole(
    almaflow: Almaflow, it: Served
) -> None:
    typed = almaflow("prune", "--older-than", "2d")
    again = almaflow("prune", "--older-than", "2d")
    verified = almaflow("ticks", "--verify")

    assert typed.out == "Taken out: 2 runs, 2 ticks.\n"
    assert again.out == "Taken out: nothing.\n"
    assert [one.at.day for one in it.store.ticks()] == [2, 1]
    assert (verified.code, verified.out) == (
        0,
        "Compared 2 ticks of 1 entry: each has its row, and each row has its tick.\nTicks "
        "before 2026-10-31 13:00:00+01:00 are omitted, because `almaflow prune` deleted them.\n",
    )


def test_a_row_that_is_lost_is_found_after_a_prune_too(
    almaflow: Almaflow, it: Served, folder: Path
) -> None:
    almaflow("prune", "--older-than", "2d")
    change(folder, f"delete from ticks where id = {it.store.ticks()[-1].id}")

    assert almaflow("ticks", "--verify").code == 1


def test_the_newest_run_stays_however_old_it_is(
    almaflow: Almaflow, it: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW + timedelta(days=1000))

    almaflow("prune", "--older-than", "400d")

    assert [run.scheduled_at for run in it.store.runs()] == [NOW.replace(hour=1, minute=30)]
    assert [tick.at for tick in it.store.ticks()] == [NOW.replace(hour=1, minute=30)]
    assert it.store.schedules()[0].covered_to == NOW


def test_an_age_has_to_be_named(almaflow: Almaflow, it: Served) -> None:
    assert almaflow("prune").code == 2
    assert "of at least `1d`" in almaflow("prune", "--older-than", "23h").err
    assert (
        "`--older-than`: `old` is not a valid duration"
        in almaflow("prune", "--older-than", "old").err
    )


def test_a_store_in_use_is_copied_and_never_over_another_file(
    almaflow: Almaflow, it: Served, folder: Path
) -> None:
    typed = almaflow("backup", "copy.db")
    again = almaflow("backup", "copy.db")

    assert (typed.code, typed.out) == (0, "Copied the store to copy.db.\n")
    assert again.code in (1, 2)
    assert "copy.db" in again.err
    assert (folder / "copy.db").stat().st_mode & 0o777 == 0o600
    copy = Store.open(f"sqlite:///{folder}/copy.db", clock=SystemClock())
    try:
        assert copy.ticks() == it.store.ticks()
        assert copy.schedules()[0].begins_at == BEGAN
    finally:
        copy.close()
