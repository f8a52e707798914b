"""An outline as SVG: steps from the top down, arms side by side, iterations in a frame.

Workflows nest, so the picture does too: each part is drawn from its own corner and has a size, and
a part that contains others puts them next to or below each other.

    ┌ step ┐
    └──────┘
       │            a branch: its question, and below it
    ┌ step ┐        one column for each arm
    └──────┘
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from almaflow.authoring.pictures.outline import Arm, Box, Outline
from almaflow.authoring.pictures.svg import (
    LETTER,
    LINE,
    arrow,
    document,
    element,
    folded,
    rectangle,
    text,
)
from almaflow.late_dataclasses import dataclass

_WIDTH = 280
_PADDING = 10
_STRIPE = 5
_GAP = 22
_BETWEEN = 18
_MARGIN = 24
_WIDEST_ROW = 1150
"""More arms than fit into this width (pixels) begin another row."""
_COLUMNS = int((_WIDTH - 2 * _PADDING - _STRIPE) / LETTER)


@dataclass(frozen=True)
class Part:
    """Something drawn, from its own top left corner; arrows meet it in the middle."""

    width: float
    height: float
    pieces: tuple[str, ...]
    divides: bool = False
    """Whether it begins with a line that leads to several arms."""

    def at(self, x: float, y: float) -> str:
        """Return it as one group at another place."""
        return element("g", {"transform": f"translate({x:.1f} {y:.1f})"}, "\n".join(self.pieces))


def flow_svg(outline: Outline) -> str:
    """Return the picture of a whole workflow as an SVG file."""
    starts = outline.starts or ("started by a person",)
    parts = [_card(outline.name, starts, "other"), *map(_box, outline.steps)]
    if outline.finally_:
        title = "finally: also after a failure"
        parts.append(_framed(title, _stack([_box(box) for box in outline.finally_])))
    whole = _stack(parts)
    about = "; ".join(_told(outline.steps))
    return document(
        whole.width + 2 * _MARGIN,
        whole.height + 2 * _MARGIN,
        f"Workflow {outline.name}",
        about,
        [whole.at(_MARGIN, _MARGIN)],
    )


def _told(boxes: Iterable[Box]) -> Iterator[str]:
    for box in boxes:
        yield f"{box.title} ({box.kind}) {box.about}".strip()
        for arm in box.arms:
            yield from _told(arm.boxes)


def _box(box: Box) -> Part:
    title = box.title if box.title == box.kind else f"{box.title} · {box.kind}"
    card = _card(title, (box.about, *box.remarks), box.role)
    if not box.arms:
        return card
    if not box.arms[0].label:
        inside = _stack([_box(one) for one in box.arms[0].boxes])
        return _stack([card, _framed("for each item", inside)])
    arms = list(box.arms)
    if box.kind == "branch" and all(arm.label != "default" for arm in arms):
        arms.append(Arm("any other value: the step fails", ()))
    return _stack([card, _rows([_framed(arm.label, _arm(arm)) for arm in arms])])


def _arm(arm: Arm) -> Part:
    if arm.boxes:
        return _stack([_box(box) for box in arm.boxes])
    return Part(_WIDTH, LINE, (text(_WIDTH / 2, LINE - 4, "nothing", "quiet", "middle"),))


def _card(title: str, lines: Sequence[str], tone: str) -> Part:
    """Return one step: a stripe in the colour of its role, its title, and lines about it."""
    words = [
        *((line, "title") for line in folded(title, _COLUMNS - 2, 2)),
        *((line, "quiet") for one in lines if one for line in folded(one, _COLUMNS, 3)),
    ]
    height = len(words) * LINE + 2 * _PADDING - 4
    pieces = [
        rectangle(0, 0, _WIDTH, height, "box"),
        rectangle(0, 0, _STRIPE, height, tone),
        *(
            text(_STRIPE + _PADDING, _PADDING + 10 + place * LINE, line, style)
            for place, (line, style) in enumerate(words)
        ),
    ]
    return Part(_WIDTH, height, tuple(pieces))


def _stack(parts: Sequence[Part]) -> Part:
    """Return parts below each other, with arrows, each in the middle."""
    width = max((part.width for part in parts), default=0)
    pieces, y = list[str](), 0.0
    for place, part in enumerate(parts):
        if place:
            pieces.append(_down(width / 2, y, part))
            y += _GAP
        pieces.append(part.at((width - part.width) / 2, y))
        y += part.height
    return Part(width, y, tuple(pieces))


def _down(x: float, y: float, part: Part) -> str:
    """Return the arrow to *part*; one that divides has arrows of its own further down."""
    if part.divides:
        return element("path", {"d": f"M{x:.1f} {y:.1f}v{_GAP}", "class": "arrow"})
    return arrow(x, y, y + _GAP)


def _rows(parts: Sequence[Part]) -> Part:
    """Return parts side by side, in as many rows as the width needs."""
    rows: list[list[Part]] = [[]]
    for part in parts:
        if rows[-1] and _length([*rows[-1], part]) > _WIDEST_ROW:
            rows.append([])
        rows[-1].append(part)
    width = max(_length(row) for row in rows)
    pieces, y = list[str](), 0.0
    for row in rows:
        x = (width - _length(row)) / 2
        middles = [x + before + part.width / 2 for before, part in _places(row)]
        pieces.append(_line(min(*middles, width / 2), max(*middles, width / 2), y))
        for (before, part), middle in zip(_places(row), middles, strict=True):
            pieces += [arrow(middle, y, y + _GAP), part.at(x + before, y + _GAP)]
        y += max(part.height for part in row) + _GAP + _BETWEEN
    return Part(width, y - _BETWEEN, tuple(pieces), divides=True)


def _places(row: Sequence[Part]) -> list[tuple[float, Part]]:
    """Return the parts of a row, each with the distance of its left end from the row's."""
    return [
        (sum(one.width + _BETWEEN for one in row[:place]), part) for place, part in enumerate(row)
    ]


def _line(begin: float, end: float, y: float) -> str:
    return element("path", {"d": f"M{begin:.1f} {y:.1f}H{end:.1f}", "class": "arrow"})


def _length(parts: Sequence[Part]) -> float:
    return sum(part.width for part in parts) + _BETWEEN * (len(parts) - 1)


def _framed(title: str, inside: Part) -> Part:
    """Return a part in a dashed frame with a title."""
    lines = folded(title, int(inside.width / LETTER), 3)
    head = len(lines) * LINE + _PADDING
    width, height = inside.width + 2 * _PADDING, inside.height + head + 2 * _PADDING
    pieces = [
        rectangle(0, 0, width, height, "frame"),
        *(
            text(_PADDING, _PADDING + 8 + place * LINE, line, "title")
            for place, line in enumerate(lines)
        ),
        inside.at(_PADDING, head + _PADDING),
    ]
    return Part(width, height, tuple(pieces))
