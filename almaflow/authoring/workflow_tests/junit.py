"""The results of tests as JUnit XML, which CI systems show.

There is no standard. The elements and attributes are those that the strictest reader allows,
Jenkins' xUnit plugin; GitLab, GitHub's actions and Azure Pipelines read the same. Source:
github.com/jenkinsci/xunit-plugin, `junit-10.xsd`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from almaflow.authoring.workflow_tests.suite import PlayedTest
from almaflow.problems import Problem, Severity
from almaflow.redaction import REDACTION
from almaflow.visible import visible


def junit_xml(played: Sequence[PlayedTest], problems: Sequence[Problem]) -> bytes:
    """Return all results as one document in UTF-8; a file with *problems* counts as an error."""
    root = Element("testsuites", name="almaflow")
    errors = [one for one in problems if one.severity is Severity.ERROR]
    locations = [one.location for one in played] + [one.location for one in errors]
    files = dict.fromkeys(one.file for one in locations)
    for file in files:
        tests = [one for one in played if one.location.file == file]
        _suite(root, file, tests, [one for one in errors if one.location.file == file])
    _count(root, played, errors)
    indent(root)
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _suite(
    root: Element, file: str, tests: Sequence[PlayedTest], errors: Sequence[Problem]
) -> None:
    suite = SubElement(root, "testsuite", name=_text(file), file=_text(file))
    _count(suite, tests, errors)
    suite.set("skipped", "0")
    for one in tests:
        case = _case(suite, one.name, file, one.seconds)
        if not one.passed:
            first = one.differences[0]
            message = f"{first.subject}: expected {first.expected}, actual {first.actual}"
            failure = SubElement(case, "failure", type="difference", message=_text(message))
            failure.text = _text("\n".join(_lines(one)))
    for problem in errors:
        location = problem.location
        case = _case(suite, f"{problem.code} in line {location.line}", file, 0.0)
        error = SubElement(case, "error", type=problem.code, message=_text(problem.message))
        error.text = _text(str(problem))


def _case(suite: Element, name: str, file: str, seconds: float) -> Element:
    stem = file.replace("\\", "/").rsplit("/", 1)[-1]
    return SubElement(
        suite, "testcase", name=_text(name), classname=_text(stem), time=f"{seconds:.3f}"
    )


def _count(element: Element, played: Iterable[PlayedTest], errors: Sequence[Problem]) -> None:
    tests = list(played)
    element.set("tests", str(len(tests) + len(errors)))
    element.set("failures", str(sum(not one.passed for one in tests)))
    element.set("errors", str(len(errors)))
    element.set("time", f"{sum(one.seconds for one in tests):.3f}")


def _lines(one: PlayedTest) -> Iterable[str]:
    for difference in one.differences:
        yield f"{difference.location}: {difference.subject}"
        yield f"  expected: {difference.expected}"
        yield f"  actual:   {difference.actual}"
        if difference.hint:
            yield f"  {difference.hint}"


def _text(text: str) -> str:
    """Return *text* without secrets, and without characters that XML cannot hold."""
    return visible(REDACTION.text(text))
