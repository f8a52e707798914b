from __future__ import annotations

import random

import pytest

from almaflow.errors import AlmaflowError, DocumentsInvalid, RequestWrong, StoreError
from almaflow.problems import Location, Problem, Severity, did_you_mean, has_errors


def test_a_problem_reads_as_place_severity_code_and_message() -> None:
    problem = Problem(
        Location("workflows/withdraw.yaml", 24, 9, 9),
        "unknown-key",
        "`parmeters` is not a key of submit_job; did you mean `parameters`?",
        line_text="      parmeters:",
    )

    assert str(problem) == (
        "workflows/withdraw.yaml:24:9: error[unknown-key]: `parmeters` is not a key of"
        " submit_job; did you mean `parameters`?"
    )


def test_a_place_moves_along_its_line() -> None:
    place = Location("a.yaml", 3, 5, 7)

    assert place.moved(4) == Location("a.yaml", 3, 9, 1)
    assert place.moved(2, 3) == Location("a.yaml", 3, 7, 3)
    assert place.moved(0, 0).length == 1


def test_invalid_documents_list_their_problems_in_the_order_of_their_places() -> None:
    problems = [
        Problem(Location("a.yaml", 2, 9), "wrong-type", "x"),
        Problem(Location("a.yaml", 10, 1), "missing-key", "x"),
        Problem(Location("a.yaml", 10, 1), "unknown-key", "x", Severity.WARNING),
        Problem(Location("b.yaml", 1, 1), "syntax", "x"),
    ]
    mixed = random.Random(4).sample(problems, 4)

    error = DocumentsInvalid(mixed)

    assert error.problems == tuple(problems)
    assert str(error) == "\n".join(str(problem) for problem in problems)


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ("parmeters", "; did you mean `parameters`?"),
        ("PARAMETERS", "; did you mean `parameters`?"),
        ("jobname", "; did you mean `job_name`?"),
        ("strasse", "; did you mean `Straße`?"),
        ("zebra", ""),
        ("", ""),
    ],
)
def test_the_nearest_known_name_is_offered(wrong: str, answer: str) -> None:
    known = ["parameters", "payload", "job", "job_name", "Straße"]

    assert did_you_mean(wrong, known) == answer


def test_nothing_is_offered_where_nothing_is_known() -> None:
    assert did_you_mean("x", []) == ""


def test_a_warning_alone_does_not_make_a_document_wrong() -> None:
    warning = Problem(Location("a.yaml"), "code", "x", Severity.WARNING)
    error = Problem(Location("a.yaml"), "code", "x")

    assert not has_errors([])
    assert not has_errors([warning])
    assert has_errors([warning, error])


def test_what_was_asked_wrongly_and_what_went_wrong_differ_in_their_exit_code() -> None:
    assert AlmaflowError.exit_code == StoreError.exit_code == 1
    assert RequestWrong.exit_code == DocumentsInvalid.exit_code == 2
