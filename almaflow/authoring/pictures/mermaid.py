"""An outline as a Mermaid flowchart, which GitHub, GitLab and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from almaflow.authoring.pictures.outline import Arm, Box, Outline, Role

_FENCES = {Role.DECIDES: ("{{", "}}"), Role.PERSON: ("([", "])")}
_PLAIN = ("[", "]")


def mermaid(outline: Outline) -> str:
    """Return the text of a flowchart, from the top down."""
    writer = _Writer()
    starts = "<br>".join(_escaped(text) for text in outline.starts) or "started by a person"
    writer.line(f'start(["{_escaped(outline.name)}<br>{starts}"])')
    last = writer.sequence(outline.steps, [("start", "")])
    if outline.finally_:
        writer.frame("finally")
        writer.indent += 1
        last = writer.sequence(outline.finally_, last)
        writer.indent -= 1
        writer.line("end")
    writer.line("done((end))")
    writer.join(last, "done")
    return "flowchart TD\n" + "\n".join(writer.lines) + "\n"


# The ends that lead to the next box, each with the label of its arrow.
Ends = Sequence[tuple[str, str]]


class _Writer:
    """Writes lines, and numbers boxes in the order of the file."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.indent = 1
        self._numbers = count(1)

    def line(self, text: str) -> None:
        self.lines.append("  " * self.indent + text)

    def frame(self, title: str) -> None:
        """Begin a frame around boxes, which the line `end` closes."""
        self.line(f'subgraph f{next(self._numbers)}["{_escaped(title)}"]')

    def join(self, ends: Ends, name: str) -> None:
        for end, label in ends:
            self.line(f'{end} -->|"{_escaped(label)}"| {name}' if label else f"{end} --> {name}")

    def sequence(self, boxes: Sequence[Box], ends: Ends) -> Ends:
        """Write boxes one after another; return the ends of the last."""
        for box in boxes:
            ends = self._box(box, ends)
        return ends

    def _box(self, box: Box, ends: Ends) -> Ends:
        name = f"s{next(self._numbers)}"
        before, after = _FENCES.get(box.role, _PLAIN)
        text = "<br>".join(_escaped(line) for line in _lines(box))
        self.line(f'{name}{before}"{text}"{after}')
        self.join(ends, name)
        if not box.arms:
            return [(name, "")]
        after_arms: list[tuple[str, str]] = []
        for arm in box.arms:
            after_arms += self._arm(box, name, arm)
        if box.kind == "branch" and all(arm.label != "default" for arm in box.arms):
            after_arms.append((name, "another value: fails"))
        return after_arms

    def _arm(self, box: Box, name: str, arm: Arm) -> Ends:
        if not arm.boxes:
            return [(name, arm.label)]
        if arm.label:
            return self.sequence(arm.boxes, [(name, arm.label)])
        self.frame(f"for each {box.about}")
        self.indent += 1
        ends = self.sequence(arm.boxes, [(name, "")])
        self.indent -= 1
        self.line("end")
        return ends


def _lines(box: Box) -> Iterator[str]:
    yield box.title if box.title == box.kind else f"{box.title} ({box.kind})"
    if box.about:
        yield box.about
    yield from box.remarks


def _escaped(text: str) -> str:
    """Return *text* for a label in quotes: Mermaid reads entities, and HTML in labels."""
    marks = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;"}
    return "".join(marks.get(letter, letter) for letter in text)
