"""Pictures made on the server, as SVG: attributes only, because the policy allows no styles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from almaflow.late_dataclasses import dataclass
from almaflow.redaction import REDACTION
from almaflow.visible import visible

_WIDTH = 1000
# Of what a pointer shows.
_LONGEST_TITLE = 500
_HEIGHT = 12


@dataclass(frozen=True)
class Span:
    """A part of the time that a picture covers, as fractions from 0 to 1."""

    begin: float
    width: float


def span_of(
    began_at: datetime | None, ended_at: datetime | None, first: datetime, last: datetime
) -> Span | None:
    """Return where something that lasted from *began_at* on is; None: it did not begin."""
    if began_at is None:
        return None
    whole = max((last - first).total_seconds(), 1.0)
    begin = min(max((began_at - first).total_seconds() / whole, 0.0), 1.0)
    end = min(max(((ended_at or last) - first).total_seconds() / whole, begin), 1.0)
    return Span(begin, end - begin)


def length_bar(length: timedelta, longest: timedelta) -> Markup:
    """Return a bar as long as *length* among others of which the longest is *longest*."""
    part = Span(0.0, min(length / longest, 1.0) if longest else 0.0)
    return bar([("quiet-bar", part)], "duration")


def bar(spans: Sequence[tuple[str, Span | None]], label: str) -> Markup:
    """Return a bar with *spans*, each with the class of its colour; *label* says what it shows."""
    parts = [
        Markup('<rect class="{}" x="{:.0f}" y="0" width="{:.0f}" height="{}" rx="2"/>').format(
            tone, span.begin * _WIDTH, max(span.width * _WIDTH, 4), _HEIGHT
        )
        for tone, span in spans
        if span is not None
    ]
    return Markup(
        '<svg class="bar" role="img" aria-label="{}" viewBox="0 0 {} {}" '
        'preserveAspectRatio="none">{}</svg>'
    ).format(label, _WIDTH, _HEIGHT, Markup("").join(parts))


@dataclass(frozen=True)
class BarPart:
    """A part of a bar: the class of its colour, where it is, and what a pointer on it shows."""

    tone: str
    span: Span
    title: str
    is_thin: bool = False
    """Whether it is drawn as a line, so that it differs without its colour too."""


def time_bar(parts: Sequence[BarPart], label: str) -> Markup:
    """Return a bar of what happened when; *label* says it in words."""
    drawn = Markup("").join(map(_drawn, parts))
    # Faster than a template, of which a page with many steps would need hundreds.
    return Markup(
        f'<svg class="bar" role="img" aria-label="{escape(_text(label))}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none">{drawn}</svg>'
    )


def _drawn(part: BarPart) -> Markup:
    height = _HEIGHT // 3 if part.is_thin else _HEIGHT
    title = f"<title>{escape(_text(part.title))}</title>" if part.title else ""
    return Markup(
        f'<rect class="{escape(part.tone)}" x="{part.span.begin * _WIDTH:.0f}" '
        f'y="{height if part.is_thin else 0}" width="{max(part.span.width * _WIDTH, 4):.0f}" '
        f'height="{height}">{title}</rect>'
    )


def _text(text: str) -> str:
    """Return a text for a picture, as templates write texts."""
    return visible(REDACTION.text(text))[:_LONGEST_TITLE]
