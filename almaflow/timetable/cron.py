"""Cron expressions: five fields with crontab's own meaning, read into sets of values.

Reading is ours, so that a message can name the field and its range; the arithmetic is cronsim's
(`instants.py`). What other schedulers add (seconds, `?`, `15W`, `5/10`) is refused with the way to
say it here, because they disagree with each other about what it means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from cronsim import CronSim, CronSimError

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problems import did_you_mean
from almaflow.timetable.errors import TimetableInvalid

NICKNAMES: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

LAST = -1
"""In `CronField.nth`: the last such weekday of the month."""

# Any instant does to see whether an expression ever comes due; a fixed one keeps it pure.
_BASE = datetime(2000, 1, 1, tzinfo=UTC)

_FIELDS_IN_WORDS = "minute, hour, day of the month, month, weekday"


@dataclass(frozen=True)
class CronField:
    """What one field of an expression says.

    *text* is the field as cronsim reads it, names replaced by numbers. *values* are the numbers
    it means; of the weekdays Sunday is 0, never 7. *last_day* and *last_workday* are `L` and
    `LW` of the day of the month; *nth* holds (weekday, which one in its month) of `mon#2` and
    `friL`.
    """

    text: str
    values: frozenset[int]
    last_day: bool = False
    last_workday: bool = False
    nth: tuple[tuple[int, int], ...] = ()

    @property
    def starred(self) -> bool:
        """Whether it begins with `*`, which is what crontab's rules ask, not what it covers."""
        return self.text.startswith("*")


@dataclass(frozen=True)
class Cron:
    """A cron expression that was read and comes due some day; *source* is as it was written."""

    source: str
    minute: CronField
    hour: CronField
    day: CronField
    month: CronField
    weekday: CronField

    @property
    def expression(self) -> str:
        """The five fields as cronsim reads them."""
        fields = (self.minute, self.hour, self.day, self.month, self.weekday)
        return " ".join(field.text for field in fields)

    @property
    def both_days(self) -> bool:
        """Whether day of the month *and* weekday must match; otherwise one of them is enough.

        Source: Debian's crontab(5), the note on the day of a command's execution.
        """
        return self.day.starred or self.weekday.starred

    @property
    def at_fixed_times(self) -> bool:
        """Whether it names times of day, which a clock change then neither drops nor doubles.

        Source: Debian's cron(8), the section on daylight saving time.
        """
        return not (self.minute.starred or self.hour.starred)


@dataclass(frozen=True)
class _Rule:
    """How a field is written: its name in messages, its least and greatest number, its names."""

    name: str
    low: int
    high: int
    names: Mapping[str, int]

    @property
    def range(self) -> str:
        text = f"{self.low} to {self.high}"
        if self.name == "weekday":
            text += " (0 and 7 are Sunday)"
        if self.names:
            names = list(self.names)
            text += f" or `{names[0]}` to `{names[-1]}`"
        return text


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

_MINUTE = _Rule("minute", 0, 59, {})
_HOUR = _Rule("hour", 0, 23, {})
_DAY = _Rule("day of the month", 1, 31, {})
_MONTH = _Rule("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)})
_WEEKDAY = _Rule("weekday", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)})
_RULES = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)

_SUNDAY_AT_THE_END = 7


# Timetables are asked again and again, by a page that many people have open.
@lru_cache(maxsize=1024)
def parse_cron(text: str) -> Cron:
    """Read a cron expression or a nickname such as `@daily`.

    Raises:
        TimetableInvalid: it is none, or it never comes due; places the field that is wrong.
    """
    nicknamed = text.strip().startswith("@")
    words = list(re.finditer(r"\S+", _nickname(text.strip()) if nicknamed else text))
    if len(words) != len(_RULES):
        raise TimetableInvalid(_wrong_number_of_fields(text, [word[0] for word in words]))
    fields = []
    for rule, word in zip(_RULES, words, strict=True):
        try:
            fields.append(_read_field(rule, word[0]))
        except TimetableInvalid as error:
            error.offset, error.length = word.start(), len(word[0])
            raise
    cron = Cron(text, *fields)
    try:
        next(CronSim(cron.expression, _BASE))
    except (CronSimError, StopIteration):
        raise TimetableInvalid(f"`{text}` never occurs: none of its months has this day.") from None
    return cron


