"""What `almaflow new` asks a person at a terminal: what the panel and the options leave open."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from almaflow.authoring.new_workflow.schedule_words import cron_of
from almaflow.authoring.new_workflow.texts import NewSet
from almaflow.cli.prompts import answered, forget_what_was_typed
from almaflow.cli.render.terminal import say
from almaflow.errors import RequestWrong
from almaflow.workflow_names import name_problem

BY_HAND = "by hand"
"""The answer of who wants no timetable."""

SET_QUESTION = "Set that the job works on (its name in Alma, or its id)"
LIMIT_QUESTION = "Most records that one run works on"
WHEN_QUESTION = "When it runs (such as `sunday 04:00` or `daily 02:30`)"


@contextmanager
def nothing_written() -> Iterator[None]:
    """Say that nothing was written when a person stops at a question."""
    try:
        yield
    except (typer.Abort, KeyboardInterrupt):
        say("\nNothing was written.", err=True)
        raise


def introduce() -> None:
    """Say how the questions are answered; what was typed before them is no answer."""
    if sys.stdin.isatty():
        forget_what_was_typed()
    say(
        "Press Enter to accept the value in brackets, Ctrl-C to stop. Every answer can be changed "
        "later in the workflow; `--yes` asks nothing."
    )


def ask_name() -> str:
    """Ask for the name of the workflow."""
    return answered("Name of the workflow", None, read_name)


def read_name(text: str) -> str:
    """Return the name of a workflow; Raises: RequestWrong."""
    # The name of the file is meant, too.
    name = text.strip().removesuffix(".yaml").removesuffix(".yml")
    if why := name_problem(name):
        # The file is written into the folder of the workflows, whatever the way to it.
        last = re.split(r"[/\\]", name)[-1]
        raise RequestWrong(f"{why} Use `{last}`." if last != name and last else why)
    return name


def ask_set(set_id: str) -> NewSet:
    """Ask for a set; *set_id* is that of the panel, or empty."""
    return answered(SET_QUESTION, set_id or None, _read_set)


def _read_set(text: str) -> NewSet:
    text = text.strip()
    if not text:
        raise RequestWrong("Write the name of a set that is saved in Alma, or its id.")
    return NewSet(id=text) if text.isascii() and text.isdecimal() else NewSet(name=text)


def ask_limit(default: int) -> int:
    """Ask for the largest number of records."""
    return answered(LIMIT_QUESTION, str(default), _read_limit)


def _read_limit(text: str) -> int:
    digits = text.strip().replace(",", "").replace(".", "").replace("\u2019", "")
    if not (digits.isascii() and digits.isdecimal() and int(digits[:12]) > 0):
        raise RequestWrong(f"`{text}` is not a number of records, such as 5000.")
    return int(digits[:12])


def ask_schedule() -> str:
    """Ask for the timetable, and return its fields of cron; empty: it runs by hand."""
    return answered(WHEN_QUESTION, BY_HAND, _read_schedule)


def _read_schedule(text: str) -> str:
    return "" if text.strip().casefold() in (BY_HAND, "never", "no") else cron_of(text)
