"""A crontab read line by line: schedules and commands, and what cannot be read, with the reason.

Nothing is guessed: a line that means something to cron or a shell that is not known here is listed
and no workflow is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from almaflow.late_dataclasses import dataclass
from almaflow.timetable import TimetableInvalid, find_zone, parse_cron

_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)")
_SCHEDULE = re.compile(r"(@[a-z]+|(?:\S+[ \t]+){4}\S+)[ \t]+(.*)")
_LITERAL_PERCENT = "\0"


@dataclass(frozen=True)
class UnreadLine:
    """A line of the crontab of which no workflow is made, and why, as a sentence."""

    line: int
    reason: str


@dataclass(frozen=True)
class CronCommand:
    """One command of a crontab, with the variables that were set above it."""

    line: int
    cron: str
    command: str
    zone: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadCrontab:
    """What a crontab has; *mail_to* are the addresses that cron wrote to."""

    commands: tuple[CronCommand, ...]
    unread: tuple[UnreadLine, ...]
    mail_to: tuple[str, ...]


def read_crontab(text: str, *, has_users: bool = False) -> ReadCrontab:
    """Read a crontab; *has_users*: the sixth column is a user, as in /etc/cron.d."""
    variables: dict[str, str] = {}
    commands: list[CronCommand] = []
    unread: list[UnreadLine] = []
    mail_to: list[str] = []
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if assigned := _VARIABLE.fullmatch(line):
            variables[assigned[1]] = _unquoted(assigned[2])
            if assigned[1] == "MAILTO" and variables["MAILTO"]:
                mail_to.append(variables["MAILTO"])
            continue
        read = _command(number, line, dict(variables), has_users)
        (commands if isinstance(read, CronCommand) else unread).append(read)  # type: ignore[arg-type]
    return ReadCrontab(tuple(commands), tuple(unread), tuple(dict.fromkeys(mail_to)))


def _command(
    number: int, line: str, variables: dict[str, str], has_users: bool
) -> CronCommand | UnreadLine:
    parts = _SCHEDULE.fullmatch(line)
    if parts is None:
        return UnreadLine(number, "It is neither a schedule with a command nor a variable.")
    cron, command = parts[1], parts[2].strip()
    if has_users:
        command = command.partition(" ")[2].strip()
    try:
        parse_cron(cron)
    except TimetableInvalid as error:
        return UnreadLine(number, f"Its schedule cannot be used: {error}")
    zone = variables.get("CRON_TZ", "")
    try:
        if zone:
            find_zone(zone)
    except TimetableInvalid as error:
        return UnreadLine(number, f"Its CRON_TZ cannot be used: {error}")
    command = command.replace("\\%", _LITERAL_PERCENT)
    if "%" in command:
        return UnreadLine(
            number, "It has `%`, after which cron passes the rest to the command as its input."
        )
    return CronCommand(number, cron, command.replace(_LITERAL_PERCENT, "%"), zone, variables)


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
