"""What `almaflow diff` prints of changes: text for people, and Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from almaflow.authoring.revisions.changes import (
    Action,
    FieldChange,
    ProjectDiff,
    RequestChange,
    StepChange,
    TickChanges,
    WorkflowChange,
)
from almaflow.cli.render.revision_text import as_data, markdown, summary, text_lines
from almaflow.problems import Location, Problem

FIRST = datetime(2026, 11, 3, 2, 30, tzinfo=UTC)
LIMITS = {"limits": (FieldChange("timeout", "8h", "6h"),)}


def diff(
    *workflows: WorkflowChange,
    settings: Mapping[str, tuple[FieldChange, ...]] | None = None,
    same: tuple[str, ...] = (),
    problems: tuple[Problem, ...] = (),
    remarks: tuple[str, ...] = (),
) -> ProjectDiff:
    uncompared = tuple(one.location.file for one in problems)
    return ProjectDiff(
        "HEAD", "main", workflows, settings or {}, same, problems, uncompared, remarks
    )


def lines(*workflows: WorkflowChange) -> list[str]:
    """Return the lines about workflows, without the heading and the summary."""
    return list(text_lines(diff(*workflows)))[1:-2]


def changed(*fields: FieldChange) -> list[str]:
    """Return the lines about settings of one workflow, below their heading."""
    return lines(WorkflowChange(Action.CHANGED, "a", "a.yaml", settings={"limits": fields}))[1:]


@pytest.mark.parametrize(
    ("name", "before"),
    [("nightly", "old.yaml"), ("every-night", "nightly in old.yaml")],
)
def test_a_renamed_workflow_says_what_it_was(name: str, before: str) -> None:
    one = WorkflowChange(Action.RENAMED, name, "new.yaml", "nightly", "old.yaml", LIMITS)

    assert list(text_lines(diff(one))) == [
        f"> {name} (new.yaml, before: {before})",
        "  limits",
        "    ~ timeout: 8h → 6h",
        "",
        "From HEAD to main: 1 workflow renamed.",
    ]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (StepChange(Action.ADDED, "a", "wait", 3, place="first"), "+ a (wait), line 3, first"),
        (StepChange(Action.REMOVED, "a", "wait", 3), "- a (wait), was in line 3"),
        (StepChange(Action.RENAMED, "a", "wait", 3, "b"), "> a (wait), line 3, before: b"),
        (
            StepChange(Action.MOVED, "a", "wait", 3, place="after `b`"),
            "> a (wait), line 3, moved: now after `b`",
        ),
        (StepChange(Action.CHANGED, "a", "wait", 3), "~ a (wait), line 3"),
    ],
)
def test_a_step_says_what_happened_to_it(step: StepChange, line: str) -> None:
    one = WorkflowChange(Action.CHANGED, "a", "a.yaml", steps=(step,), remarks=("A remark",))

    assert lines(one) == ["  A remark", "  steps", f"    {line}"]


def test_requests_and_the_end_of_the_run_are_listed() -> None:
    request = RequestChange(
        Action.CHANGED, "export", "POST /conf/jobs/M44", (FieldChange("format", "XML", "CSV"),)
    )
    end = FieldChange("outcome", "succeeded", "failed")
    only_end = WorkflowChange(Action.CHANGED, "a", "a.yaml", outcomes=end)
    only_request = WorkflowChange(Action.CHANGED, "a", "a.yaml", requests=(request,))

    assert lines(only_end) == [
        "  requests of the simulated run",
        "    ~ outcome: succeeded → failed",
    ]
    assert lines(only_request) == [
        "  requests of the simulated run",
        "    ~ export: POST /conf/jobs/M44",
        "      ~ format: XML → CSV",
    ]


@pytest.mark.parametrize(
    ("ticks", "below"),
    [
        (TickChanges((FIRST,), (), 7, 0, 30), ["+ 7 gained: Tue 2026-11-03 02:30, and 6 more"]),
        (
            TickChanges((), (FIRST, FIRST + timedelta(days=1)), 0, 2, 30),
            ["- 2 lost: Tue 2026-11-03 02:30, Wed 2026-11-04 02:30"],
        ),
        (TickChanges((), (), 0, 0, 30, "Ticks are not compared"), ["Ticks are not compared"]),
    ],
)
def test_ticks_are_counted_and_the_first_are_named(ticks: TickChanges, below: list[str]) -> None:
    one = WorkflowChange(Action.CHANGED, "a", "a.yaml", ticks=ticks)

    assert lines(one) == ["  ticks of the next 30 days", *(f"    {line}" for line in below)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (FieldChange("key", None, "new"), ["+ key: new"]),
        (FieldChange("key", "old", None), ["- key: old"]),
        (FieldChange("key", "", "new"), ["~ key: (empty) → new"]),
        (FieldChange("key", "a\nb", "c"), ["~ key:", "  - a ⏎ b", "  + c"]),
        (FieldChange("key", "o" * 200, "n"), ["~ key:", f"  - {'o' * 160}…", "  + n"]),
    ],
)
def test_a_value_is_on_one_line_when_it_is_short(change: FieldChange, expected: list[str]) -> None:
    assert changed(change) == [f"    {line}" for line in expected]


def test_more_than_twelve_keys_are_counted() -> None:
    many = [FieldChange(f"key{number}", "1", "2") for number in range(15)]

    listed = changed(*many)

    assert len(listed) == 13
    assert listed[-2:] == ["    ~ key11: 1 → 2", "    ~ and 3 more"]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (diff(), "No change in meaning between HEAD and main."),
        (
            diff(same=("a.yaml",)),
            "No change in meaning between HEAD and main. "
            "1 file has changes without a change in meaning.",
        ),
        (
            diff(
                *(WorkflowChange(Action.ADDED, name, f"{name}.yaml") for name in "ab"),
                WorkflowChange(Action.REMOVED, "c", "c.yaml"),
                settings=LIMITS,
                same=("d.yaml", "e.yaml"),
                problems=(Problem(Location("f.yaml"), "unknown-key", "There is no key `x`."),),
            ),
            "From HEAD to main: 2 workflows added, 1 workflow removed, almaflow.yaml changed, "
            "1 invalid, not compared. 2 files have changes without a change in meaning.",
        ),
    ],
)
def test_the_summary_counts_what_differs(found: ProjectDiff, sentence: str) -> None:
    assert summary(found) == sentence


def test_settings_files_without_change_and_remarks_are_at_the_end() -> None:
    found = diff(settings=LIMITS, same=("b.yaml",), remarks=("A file is not in this clone.",))

    assert list(text_lines(found))[:-1] == [
        "~ almaflow.yaml",
        "  limits",
        "    ~ timeout: 8h → 6h",
        "",
        "= b.yaml: no change in meaning",
        "A file is not in this clone.",
    ]


def test_markdown_has_headings_for_workflows_and_invalid_files() -> None:
    wrong = Problem(Location("b.yaml", 2), "unknown-key", "There is no key `wiat`.")
    step = StepChange(
        Action.CHANGED, "a_b", "wait", 3, fields=(FieldChange("to", None, "see ``@anna``"),)
    )
    found = diff(
        WorkflowChange(Action.ADDED, "a", "a.yaml", steps=(step,), remarks=("By <you>",)),
        settings=LIMITS,
        problems=(wrong,),
        remarks=("One remark",),
    )

    written = markdown(found).splitlines()

    assert written[0] == "## almaflow: HEAD → main"
    assert "### a (a.yaml) (added)" in written
    assert "### almaflow.yaml" in written
    assert "- By \\<you\\>" in written
    assert "- `~` a\\_b (wait), line 3" in written
    assert "  - `+` `` to: see `@anna` ``" in written
    assert written[written.index("### Invalid files") + 2].startswith("- b.yaml:2")
    assert written[-1] == "- One remark"
    assert as_data(found)["problems"][0]["code"] == "unknown-key"
    assert as_data(found)["differs"] is True


def test_markdown_that_is_too_long_for_a_comment_is_cut_after_a_line() -> None:
    remarks = tuple(f"Remark {number} {'x' * 100}" for number in range(1000))

    written = markdown(diff(WorkflowChange(Action.CHANGED, "a", "a.yaml", remarks=remarks)))

    *kept, empty, last = written.splitlines()
    assert len(written) < 60_200
    assert kept[-1].endswith("x" * 100)
    assert not empty
    assert last == "The rest is left out; `almaflow diff` shows all of it."