def _nickname(text: str) -> str:
    """Return the expression that *text* means."""
    expression = NICKNAMES.get(text.casefold())
    if expression is not None:
        return expression
    if text.casefold().startswith("@every"):
        interval = text[len("@every") :].strip() or "6h"
        raise TimetableInvalid(f"`{text}`: use `every: {interval}` instead of `cron`.")
    known = ", ".join(f"`{name}`" for name in NICKNAMES)
    advice = did_you_mean(text, NICKNAMES) or f"; the nicknames are {known}, each alone."
    raise TimetableInvalid(f"`{text}` is not a valid nickname of a cron expression{advice}")


_ZONE = late_pattern(r"(?:CRON_)?TZ=(\S*)", re.IGNORECASE)
_YEAR = late_pattern(r"(?:19|20)\d\d(?:[-,/*\d]*)|\*/\d+", re.ASCII)


def _wrong_number_of_fields(text: str, words: list[str]) -> str:
    asked = f"A cron expression has five fields ({_FIELDS_IN_WORDS})"
    if not words:
        return f"{asked}, but this one is empty. For example, `30 2 * * *` is every day at 02:30."
    zone = _ZONE.fullmatch(words[0])
    if zone is not None:
        name = zone[1].strip("\"'") or "Europe/Zurich"
        rest = _offer(words[1:])
        return (
            f"A cron expression does not contain the time zone. Use `timezone: {name}` next to "
            f"`cron`{(f', and {rest} as the expression' if rest else '')}."
        )
    offers = _too_many_fields(words)
    return f"{asked}, but `{text}` has {len(words)}.{(f' {offers}' if offers else '')}"


def _too_many_fields(words: list[str]) -> str:
    """Return what to leave out of *words*, in whole sentences; empty when it is not known."""
    count = len(_RULES)
    if len(words) <= count:
        return ""
    without_seconds = _offer(words[1 : count + 1])
    if len(words) == count + 1 and _YEAR.fullmatch(words[count]):
        offer = _offer(words[:count])
        write = f": {offer}, with `starts` and `ends` for a single year" if offer else ""
        return f"There is no year field. Omit it{write}."
    if len(words) == count + 1 and without_seconds:
        return (
            "There is no field for seconds. If the first field is the seconds, omit it: "
            f"{without_seconds}."
        )
    if len(words) == count + 2 and without_seconds and set(words[-1]) <= set("0123456789*-,/?"):
        return f"There are no fields for seconds and years. Use {without_seconds}."
    if offer := _offer(words[:count]):
        return f"Omit everything after the fifth field: {offer}."
    return ""


def _offer(words: list[str]) -> str:
    """Return *words* as an expression to write; empty when they are not one."""
    words = ["*" if word == "?" else word for word in words]
    if len(words) not in (1, len(_RULES)):
        return ""
    try:
        return f'`"{parse_cron(" ".join(words)).source}"`'
    except TimetableInvalid:
        return ""


def _read_field(rule: _Rule, text: str) -> CronField:
    """Read one field: terms with commas between them."""
    terms, values, nth = [], set[int](), []
    last_day = last_workday = False
    for term in text.casefold().split(","):
        if rule is _DAY and term in ("l", "lw"):
            last_day |= term == "l"
            last_workday |= term == "lw"
            terms.append(term.upper())
        elif rule is _WEEKDAY and (term.endswith("l") or "#" in term):
            weekday, which = _read_nth(term)
            nth.append((weekday, which))
            terms.append(f"{weekday}L" if which == LAST else f"{weekday}#{which}")
        else:
            canonical, numbers = _read_term(rule, term)
            values.update(number % 7 if rule is _WEEKDAY else number for number in numbers)
            terms.append(canonical)
    return CronField(",".join(terms), frozenset(values), last_day, last_workday, tuple(nth))


