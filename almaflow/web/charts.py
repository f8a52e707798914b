"""Pictures made on the server, as SVG: attributes only, because the policy allows no styles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from almaflow.late_dataclasses import dataclass

_WIDTH = 1000
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
