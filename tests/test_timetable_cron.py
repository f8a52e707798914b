"""Cron expressions: what they say, what is refused and in which words."""

from __future__ import annotations

import pytest

from almaflow.timetable import TimetableInvalid, parse_cron
from almaflow.timetable.cron import LAST, NICKNAMES
from almaflow.timetable.descriptions import cron_in_words

IN_WORDS = {
    "@yearly": "at 00:00 on 1 January",
    "@annually": "at 00:00 on 1 January",
    "@monthly": "at 00:00 on day 1 of every month",
    "@weekly": "at 00:00 on Sundays",
    "@daily": "at 00:00 every day",
    "@midnight": "at 00:00 every day",
    "@hourly": "every hour on the hour",
    # minutes and hours
    "* * * * *": "every minute",
    "*/1 * * * *": "every minute",
    "*/15 * * * *": "every 15 minutes",
    "0,15,30,45 * * * *": "every 15 minutes",
    "5-59/15 * * * *": "every 15 minutes from minute 5 of every hour",
    "*/7 * * * *": "at every 7th minute from 0 to 56 of every hour",
    "0-30 * * * *": "at minutes 0 to 30 of every hour",
    "0 * * * *": "every hour on the hour",
    "30 * * * *": "at minute 30 of every hour",
    "10,20 * * * *": "at minutes 10 and 20 of every hour",
    "30 2 * * *": "at 02:30 every day",
    "0,30 6 * * *": "at 06:00 and 06:30 every day",
    "0 6,18 * * *": "at 06:00 and 18:00 every day",
    "0 */6 * * *": "at 00:00, 06:00, 12:00 and 18:00 every day",
    "30 */2 * * *": "every 2 hours from 00:30 to 22:30 every day",
    "0 8-18 * * mon-fri": "every hour from 08:00 to 18:00 on Mondays to Fridays",
    "*/15 8-17 * * 1-5": "every 15 minutes from 08:00 to 17:45 on Mondays to Fridays",
    "0,30 8-17 * * *": "every 30 minutes from 08:00 to 17:30 every day",
    "* 12 * * *": "every minute from 12:00 to 12:59 every day",
    "*/15 8,10,12 * * *": "at minutes 0, 15, 30 and 45 of hours 8, 10 and 12 every day",
    "10-20 3 * * *": "at minutes 10 to 20 of hour 3 every day",
    "0 22-23,0-4 * * *": "at minute 0 of hours 0 to 4, 22 and 23 every day",
    "1-59/11 * * * *": "at minutes 1, 12, 23, 34, 45 and 56 of every hour",
    # days of the month
    "30 2 1 * *": "at 02:30 on day 1 of every month",
    "0 6 1,15 * *": "at 06:00 on days 1 and 15 of every month",
    "0 6 1-7 * *": "at 06:00 on days 1 to 7 of every month",
    "0 6 L * *": "at 06:00 on the last day of every month",
    "0 6 lw * *": "at 06:00 on the last weekday (Monday to Friday) of every month",
    "0 6 15,L * *": "at 06:00 on day 15 and the last day of every month",
    "0 0 1-31/2 * *": "at 00:00 on every 2nd day from 1 to 31 of every month",
    "0 0 */3 * *": "at 00:00 on every 3rd day from 1 to 31 of every month",
    # months
    "0 6 24 dec *": "at 06:00 on 24 December",
    "0 6 L 2 *": "at 06:00 on the last day of February",
    "0 0 29 2 *": "at 00:00 on 29 February",
    "0 6 1 jan,apr,jul,oct *": "at 06:00 on day 1 of January, April, July and October",
    "0 0 * 3-6 *": "at 00:00 every day in the months March to June",
    "*/15 * * 12 *": "every 15 minutes in December",
    "0 0 * 7 mon": "at 00:00 on Mondays in July",
    # weekdays
    "0 0 * * 0": "at 00:00 on Sundays",
    "0 0 * * 7": "at 00:00 on Sundays",
    "0 0 * * sat,sun": "at 00:00 on Saturdays and Sundays",
    "0 0 * * FRI-SUN": "at 00:00 on Fridays to Sundays",
    "0 0 * * 0-7": "at 00:00 every day",
    "0 3 * * mon#2": "at 03:00 on the second Monday of every month",
    "0 3 * * friL": "at 03:00 on the last Friday of every month",
    "0 3 * 5 5L": "at 03:00 on the last Friday of May",
    "0 3 * * mon,fri#1": "at 03:00 on Mondays and the first Friday of every month",
    # both kinds of days
    "0 0 13 * fri": "at 00:00 on day 13 of every month, and on Fridays",
    "0 0 1-31 * mon": "at 00:00 every day",
    "0 0 1 * 0-6": "at 00:00 every day",
    "0 0 */2 * mon": "at 00:00 on every 2nd day from 1 to 31 of every month if it is a Monday",
    "0 0 1-7 * */3": (
        "at 00:00 on days 1 to 7 of every month if it is a Wednesday, Saturday or Sunday"
    ),
    "0 0 */13 * mon#2": "at 00:00 on days 1, 14 and 27 of every month if it is the second Monday",
}


