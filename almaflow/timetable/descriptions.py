"""Timetables in plain English, made from what they mean and not from how they are written.

cronsim's `explain()` is not used, because it repeats the notation where people need the meaning.
For `*/7` in the field of weekdays it says "every seventh day of week" (this is Sunday), for `*/3`
in the field of months "every third month" (which months?), and for `*/15 8-17` it ends "through
17:59", although the last tick is at 17:45.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from almaflow.timetable.cron import LAST, Cron, CronField

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}

# Up to this many times of day or numbers are listed one by one.
_LISTED = 6

_ENDINGS = {2: "nd", 3: "rd"}

_FULL_MONTH = frozenset(range(1, 32))
_FULL_WEEK = frozenset(range(7))


def cron_in_words(cron: Cron, zone: str) -> str:
    """Return `at 02:30 on day 1 of every month, Europe/Zurich`; *zone* is a zone's name."""
    return f"{_times(cron)}{_days(cron)}, {zone}"


def interval_in_words(interval: timedelta, starts: datetime, zone: str) -> str:
    """Return `every 6 hours, counted from 2026-01-01 00:00, Europe/Zurich`.

    *starts* is shown as it is written, on a wall in *zone*.
    """
    return f"every {_length(interval)}, counted from {_wall(starts)}, {zone}"


def dates_in_words(dates: Sequence[datetime], zone: str) -> str:
    """Return `at 2026-12-24 02:30 and 2027-01-02 02:30, Europe/Zurich`; *dates* is not empty."""
    texts = [_wall(moment) for moment in dates]
    if len(texts) > _LISTED:
        texts = [*texts[:3], f"{len(texts) - 4} more", texts[-1]]
    return f"at {_join(texts)}, {zone}"


def _wall(moment: datetime) -> str:
    form = "%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M"
    return moment.strftime(form)


