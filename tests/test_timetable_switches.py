"""Every switch of every zone in 2026 to 2028, beside a calculation that shares nothing with ours.

Zones whose clocks move at the same instants and in the same way are checked once. The calculation
walks through the minutes as they pass, looks at the clock on the wall and does what Debian's
cron(8) says: a job with fixed times that was skipped comes as soon as the clocks have moved, one
that is repeated comes once; a job of every hour follows the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from almaflow.timetable import Timetable

pytestmark = pytest.mark.slow

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
AROUND = timedelta(hours=40)
MINUTE = timedelta(minutes=1)

Fits = Callable[[datetime], bool]


def offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    found = instant.astimezone(zone).utcoffset()
    assert found is not None
    return found


def switches(zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the instants at which a zone's clocks are moved."""
    day, today = FIRST, offset(zone, FIRST)
    while day < LAST:
        low, high = day, day + timedelta(days=1)
        tomorrow = offset(zone, high)
        if today != tomorrow:
            while high - low > MINUTE:
                middle = low + (high - low) // 2
                middle = middle.replace(second=0, microsecond=0)
                same = offset(zone, middle) == today
                low, high = (middle, high) if same else (low, middle)
            yield high
        day, today = day + timedelta(days=1), tomorrow


def due(kind: str, at: datetime) -> tuple[str, bool, Fits]:
    """Return an expression of a kind that is due at *at* on the wall: text, fixed times, rule."""
    hour, minute = at.hour, at.minute

    def at_time(wall: datetime) -> bool:
        return (wall.hour, wall.minute) == (hour, minute)

    match kind:
        case "daily":
            return f"{minute} {hour} * * *", True, at_time
        case "hourly":
            return f"{minute} * * * *", False, lambda wall: wall.minute == minute
        case "weekly":
            weekday = at.isoweekday() % 7
            return (
                f"{minute} {hour} * * {weekday}",
                True,
                lambda wall: at_time(wall) and wall.isoweekday() % 7 == weekday,
            )
        case "monthly":
            return (
                f"{minute} {hour} {at.day} * *",
                True,
                lambda wall: at_time(wall) and wall.day == at.day,
            )
    assert kind == "last day"
    return (
        f"{minute} {hour} L * *",
        True,
        lambda wall: at_time(wall) and (wall + timedelta(days=1)).day == 1,
    )


KINDS = ("daily", "hourly", "weekly", "monthly", "last day")


Passing = dict[int, list[tuple[datetime, datetime]]]


@lru_cache(maxsize=8)
def walk(switch: datetime, before: timedelta, after: timedelta) -> tuple[Passing, Passing]:
    """Walk through the minutes around a switch and note instants and times on the wall.

    Returns what the wall shows, and what jobs with fixed times go by: times that were skipped come
    as soon as the clocks have moved, and those that are repeated come once. Both are ordered by the
    minute on the wall, of which every rule names one.
    """
    shown: Passing = {minute: [] for minute in range(60)}
    fixed: Passing = {minute: [] for minute in range(60)}
    seen: set[datetime] = set()
    instant = switch - AROUND
    last_wall = instant.replace(tzinfo=None) + before - MINUTE
    while instant < switch + AROUND:
        wall = instant.replace(tzinfo=None) + (before if instant < switch else after)
        skipped = last_wall + MINUTE
        while skipped < wall:
            fixed[skipped.minute].append((instant, skipped))
            skipped += MINUTE
        if wall not in seen:
            fixed[wall.minute].append((instant, wall))
        shown[wall.minute].append((instant, wall))
        seen.add(wall)
        last_wall, instant = wall, instant + MINUTE
    return shown, fixed


@cache
def by_the_minute(
    switch: datetime, before: timedelta, after: timedelta, kind: str, wall_at: datetime
) -> tuple[datetime, ...]:
    """Return the ticks around a switch, found by looking at the wall each minute."""
    _, fixed, fits = due(kind, wall_at)
    passing = walk(switch, before, after)[fixed][wall_at.minute]
    return tuple(dict.fromkeys(instant for instant, wall in passing if fits(wall)))


def walls_to_try(switch: datetime, before: timedelta, after: timedelta) -> list[datetime]:
    """Return times on the wall that a switch skips or repeats, those beside them, and midnight."""
    one, other = (switch.replace(tzinfo=None) + it for it in (before, after))
    first, last = min(one, other), max(one, other)
    middle = (first + (last - first) / 2).replace(second=0)
    midnight = last.replace(hour=0, minute=0)
    return [first - MINUTE, first, middle, last - MINUTE, last, midnight]


@cache
def zones() -> dict[tuple[tuple[datetime, timedelta, timedelta], ...], list[str]]:
    """Return the names of zones by their switches, each with the offsets before and after it."""
    found: dict[tuple[tuple[datetime, timedelta, timedelta], ...], list[str]] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        moves = [(at, offset(zone, at - MINUTE), offset(zone, at)) for at in switches(zone)]
        if moves:
            found.setdefault(tuple(moves), []).append(name)
    return found


def test_there_are_zones_to_look_at() -> None:
    names = {name for alike in zones().values() for name in alike}

    assert {"Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe"} < names
    assert len(names) > 100
    assert len(zones()) > 20


def test_around_every_switch_ticks_come_as_a_walk_through_the_minutes_finds_them() -> None:
    wrong = []
    for moves, (name, *_) in zones().items():
        zone = ZoneInfo(name)
        for switch, before, after in moves:
            for number, wall in enumerate(walls_to_try(switch, before, after)):
                for kind in KINDS if number % 3 == 2 else KINDS[:2]:
                    text, _, _ = due(kind, wall)
                    timetable = Timetable(zone, cron=text)
                    found = tuple(
                        timetable.between(switch - AROUND - MINUTE, switch + AROUND - MINUTE)
                    )
                    expected = by_the_minute(switch, before, after, kind, wall)
                    if found != expected:
                        wrong.append((name, text, found, expected))
    assert wrong[:3] == []


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo"])
@pytest.mark.parametrize("text", ["30 * * * *", "30 2 * * *", "*/20 1-3 * * *", "0 0 * * *"])
def test_a_tick_is_followed_by_the_same_one_wherever_one_begins(name: str, text: str) -> None:
    zone = ZoneInfo(name)
    timetable = Timetable(zone, cron=text)
    for switch in switches(zone):
        ticks = list(timetable.between(switch - AROUND, switch + AROUND))
        for minutes in range(-200, 200, 7):
            begin = switch + timedelta(minutes=minutes)
            assert timetable.next(begin) == next(tick for tick in ticks if tick > begin)
