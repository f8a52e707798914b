"""What a person answers to `almaflow new` at a terminal, and what is said around the questions."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from almaflow.authoring.new_workflow.schedule_words import cron_of
from almaflow.authoring.new_workflow.texts import NewSet
from almaflow.cli.prompts import forget_what_was_typed
from almaflow.cli.render.terminal import say
from almaflow.errors import RequestWrong
from almaflow.workflow_names import name_problem

BY_HAND = "by hand"
"""The answer of who wants no timetable."""


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


def read_name(text: str) -> str:
    """Return the name of a workflow; Raises: RequestWrong."""
    # The name of the file is meant, too.
    name = text.strip().removesuffix(".yaml").removesuffix(".yml")
    if why := name_problem(name):
        # The file is written into the folder of the workflows, whatever the way to it.
        last = re.split(r"[/\\]", name)[-1]
        raise RequestWrong(f"{why} Use `{last}`." if last != name and last else why)
    return name


def read_set(text: str) -> NewSet:
    """Return a set by its name or id; Raises: RequestWrong."""
    text = text.strip()
    if not text:
        raise RequestWrong("Write the name of a set that is saved in Alma, or its id.")
    return NewSet(id=text) if text.isascii() and text.isdecimal() else NewSet(name=text)


def read_limit(text: str) -> int:
    """Return the largest number of records; Raises: RequestWrong."""
    digits = text.strip().replace(",", "").replace(".", "").replace("\u2019", "")
    if not (digits.isascii() and digits.isdecimal() and int(digits[:12]) > 0):
        raise RequestWrong(f"`{text}` is not a number of records, such as 5000.")
    return int(digits[:12])


def read_schedule(text: str) -> str:
    """Return the fields of cron, empty for a workflow run by hand; Raises: RequestWrong."""
    return "" if text.strip().casefold() in (BY_HAND, "never", "no") else cron_of(text)