def _length(interval: timedelta) -> str:
    seconds = int(interval.total_seconds())
    days, rest = divmod(seconds, 86400)
    if days == 1 and not rest:
        # Elapsed time: "every day" would promise a time of day, which clock changes shift.
        days, rest = 0, seconds
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    sizes = ((days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second"))
    parts = [(size, unit) for size, unit in sizes if size]
    if len(parts) == 1 and parts[0][0] == 1:
        return parts[0][1]
    return _join([f"{size} {unit}{'' if size == 1 else 's'}" for size, unit in parts])


def _times(cron: Cron) -> str:
    """Return the part before the days: `at 02:30`, `every 15 minutes from 08:00 to 17:45`."""
    minutes, hours = sorted(cron.minute.values), sorted(cron.hour.values)
    all_day = len(hours) == 24
    if len(minutes) * len(hours) <= _LISTED:
        return "at " + _join([_time(hour, minute) for hour in hours for minute in minutes])
    if minutes == [0] and all_day:
        return "every hour on the hour"
    if len(minutes) == 1 and not all_day and (step := _step(hours)):
        return _span("hour", step, _time(hours[0], minutes[0]), _time(hours[-1], minutes[0]))
    if (step := _step(minutes)) and minutes[0] + 60 - minutes[-1] == step:
        every = _every("minute", step)
        if all_day:
            return every + (f" from minute {minutes[0]} of every hour" if minutes[0] else "")
        if len(hours) == 1 or _step(hours) == 1:
            return _span("minute", step, _time(hours[0], minutes[0]), _time(hours[-1], minutes[-1]))
    return f"at {_numbers('minute', minutes)} of " + (
        "every hour" if all_day else _numbers("hour", hours)
    )


def _time(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


def _every(unit: str, step: int) -> str:
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"


def _span(unit: str, step: int, first: str, last: str) -> str:
    return f"{_every(unit, step)} from {first} to {last}"


def _days(cron: Cron) -> str:
    """Return the part after the times, with its leading space: ` every day`, ` on Mondays`."""
    any_day = cron.day.values >= _FULL_MONTH
    any_weekday = cron.weekday.values >= _FULL_WEEK
    if cron.both_days:
        if not any_day and not any_weekday:
            return f" on {_month_days(cron)} if it is {_one_weekday(cron.weekday)}"
        if any_day and any_weekday:
            return _every_day(cron)
        return f" {_weekdays(cron)}" if any_day else f" on {_month_days(cron)}"
    if any_day or any_weekday:
        # One of the two takes every day, and one is enough.
        return _every_day(cron)
    return f" on {_month_days(cron)}, and {_weekdays(cron)}"


def _every_day(cron: Cron) -> str:
    every_day = "" if len(cron.hour.values) == 24 else " every day"
    months = _months(cron)
    return f"{every_day} in {months}" if months else every_day


def _month_days(cron: Cron) -> str:
    """Return `day 1 of every month`, `24 December`, `the last day of January and July`."""
    days, months = sorted(cron.day.values), _months(cron)
    parts = [_numbers("day", days)] if days else []
    if cron.day.last_day:
        parts.append("the last day")
    if cron.day.last_workday:
        parts.append("the last weekday (Monday to Friday)")
    if len(days) == len(parts) == len(cron.month.values) == 1:
        return f"{days[0]} {months}"
    return f"{_join(parts)} of {months or 'every month'}"


def _weekdays(cron: Cron) -> str:
    """Return `on Mondays`, `on Mondays to Fridays in May`, `on the last Friday of every month`."""
    months = _months(cron)
    days = _ordered(cron.weekday.values)
    nth = _nth(cron.weekday)
    names = [f"{_WEEKDAYS[day % 7]}s" for day in days]
    if len(days) > 2 and _step(days) == 1:
        names = [f"{names[0]} to {names[-1]}"]
    if nth:
        return f"on {_join(names + nth)} of {months or 'every month'}"
    return f"on {_join(names)}" + (f" in {months}" if months else "")


def _one_weekday(field: CronField) -> str:
    """Return `a Monday or Tuesday`, what one day may have to be."""
    names = [_WEEKDAYS[day % 7] for day in _ordered(field.values)]
    return _join(([f"a {names[0]}", *names[1:]] if names else []) + _nth(field), "or")


def _ordered(weekdays: Collection[int]) -> list[int]:
    """Return the days from Monday on; Sunday is 7."""
    return sorted(day or 7 for day in weekdays)


def _nth(field: CronField) -> list[str]:
    return [f"the {_NTH[which]} {_WEEKDAYS[weekday]}" for weekday, which in field.nth]


def _months(cron: Cron) -> str:
    """Return `January and July`, `the months March to June`, nothing for every month."""
    numbers = sorted(cron.month.values)
    if len(numbers) == 12:
        return ""
    if len(numbers) > 3 and _step(numbers) == 1:
        return f"the months {_MONTHS[numbers[0] - 1]} to {_MONTHS[numbers[-1] - 1]}"
    return _join([_MONTHS[number - 1] for number in numbers])


def _numbers(unit: str, numbers: Sequence[int]) -> str:
    """Return `minute 5`, `hours 8 to 12 and 14`, `every 7th minute from 0 to 56`."""
    if len(numbers) == 1:
        return f"{unit} {numbers[0]}"
    step = _step(numbers)
    if step and step > 1 and len(numbers) > _LISTED:
        return f"every {step}{_ENDINGS.get(step, 'th')} {unit} from {numbers[0]} to {numbers[-1]}"
    return f"{unit}s {_join(_runs(numbers))}"


def _runs(numbers: Sequence[int]) -> list[str]:
    """Return the numbers as texts, three and more in a row as `8 to 12`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = []
    for run in runs:
        texts += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(number) for number in run]
    return texts


def _step(numbers: Sequence[int]) -> int | None:
    """Return what lies between each two neighbours, None when it differs or there is one number."""
    steps = {second - first for first, second in pairwise(numbers)}
    return steps.pop() if len(steps) == 1 else None


def _join(parts: Sequence[str], word: str = "and") -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"
