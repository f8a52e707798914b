"""Pictures of workflows and runs: well-formed, complete, and safe with any text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow import docs
from almaflow.authoring.pictures.flow_svg import flow_svg
from almaflow.authoring.pictures.mermaid import mermaid
from almaflow.authoring.pictures.outline import Arm, Box, Outline, Role, outline_of
from almaflow.authoring.pictures.svg import folded
from almaflow.authoring.pictures.timeline_svg import MOST_STEPS, timeline_svg
from almaflow.outcome import Outcome, Status
from almaflow.runs.step_views import StepView
from almaflow.runs.timeline import Stretch, StretchKind
from almaflow.runs.views import RunView
from almaflow.steps.tree import walk
from almaflow.workflow_loader import LoadedWorkflow, load_text

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file
    for folder in (ROOT / "workflows", docs.HERE / "cookbook")
    for file in folder.glob("*.yaml")
    if not {".scenario", ".tests"} & set(file.suffixes) and file.name != docs.RECIPE_SETTINGS
)
NOW = datetime(2026, 11, 3, 2, 30, tzinfo=UTC)


def load(file: Path) -> LoadedWorkflow:
    return load_text(file.read_text("utf-8"), file.name)


def texts_of(svg: str) -> list[str]:
    """Return the texts that a reader sees; parsing it shows that it is well-formed."""
    space = "{http://www.w3.org/2000/svg}"
    return [one.text or "" for one in ElementTree.fromstring(svg).iter(f"{space}text")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_step_of_a_workflow_is_in_both_pictures(file: Path) -> None:
    loaded = load(file)
    outline = outline_of(loaded.workflow, loaded.name, "Europe/Zurich")

    titles = " ".join(texts_of(flow_svg(outline)))
    flowchart = mermaid(outline)

    for node in [*walk(loaded.workflow.steps), *walk(loaded.workflow.finally_ or ())]:
        title = node.step.name or node.step.id or node.step.kind.key
        assert title in titles
        assert title in flowchart


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_box_of_a_flowchart_is_reached_from_the_start(file: Path) -> None:
    loaded = load(file)
    flowchart = mermaid(outline_of(loaded.workflow, loaded.name, "Europe/Zurich"))

    boxes = set(re.findall(r"^ *(s\d+|done)\W", flowchart, re.M))
    arrows = re.findall(r'^ *(\w+) -->(?:\|"[^"]*"\|)? (\w+)$', flowchart, re.M)
    reached = {"start"}
    for begin, end in arrows:
        reached |= {end} if begin in reached else set()
    assert boxes <= reached


def test_a_branch_without_default_shows_what_happens_to_other_values() -> None:
    text = "steps: [{branch: {on: \"'a'\", cases: {a: [{wait: 1m}], b: []}}}]\n"
    outline = outline_of(load_text(text, "w.yaml").workflow, "w", "UTC")

    assert "another value: fails" in mermaid(outline)
    assert any("any other value" in one for one in texts_of(flow_svg(outline)))


def test_a_workflow_says_what_starts_it() -> None:
    text = "schedule: [{daily: '02:30'}]\non: {job_ended: [M58]}\nsteps: [{wait: 1m}]\n"
    outline = outline_of(load_text(text, "w.yaml").workflow, "w", "UTC")

    assert outline.starts == ["at 02:30 every day, UTC", "when job M58 has ended"]


@given(st.text(max_size=60), st.text(max_size=300))
def test_any_text_is_text_in_the_pictures(title: str, about: str) -> None:
    inner = Box("x/1", "wait", "wait", "", [], Role.OTHER)
    box = Box("x", "for_each", title, about, [about], Role.CHANGES, [Arm("", [inner])])
    outline = Outline(title, [about], [box], [box])
    shown = re.compile(r"[^\x20-\x7e]")
    if shown.search(title + about):
        # What the outline has is visible already (`almaflow.visible`).
        outline = Outline("w", [], [inner], [])

    assert texts_of(flow_svg(outline))
    quoted = [line.count('"') for line in mermaid(outline).splitlines()]
    assert set(quoted) <= {0, 2}


@given(st.text("ab {}", max_size=200), st.integers(4, 40), st.integers(1, 4))
def test_lines_are_broken_within_their_width(words: str, columns: int, most: int) -> None:
    lines = folded(words, columns, most)

    assert len(lines) <= most
    assert all(0 < len(line) <= columns for line in lines)


def step(number: int, outcome: Outcome = Outcome.SUCCEEDED) -> StepView:
    return StepView(f"step_{number}", "wait", "", Status.FINISHED, outcome, attempts=1)


def run_of(*steps: StepView) -> RunView:
    fields: dict[str, Any] = dict.fromkeys(RunView.__annotations__)
    fields |= {"id": "20261103-023000-aaaaa", "workflow": "<night>", "timezone": "Europe/Zurich"}
    fields |= {"status": Status.FINISHED, "outcome": Outcome.FAILED, "steps": steps}
    fields |= {"requested_at": NOW, "started_at": NOW}
    return RunView(**fields)


def test_a_timeline_shows_each_step_with_its_stretches_and_round_times() -> None:
    hour = timedelta(hours=1)
    stretches = {
        "step_1": (Stretch(StretchKind.WORKS, NOW, NOW + hour),),
        "step_2": (
            Stretch(StretchKind.WAITS, NOW + hour, NOW + 2 * hour),
            Stretch(StretchKind.IN_ALMA, NOW + 2 * hour, NOW + 4 * hour),
        ),
    }
    run = run_of(step(1), step(2, Outcome.FAILED), step(3))

    svg = timeline_svg(run, stretches, NOW + 4 * hour)

    texts = texts_of(svg)
    assert {"step_1", "step_2 ✗", "04:00", "07:00"} <= set(texts)
    assert "step_3" not in texts
    assert "<night>: failed after 4h" in texts
    for kind in StretchKind:
        assert len(re.findall(f'height="14.0" rx="3" class="{kind}"', svg)) == 1


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=3), timedelta(days=400)])
def test_a_timeline_of_any_length_has_few_lines(length: timedelta) -> None:
    svg = timeline_svg(
        run_of(step(1)), {"step_1": (Stretch(StretchKind.WORKS, NOW, NOW + length),)}, NOW + length
    )

    assert svg.count("<line") <= 16


def test_a_timeline_of_many_steps_says_how_many_are_left_out() -> None:
    steps = [step(number) for number in range(MOST_STEPS + 7)]
    stretches = {
        one.path: (Stretch(StretchKind.WORKS, NOW, NOW + timedelta(minutes=1)),) for one in steps
    }

    texts = texts_of(timeline_svg(run_of(*steps), stretches, NOW + timedelta(hours=1)))

    assert "7 more steps." in texts
