"""Timetables as people say them, and as other systems write them, become entries that are valid."""

from __future__ import annotations

import pytest

from almaflow.timetable import date_meant, words_of_cron, words_of_text
from tests.test_check import codes, problems_of

IN_WORDS = [
    ("täglich um 6 und 18 Uhr", 'cron: "0 6,18 * * *"'),
    ("tous les jours à 6h", 'daily: "06:00"'),
    ("todos los días a las 06:00", 'daily: "06:00"'),
    ("כל יום 06:00", 'daily: "06:00"'),
    ("每天 6:00", 'daily: "06:00"'),
    ("daily at noon", 'daily: "12:00"'),
    ("day at 6", 'daily: "06:00"'),
    ("06:00, 18:00", 'cron: "0 6,18 * * *"'),
    ("every night", 'daily: "02:30"'),
    ("wöchentlich montags 06:00", "weekly: mon 06:00"),
    ("Mo und Do 6.30 Uhr", 'weekly: "mon,thu 06:30"'),
    ("du lundi au vendredi à 7h", "weekly: mon-fri 07:00"),
    ("lunes a viernes 7:00", "weekly: mon-fri 07:00"),
    ("werktags 7 Uhr", "weekly: mon-fri 07:00"),
    ("יום ראשון 06:00", "weekly: sun 06:00"),
    ("monatlich am 1. um 06:00", "monthly: 1 06:00"),
    ("le dernier jour du mois à 6h", "monthly: last 06:00"),
    ("on the 1st and 15th at 6am", 'cron: "0 6 1,15 * *"'),
    ("letzter Freitag im Monat um 18 Uhr", 'cron: "0 18 * * friL"'),
    ("first Monday of the month", 'cron: "0 6 * * mon#1"'),
    ("alle 15 Minuten", "every: 15m"),
    ("stündlich", "every: 1h"),
    ("Mon..Fri *-*-* 06:00:00", "weekly: mon-fri 06:00"),
    ("*-*-01 06:00:00", "monthly: 1 06:00"),
]
OF_OTHER_SYSTEMS = [
    ("0 6 * * Mo-Fr", "weekly: mon-fri 06:00"),
    ("0 6 1 Mai,Okt *", 'cron: "0 6 1 may,oct *"'),
    ("H H * * *", 'daily: "00:00", jitter: 23h'),
    ("H H(0-7) * * *", 'daily: "00:00", jitter: 8h'),
    ("H(0-29) 2 * * 1-5", "weekly: mon-fri 02:00, jitter: 30m"),
    ("H/15 * * * *", 'cron: "*/15 * * * *"'),
    ("H H * * H", "weekly: mon 00:00, jitter: 23h"),
    ("FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=6;BYMINUTE=30", 'weekly: "mon,thu 06:30"'),
    ("RRULE:FREQ=MONTHLY;BYMONTHDAY=15;BYHOUR=6", "monthly: 15 06:00"),
    ("timedelta(hours=6)", "every: 6h"),
]


@pytest.mark.parametrize(("text", "words"), [*IN_WORDS, *OF_OTHER_SYSTEMS])
def test_a_timetable_is_put_into_our_words_which_are_valid(text: str, words: str) -> None:
    (problem,) = problems_of(f'schedule: "{text}"\nsteps: [{{wait: 1m}}]\n')

    assert (words_of_cron(text) or words_of_text(text)) == words
    assert f"`{{{words}}}`" in problem.message
    assert codes(f"schedule: {{{words}}}\nsteps: [{{wait: 1m}}]\n") == []


@pytest.mark.parametrize(
    "text",
    [
        *("every other Monday", "every day except sunday", "twice a day", "3 days", "reserve"),
        *("06:00 and 18:30 daily", "daily at 06:00 Europe/Zurich", "30 2 * * *", "Mon#1"),
        *("FREQ=DAILY;INTERVAL=2", "FREQ=YEARLY", "timedelta(decades=1)", "0 6 * * fri", "H 2 *"),
    ],
)
def test_what_is_not_certain_is_not_put_into_words(text: str) -> None:
    assert words_of_cron(text) == words_of_text(text) == ""


@pytest.mark.parametrize(
    "entry", ["{daily: ['06:00', '18:30']}", "{weekly: [mon 06:00, thu 07:00]}"]
)
def test_several_times_are_several_entries(entry: str) -> None:
    (problem,) = problems_of(f"schedule: {entry}\nsteps: [{{wait: 1m}}]\n")

    entries = problem.message.split("`")[-2]
    assert codes(f"schedule: {entries}\nsteps: [{{wait: 1m}}]\n") == []


@pytest.mark.parametrize("word", ["None", "never", "manual", "'@once'"])
def test_a_timetable_that_is_none_is_removed(word: str) -> None:
    (problem,) = problems_of(f"schedule: {word}\nsteps: [{{wait: 1m}}]\n")

    assert "almaflow run" in problem.message


@pytest.mark.parametrize(
    "text", ["24. Dezember 2026", "24 décembre 2026", "24 de diciembre de 2026", "24 Dez. 2026"]
)
def test_dates_of_other_languages_are_understood(text: str) -> None:
    assert date_meant(text) == "2026-12-24"
