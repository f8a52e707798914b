"""The ledger compared with the timetables: every tick one row, every row one tick."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.errors import RequestWrong
from almaflow.scheduler.ledger_audit import AuditResult, LedgerDiscrepancy, verify
from almaflow.store.schedule_records import Schedule, Tick, TickCause, TickEnding
from almaflow.timetable import Timetable

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def timetable_of(timing: Mapping[str, Any]) -> Timetable:
    if "hours" not in timing:
        raise RequestWrong("it says nothing")
    return Timetable(ZoneInfo("UTC"), every=timing["hours"] * HOUR)


def hour(number: float) -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC) + number * HOUR


def schedule(
    begins: float, covered: float, ended: float | None = None, hours: int = 1, entry: str = "e"
) -> Schedule:
    return Schedule(
        workflow="nightly",
        entry=entry,
        timing={"hours": hours},
        id=1,
        begins_at=hour(begins),
        covered_to=hour(covered),
        ended_at=None if ended is None else hour(ended),
    )


def ticks(*hours: float, entry: str = "e", cause: TickCause | None = None) -> list[Tick]:
    return [
        Tick(
            schedule_id=1,
            workflow="nightly",
            entry=entry,
            at=hour(one),
            starts_at=hour(one),
            ending=TickEnding.SKIPPED if cause else TickEnding.RUN,
            cause=cause,
            id=number,
            found_at=hour(one),
        )
        for number, one in enumerate(hours)
    ]


def checked(schedules: list[Schedule], rows: list[Tick], **given: Any) -> AuditResult:
    return verify(schedules, rows, timetable_of, given.pop("now", hour(6)), **given)


def told(verified: AuditResult) -> list[tuple[str, datetime]]:
    return [(fault.kind, fault.at) for fault in verified.faults]


def test_a_ledger_that_is_whole_has_no_faults() -> None:
    found = checked([schedule(0.5, 6)], ticks(1, 2, 3, 4, 5, 6))

    assert found == AuditResult(ticks=6, entries=1, faults=(), outstanding=0)


def test_a_tick_without_a_row_is_found_also_the_first_and_the_last() -> None:
    found = checked([schedule(0.5, 6)], ticks(2, 3, 5))

    assert told(found) == [("no-row", hour(one)) for one in (1, 4, 6)]
    assert found.faults[0] == LedgerDiscrepancy(
        *("no-row", "nightly", "e", hour(1)),
        "The timetable has this tick, but the ledger has no row for it.",
    )


def test_a_row_without_a_tick_is_found() -> None:
    rows = [*ticks(1, 2, 2.5, 0), *ticks(1, entry="nobodys")]

    found = checked([schedule(0.5, 2)], rows, now=hour(2.5))

    assert told(found) == [("no-tick", hour(one)) for one in (0, 1, 2.5)]
    assert found.faults[1].entry == "nobodys"


def test_each_entry_is_laid_out_as_it_stood_at_the_time() -> None:
    changed = [schedule(0, 3.5, ended=3.5), schedule(3.5, 8, hours=2)]

    found = checked(changed, ticks(1, 2, 3, 4, 6, 8), now=hour(8))

    assert (found.faults, found.ticks, found.entries) == ((), 6, 1)
    assert told(checked(changed, ticks(1, 2, 3, 4, 5, 6, 8), now=hour(8))) == [("no-tick", hour(5))]


def test_what_stands_no_more_must_have_all_its_rows() -> None:
    found = checked([schedule(0, 2, ended=4)], ticks(1, 2), now=hour(4))

    assert told(found) == [("no-row", hour(3)), ("no-row", hour(4))]


def test_what_nobody_has_laid_out_yet_is_outstanding_and_no_fault() -> None:
    found = checked([schedule(0, 2)], ticks(1, 2), now=hour(4))

    # The tick of this very moment may be on its way.
    assert (found.faults, found.outstanding) == ((), 1)


def test_a_tick_skipped_ahead_of_time_is_a_tick_if_it_would_come() -> None:
    skipped = ticks(5, 5.5, cause=TickCause.SKIP_NEXT)

    found = checked([schedule(0, 2)], [*ticks(1, 2), *skipped], now=hour(2))

    assert told(found) == [("no-tick", hour(5.5))]


def test_a_tick_that_was_skipped_and_never_came_is_no_fault() -> None:
    rows = [*ticks(1, 2), *ticks(5, cause=TickCause.SKIP_NEXT)]

    assert checked([schedule(0, 2, ended=2)], rows).faults == ()
    assert told(checked([schedule(0, 2, ended=2)], ticks(1, 2, 5))) == [("no-tick", hour(5))]


def test_only_what_is_asked_for_is_compared() -> None:
    found = checked([schedule(0, 6)], ticks(4, 6), since=hour(4))

    assert (found.ticks, told(found)) == (3, [("no-row", hour(5))])


def test_a_timetable_that_cannot_be_read_is_a_fault_and_its_rows_are_not() -> None:
    odd = schedule(0, 2)
    unreadable = Schedule(
        **{**{key: getattr(odd, key) for key in odd.__dataclass_fields__}, "timing": {}}
    )

    found = checked([unreadable], ticks(1, 2))

    assert [fault.kind for fault in found.faults] == ["unreadable"]
    assert found.faults[0].text.endswith("cannot be read: it says nothing")
