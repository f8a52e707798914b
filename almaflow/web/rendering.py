"""Templates: every text is escaped, secrets are starred, what cannot be seen is made visible."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.redaction import REDACTION
from almaflow.visible import visible
from almaflow.web.context import context_of
from almaflow.web.personal_data import SHOWN, has_hidden, hidden_text, hidden_value, hiding_on_page

HERE = Path(__file__).parent
STATIC = HERE / "static"

# More of a text than anyone reads on a page; the command line shows all of it.
LONGEST_TEXT = 20_000


@dataclass(frozen=True)
class Entry:
    """An entry of the navigation."""

    title: str
    address: str


NAVIGATION: Sequence[Entry] = (
    Entry("Today", "/"),
    Entry("Runs", "/runs"),
    Entry("Workflows", "/workflows"),
    Entry("Calendar", "/calendar"),
    Entry("Approvals", "/approvals"),
    Entry("Notices", "/notices"),
    Entry("Alma jobs", "/jobs"),
    Entry("Documentation", "/documentation"),
)
"""What the head of every page links to, as soon as a router answers it."""


@dataclass(frozen=True)
class Look:
    """How a state or outcome appears: a sign and a word, never a colour alone."""

    sign: Markup
    word: Markup
    tone: Markup
    """The class of the stylesheet: good, attention, bad, active or quiet."""


def _look(sign: str, word: str, tone: str) -> Look:
    # A grid has thousands of them, and our own words need neither escapes nor redaction.
    return Look(Markup(sign), Markup(word), Markup(tone))


LOOKS: Mapping[str, Look] = {
    Outcome.SUCCEEDED: _look("✓", "succeeded", "good"),
    Outcome.WARNING: _look("!", "warning", "attention"),
    Outcome.FAILED: _look("✗", "failed", "bad"),
    Outcome.TIMED_OUT: _look("✗", "timed out", "bad"),
    Outcome.UNKNOWN: _look("?", "unknown", "bad"),
    Outcome.CANCELLED: _look("–", "cancelled", "quiet"),
    Outcome.SKIPPED: _look("–", "skipped", "quiet"),
    Outcome.MISSED: _look("○", "missed", "attention"),
    Status.QUEUED: _look("·", "queued", "quiet"),
    Status.RUNNING: _look("▶", "running", "active"),
    Status.WAITING: _look("…", "waiting", "active"),
    Status.FINISHED: _look("·", "finished", "quiet"),
}
"""By `Outcome` or `Status`."""


def render(request: Request, template: str, /, status: int = 200, **values: Any) -> Response:
    """Return the page that *template* makes of *values*."""
    context = context_of(request)
    is_action = getattr(request.state, "is_action", False)
    with hiding_on_page(values, is_action=is_action):
        text = (
            environment()
            .get_template(template)
            .render(
                request=request,
                path=request.url.path,
                reveal=f"?{request.url.include_query_params(**{SHOWN: 'shown'}).query}",
                person=getattr(request.state, "person", None),
                # Who is behind a login can leave, and a stranger has no pages to go to.
                login=request.app.state.gate.access.users,
                navigation=request.app.state.navigation,
                now=context.now,
                zone=context.zone,
                version=context.version,
                **values,
            )
        )
    return HTMLResponse(text, status)


@cache
def environment() -> Environment:
    """Return the environment of all templates; an undefined name is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "instant": instant,
        "clock": clock_time,
        "duration": duration,
        "look": look_of,
        "verbatim": verbatim,
        "sentence": sentence,
        "time_difference": time_difference,
        "shown": shown_value,
        "shown_fields": shown_fields,
    }
    made.globals |= {"has_hidden": has_hidden, "static": static_address}
    return made


def _shown(value: Any) -> Any:
    """Return what a template writes for a value; markup of ours stays as it is."""
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = visible(hidden_text(REDACTION.text(value)))
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def verbatim(text: str) -> Markup:
    """Return *text* as the value of a field, which the browser sends back as it is.

    What cannot be seen stays as it came, and nothing is cut: what a person confirms is what is
    sent.
    """
    return Markup(escape(text))


def look_of(state: str) -> Look:
    """Return how an outcome or a status appears."""
    return LOOKS[state]


def instant(at: datetime, zone: Any, form: str = "%Y-%m-%d %H:%M") -> Markup:
    """Return an instant in a zone as a `<time>`, whose title has the seconds and the offset."""
    local = at.astimezone(zone)
    # A page has hundreds of them, and nothing in them needs an escape.
    return Markup(
        f'<time datetime="{local.isoformat(timespec="seconds")}" '
        f'title="{local:%Y-%m-%d %H:%M:%S %Z}">{local:{form}}</time>'
    )


def clock_time(at: datetime, zone: Any, now: datetime) -> Markup:
    """Return an instant as people say it: the time of today, else with the day."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return instant(at, zone, "%H:%M")
    near = abs(local.date() - today.date()) < timedelta(days=7)
    return instant(at, zone, "%a %H:%M" if near else "%Y-%m-%d %H:%M")


def duration(length: timedelta | float) -> str:
    """Return a duration as people say it: `42 s`, `7 min`, `3 h 05 min`, `2 d 4 h`."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    whole = max(0, round(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 60:
        return f"{whole} s"
    if hours < 1:
        return f"{minutes} min"
    if days < 1:
        return f"{hours} h {minutes % 60:02} min"
    return f"{days} d {hours % 24} h"


def time_difference(difference: timedelta | float) -> str:
    """Return how much longer something took: `3 min longer`, `2 s less`, `as long`."""
    seconds = difference.total_seconds() if isinstance(difference, timedelta) else difference
    if abs(seconds) < 1:
        return "as long"
    return f"{duration(abs(seconds))} {'longer' if seconds > 0 else 'less'}"


def sentence(text: str) -> str:
    """Return a clause as a sentence."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "?", "!")) else f"{whole}."


@cache
def static_address(name: str) -> str:
    """Return the address of a static file; it changes with the content, so browsers may keep it."""
    content = (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def shown_value(value: Any, name: str = "") -> str:
    """Return a recorded value as the text that pages show; *name* is that of its field.

    Every value of a run comes through here, so that a rule can hide what belongs to a person.
    """
    value = hidden_value(value, name)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def shown_fields(body: Any) -> list[tuple[str, str]]:
    """Return the body of a request to Alma as names and values, the parameters of a job each.

    A body that is a list, or a single value, has one entry without a name.
    """
    if body in (None, "", {}, []):
        return []
    if not isinstance(body, Mapping):
        return [("", shown_value(body))]
    fields = []
    for name, value in body.items():
        if name == "parameter" and isinstance(value, list):
            fields += [_parameter(one) for one in value]
        else:
            fields.append((str(name), shown_value(value, str(name))))
    return fields


def _parameter(one: Any) -> tuple[str, str]:
    """Return a parameter of a job, `{"name": {"value": …}, "value": …}`, as name and value."""
    if not isinstance(one, Mapping):
        return "", shown_value(one)
    name = one.get("name")
    text = name.get("value", "") if isinstance(name, Mapping) else name
    return shown_value(text), shown_value(one.get("value", ""), shown_value(text))
