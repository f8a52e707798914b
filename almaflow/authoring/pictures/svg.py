"""Small pieces of SVG: escaped text, boxes, arrows, and a document with its colours.

A document needs no script and no font of its own, and follows the reader's light or dark scheme.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape

LETTER = 6.6
"""About how wide a letter is (pixels), at the size of the text."""
LINE = 16

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1d2830; }
.title { font-weight: 650; }
.quiet { fill: #5b6670; }
.page { fill: #ffffff; }
.box { fill: #f6f8f8; stroke: #9aa7ad; }
.frame { fill: none; stroke: #9aa7ad; stroke-dasharray: 4 3; }
.arrow { fill: none; stroke: #5b6670; stroke-width: 1.2; }
.tip { fill: #5b6670; }
.grid { stroke: #dfe5e6; }
.changes { fill: #1f6666; }
.reads { fill: #5b7fa6; }
.decides { fill: #8a5a00; }
.person { fill: #8a3f7d; }
.other { fill: #9aa7ad; }
.works { fill: #1f6666; }
.in_alma { fill: #6fb3ae; }
.waits { fill: #e0c27a; }
.bad { fill: #b3261e; }
@media (prefers-color-scheme: dark) {
  text { fill: #e3e9ec; }
  .quiet { fill: #a3afb8; }
  .page { fill: #12181f; }
  .box { fill: #1a212b; stroke: #56636d; }
  .frame { stroke: #56636d; }
  .arrow { stroke: #a3afb8; }
  .tip { fill: #a3afb8; }
  .grid { stroke: #2c3641; }
  .changes, .works { fill: #3f9a95; }
  .in_alma { fill: #2d6e6a; }
  .waits { fill: #8d7436; }
  .bad { fill: #f2978f; }
}
"""


def element(name: str, attributes: Mapping[str, object], content: str = "") -> str:
    """Return one element; *content* is SVG already."""
    given = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{given}>{content}</{name}>" if content else f"<{name}{given}/>"


def text(x: float, y: float, words: str, tone: str = "", anchor: str = "start") -> str:
    """Return one line of text with its base line at *y*; *tone* is a class of the style."""
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": tone, "text-anchor": anchor}
    return element("text", {key: value for key, value in place.items() if value}, escape(words))


def rectangle(x: float, y: float, width: float, height: float, tone: str, title: str = "") -> str:
    """Return a rounded rectangle; *title* is what a browser shows under the pointer."""
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
    content = element("title", {}, escape(title)) if title else ""
    return element("rect", {**place, "rx": 3, "class": tone}, content)


def arrow(x: float, top: float, bottom: float) -> str:
    """Return an arrow that points down."""
    line = element("path", {"d": f"M{x:.1f} {top:.1f}V{bottom - 5:.1f}", "class": "arrow"})
    tip = f"M{x - 4:.1f} {bottom - 6:.1f}h8l-4 6z"
    return line + element("path", {"d": tip, "class": "tip"})


def document(width: float, height: float, title: str, about: str, pieces: Iterable[str]) -> str:
    """Return a whole SVG file; *title* and *about* are read to those who cannot see it."""
    head = element("title", {}, escape(title)) + element("desc", {}, escape(about))
    page = f'<rect width="{width:.0f}" height="{height:.0f}" class="page"/>'
    whole = f"{head}<style>{_STYLE}</style>{page}" + "\n".join(pieces)
    size = {"width": f"{width:.0f}", "height": f"{height:.0f}"}
    view = {"viewBox": f"0 0 {width:.0f} {height:.0f}", "role": "img"}
    return element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, **view}, whole) + "\n"


def folded(words: str, columns: int, most: int) -> list[str]:
    """Break *words* into at most *most* lines; what is cut ends with `…`."""
    lines, rest = list[str](), _whole_names(" ".join(words.split()))
    while rest and len(lines) < most:
        if len(rest) <= columns:
            lines.append(rest)
            return lines
        if len(lines) == most - 1:
            lines.append(rest[: columns - 1] + "…")
            return lines
        end = rest.rfind(" ", columns // 4, columns + 1)
        end = end if end > 0 else columns
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return lines


def _whole_names(words: str) -> str:
    """Keep a short `{{ … }}` on one line: its spaces become such that do not break."""
    return re.sub(r"\{\{[^{}]{1,26}\}\}", lambda match: match[0].replace(" ", "\xa0"), words)