@pytest.mark.parametrize(("expression", "words"), IN_WORDS.items())
def test_an_expression_is_put_into_words(expression: str, words: str) -> None:
    assert cron_in_words(parse_cron(expression), "Europe/Zurich") == f"{words}, Europe/Zurich"


A_MINUTE = "this field allows 0 to 59."
A_WEEKDAY = "this field allows 0 to 7 (0 and 7 are Sunday) or `sun` to `sat`."
FIVE = "A cron expression has five fields (minute, hour, day of the month, month, weekday)"

REFUSED = {
    "60 2 * * *": f"`60` is not a valid minute; {A_MINUTE}",
    "-1 * * * *": f"A minute is missing; {A_MINUTE}",
    "0,,5 * * * *": f"A minute is missing; {A_MINUTE}",
    "1-2-3 * * * *": f"`2-3` is not a valid minute; {A_MINUTE}",
    "٣ * * * *": f"`٣` is not a valid minute; {A_MINUTE}",
    "9999999999 * * * *": f"`9999999999` is not a valid minute; {A_MINUTE}",
    "H 2 * * *": (
        "`h` is not a valid minute (to spread the start times, use a number here and "
        f"`jitter` next to `cron`); {A_MINUTE}"
    ),
    "0 24 * * *": "`24` is not a valid hour; this field allows 0 to 23.",
    "0 22-4 * * *": "`22-4` runs backwards; write `22-23,0-4`.",
    "0 23-0 * * *": "`23-0` runs backwards; write `23,0`.",
    "0 0 0 * *": "`0` is not a valid day of the month; this field allows 1 to 31.",
    "0 0 ? * *": "`?` is not a valid day of the month (write `*`); this field allows 1 to 31.",
    "0 0 15W * *": (
        "`15w` is not a valid day of the month (the nearest working day is not "
        "supported; `LW` is the last one of the month); this field allows 1 to 31."
    ),
    "0 0 * 13 *": "`13` is not a valid month; this field allows 1 to 12 or `jan` to `dec`.",
    "0 0 * january *": (
        "`january` is not a valid month (`jan` is); this field allows 1 to 12 or `jan` to `dec`."
    ),
    "0 0 * * 8": f"`8` is not a valid weekday; {A_WEEKDAY}",
    "0 0 * * monday": f"`monday` is not a valid weekday (`mon` is); {A_WEEKDAY}",
    "0 0 * * #1": f"A weekday is missing; {A_WEEKDAY}",
    "0 0 * * fri-mon": "`fri-mon` runs backwards; write `5-6,0-1`.",
    "0 0 * * 5-0": "`5-0` runs backwards; use 7 for Sunday at the end of a range: `5-7`.",
    "0 0 * * mon#6": (
        "`mon#6`: use 1 to 5 after `#`. For example, `mon#2` is the second Monday of the month."
    ),
    "0 0 * * L": (
        "`L` alone is not a valid weekday. Use `friL` for the last Friday of the month, or put "
        "`L` in the third field for the last day of the month."
    ),
    "*/x * * * *": "`*/x`: the step of this field (minute) must be 1 to 59.",
    "*/60 * * * *": (
        "`*/60`: the step of this field (minute) must be 1 to 59; for once an hour use a "
        "single minute."
    ),
    "*/90 * * * *": (
        "`*/90`: the step of this field (minute) must be 1 to 59; for once an hour use a "
        "single minute, for a longer interval `every: 90m` instead of `cron`."
    ),
    "0 */36 * * *": (
        "`*/36`: the step of this field (hour) must be 1 to 23; for once a day use a single "
        "hour, for a longer interval `every: 36h` instead of `cron`."
    ),
    "0 0 */0 * *": "`*/0`: the step of this field (day of the month) must be 1 to 30.",
    "5/10 * * * *": (
        "`5/10`: schedulers disagree about a step after a single minute. Use a range: `5-59/10`."
    ),
    "0 0 31 2 *": "`0 0 31 2 *` never occurs: none of its months has this day.",
    "0 0 31 apr,jun *": "`0 0 31 apr,jun *` never occurs: none of its months has this day.",
    "0 0 */30 * mon#3": "`0 0 */30 * mon#3` never occurs: none of its months has this day.",
    "0 30 2 * * *": (
        f"{FIVE}, but `0 30 2 * * *` has 6. There is no field for seconds. If the first field is "
        'the seconds, omit it: `"30 2 * * *"`.'
    ),
    "CRON_TZ=UTC 0 3 * * *": (
        "A cron expression does not contain the time zone. Use `timezone: UTC` next to `cron`, "
        'and `"0 3 * * *"` as the expression.'
    ),
    "TZ=UTC @daily": (
        "A cron expression does not contain the time zone. Use `timezone: UTC` next to `cron`, "
        'and `"@daily"` as the expression.'
    ),
    "0 3 1 1 * 2027": (
        f'{FIVE}, but `0 3 1 1 * 2027` has 6. There is no year field. Omit it: `"0 3 1 1 *"`, with '
        "`starts` and `ends` for a single year."
    ),
    "0 0 3 ? * MON *": (
        f'{FIVE}, but `0 0 3 ? * MON *` has 7. There are no fields for seconds and years. Use `"0 '
        '3 * * MON"`.'
    ),
    "0 3 * * * root /usr/bin/backup": (
        f"{FIVE}, but `0 3 * * * root /usr/bin/backup` has 7. Omit everything after the fifth "
        'field: `"0 3 * * *"`.'
    ),
    "0 2 * *": f"{FIVE}, but `0 2 * *` has 4.",
    "": f"{FIVE}, but this one is empty. For example, `30 2 * * *` is every day at 02:30.",
    "@dayly": "`@dayly` is not a valid nickname of a cron expression; did you mean `@daily`?",
    "@reboot": (
        "`@reboot` is not a valid nickname of a cron expression; the nicknames are `@yearly`, "
        "`@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`, each alone."
    ),
    "@every 5m": "`@every 5m`: use `every: 5m` instead of `cron`.",
}


