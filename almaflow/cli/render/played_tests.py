"""The results of `almaflow test`: for people, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from almaflow.authoring.workflow_tests.coverage import Coverage, percent_of
from almaflow.authoring.workflow_tests.differences import Difference
from almaflow.authoring.workflow_tests.suite import PlayedTest
from almaflow.cli.render.event_lines import how_long
from almaflow.cli.render.problem_formats import picture, problem_as_data
from almaflow.cli.render.symbols import mark_of
from almaflow.cli.render.terminal import coloured, painted
from almaflow.cli.render.text_layout import many, on_one_line
from almaflow.outcome import Outcome, Status
from almaflow.problems import Problem, Severity


def played_lines(one: PlayedTest, *, new_file: bool) -> Iterator[str]:
    """Yield the line of a test, with its workflow and file above the first of a file."""
    if new_file:
        head = coloured(on_one_line(one.workflow.name), bold=True)
        yield f"{head}  ({on_one_line(one.location.file)})"
    outcome = Outcome.SUCCEEDED if one.passed else Outcome.FAILED
    mark = mark_of(Status.FINISHED, outcome)
    took = how_long(one.simulated_seconds) if one.outcome else ""
    ended = coloured(f"  {one.outcome}{f' after {took}' if took else ''}", dim=True)
    yield f"  {mark} {on_one_line(one.name)}{ended if one.outcome else ''}"


def difference_lines(one: PlayedTest, *, colours: bool) -> Iterator[str]:
    """Yield the lines about how the run of a test differs from what is expected."""
    yield ""
    place, kind = on_one_line(str(one.location)), "failed"
    if colours:
        place, kind = painted(place, bold=True), painted(kind, "red", bold=True)
    yield f"{place}: {kind}: {on_one_line(one.name)}"
    for difference in one.differences:
        yield from _lines(difference, colours=colours)


def _lines(difference: Difference, *, colours: bool) -> Iterator[str]:
    yield f"  {on_one_line(difference.subject)}"
    expected, actual = on_one_line(difference.expected), on_one_line(difference.actual)
    if colours:
        expected, actual = painted(expected, "green"), painted(actual, "red")
    yield f"    expected: {expected}"
    yield f"    actual:   {actual}"
    if difference.hint:
        yield f"    {on_one_line(difference.hint)}"
    colour = "red" if colours else ""
    yield from picture(difference.location, difference.line_text, colour)


def coverage_lines(reached: Sequence[Coverage]) -> Iterator[str]:
    """Yield what no test reaches, for each workflow; nothing without workflows."""
    for one in reached:
        counted = f"{one.points - len(one.missed)} of {one.points} ({_percent(one.percent)})"
        colour = "yellow" if one.missed else "green"
        yield f"{on_one_line(one.workflow)}: the tests reach {coloured(counted, colour)}."
        for point in one.missed:
            yield f"  {on_one_line(str(point.location))}: `{point.path}` {on_one_line(point.what)}"
    if len(reached) > 1:
        yield f"All workflows together: {_percent(percent_of(reached))}."
    if reached:
        yield ""


def _percent(number: float) -> str:
    # 99.6 % are not all.
    return f"{int(number)} %"


def conclusion(played: Sequence[PlayedTest], problems: Sequence[Problem]) -> str:
    """Return the last line: how many tests passed and failed, and how long they took."""
    failed = sum(not one.passed for one in played)
    parts = [many(len(played) - failed, "test", zero="no") + " passed"]
    parts += [coloured(f"{failed} failed", "red", bold=True)] if failed else []
    errors = sum(one.severity is Severity.ERROR for one in problems)
    parts += [coloured(many(errors, "error", zero="no"), "red", bold=True)] if errors else []
    parts += [many(len(problems) - errors, "warning", zero="no")] if len(problems) > errors else []
    seconds = sum(one.seconds for one in played)
    simulated = how_long(sum(one.simulated_seconds for one in played))
    time = f"; {seconds:.1f} s for {simulated} of simulated time" if simulated else ""
    return f"{', '.join(parts)}{time}."


def results(
    played: Sequence[PlayedTest], problems: Sequence[Problem], reached: Sequence[Coverage] | None
) -> dict[str, Any]:
    """Return all results as JSON data; *reached* is None without `--coverage`."""
    failed = sum(not one.passed for one in played)
    covered = {} if reached is None else {"coverage": _coverage_as_data(reached)}
    return {
        "passed": len(played) - failed,
        "failed": failed,
        "tests": [_as_data(one) for one in played],
        "problems": [problem_as_data(one) for one in problems],
        **covered,
    }


def _coverage_as_data(reached: Sequence[Coverage]) -> dict[str, Any]:
    return {
        "percent": round(percent_of(reached), 1),
        "workflows": [
            {
                "workflow": one.workflow,
                "file": one.file,
                "points": one.points,
                "percent": round(one.percent, 1),
                "missed": [
                    {
                        "path": point.path,
                        "what": point.what,
                        "line": point.location.line,
                        "column": point.location.column,
                    }
                    for point in one.missed
                ],
            }
            for one in reached
        ],
    }


def _as_data(one: PlayedTest) -> dict[str, Any]:
    return {
        "file": one.location.file,
        "line": one.location.line,
        "workflow": one.workflow.name,
        "name": one.name,
        "passed": one.passed,
        "outcome": one.outcome,
        "seconds": round(one.seconds, 3),
        "simulated_seconds": one.simulated_seconds,
        "differences": [
            {
                "line": difference.location.line,
                "column": difference.location.column,
                "subject": difference.subject,
                "expected": difference.expected,
                "actual": difference.actual,
                "hint": difference.hint,
            }
            for difference in one.differences
        ],
    }