def _read_nth(term: str) -> tuple[int, int]:
    """Read `mon#2` or `friL`; the weekday comes back as 0 to 6."""
    name, _, number = term.partition("#")
    if "#" not in term:
        name, number = term[:-1], str(LAST)
        if not name:
            raise TimetableInvalid(
                "`L` alone is not a valid weekday. Use `friL` for the last Friday of the "
                "month, or put `L` in the third field for the last day of the month."
            )
    elif number not in ("1", "2", "3", "4", "5"):
        raise TimetableInvalid(
            f"`{term}`: use 1 to 5 after `#`. For example, `mon#2` is the second Monday of "
            "the month."
        )
    return _number(_WEEKDAY, name) % 7, int(number)


def _read_term(rule: _Rule, term: str) -> tuple[str, range]:
    """Read `*`, `5`, `1-5`, `*/2`, `1-5/2`; return it in numbers, and the numbers it means."""
    base, slash, step_text = term.partition("/")
    first_text, dash, last_text = base.partition("-")
    if base == "*":
        first, last, canonical = rule.low, rule.high, "*"
    elif dash:
        first, last = _number(rule, first_text), _number(rule, last_text)
        if rule is _WEEKDAY and last_text == "sun":
            last = _SUNDAY_AT_THE_END
        if last < first:
            raise TimetableInvalid(_backwards(rule, term, first, last))
        canonical = f"{first}-{last}"
    else:
        first = last = _number(rule, base)
        canonical = str(first)
        if slash:
            raise TimetableInvalid(
                f"`{term}`: schedulers disagree about a step after a single {rule.name}. Use a "
                f"range: `{first}-{rule.high}/{step_text}`."
            )
    if not slash:
        return canonical, range(first, last + 1)
    step = _step(rule, term, step_text)
    return f"{canonical}/{step}", range(first, last + 1, step)


def _number(rule: _Rule, text: str) -> int:
    if text in rule.names:
        return rule.names[text]
    # Two digits are enough for every field; more could be more than `int` takes.
    if re.fullmatch(r"[0-9]{1,2}", text) and rule.low <= int(text) <= rule.high:
        return int(text)
    what = f"`{text}` is not a valid {rule.name}" if text else f"A {rule.name} is missing"
    raise TimetableInvalid(f"{what}{_foreign(rule, text)}; this field allows {rule.range}.")


def _foreign(rule: _Rule, text: str) -> str:
    """Return what to write for something that other schedulers know, or that is spelt out."""
    for name in rule.names:
        if len(text) > len(name) and text.startswith(name):
            return f" (`{name}` is)"
    if text == "?":
        return " (write `*`)"
    if text == "h":
        return " (to spread the start times, use a number here and `jitter` next to `cron`)"
    if rule is _DAY and re.fullmatch(r"[0-9]+w", text):
        return " (the nearest working day is not supported; `LW` is the last one of the month)"
    return ""


def _step(rule: _Rule, term: str, text: str) -> int:
    widest = rule.high - rule.low
    if re.fullmatch(r"[0-9]{1,2}", text) and 1 <= int(text) <= widest:
        return int(text)
    message = f"`{term}`: the step of this field ({rule.name}) must be 1 to {widest}"
    if rule in (_MINUTE, _HOUR) and re.fullmatch(r"[0-9]{2,4}", text) and int(text) > widest:
        whole = "an hour" if rule is _MINUTE else "a day"
        message += f"; for once {whole} use a single {rule.name}" + (
            f", for a longer interval `every: {text}{rule.name[0]}` instead of `cron`"
            if int(text) > widest + 1
            else ""
        )
    raise TimetableInvalid(message + ".")


def _backwards(rule: _Rule, term: str, first: int, last: int) -> str:
    if rule is _WEEKDAY and last == 0:
        advice = f"use 7 for Sunday at the end of a range: `{first}-{_SUNDAY_AT_THE_END}`"
    else:
        high = rule.high if rule is not _WEEKDAY else 6
        advice = f"write `{_range(first, high)},{_range(rule.low, last)}`"
    return f"`{term}` runs backwards; {advice}."


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