@pytest.mark.parametrize(("expression", "message"), REFUSED.items())
def test_a_wrong_expression_is_refused_with_the_way_to_say_it(
    expression: str, message: str
) -> None:
    with pytest.raises(TimetableInvalid) as caught:
        parse_cron(expression)

    assert str(caught.value) == message


def test_the_wrong_field_is_placed_in_the_text() -> None:
    with pytest.raises(TimetableInvalid) as caught:
        parse_cron(" 0  25 * * *")

    assert (caught.value.offset, caught.value.length) == (4, 2)


def test_a_mistake_of_the_whole_expression_has_no_place_in_it() -> None:
    with pytest.raises(TimetableInvalid) as caught:
        parse_cron("0 0 31 2 *")

    assert (caught.value.offset, caught.value.length) == (0, 0)


def test_nicknames_are_expanded_whatever_their_case() -> None:
    for nickname, expression in NICKNAMES.items():
        assert parse_cron(f" {nickname.upper()} ").expression == expression


def test_names_and_sundays_are_numbers_for_the_arithmetic() -> None:
    cron = parse_cron("0 0 * jan-mar/2 Sat-Sun,friL,sun#1")

    assert cron.expression == "0 0 * 1-3/2 6-7,5L,0#1"
    assert cron.weekday.values == {6, 0}
    assert cron.weekday.nth == ((5, LAST), (0, 1))
    assert cron.month.values == {1, 3}


def test_a_day_that_only_some_years_have_comes() -> None:
    assert parse_cron("0 0 29 2 *").day.values == {29}


def test_the_last_day_comes_in_every_month() -> None:
    assert parse_cron("0 0 31,L 2 *").day.last_day
