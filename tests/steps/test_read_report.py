"""`read_report`: a report of Analytics with all its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from almaflow.alma.analytics import ReportPage
from almaflow.field_types import Template
from almaflow.steps.base import PollSettings
from almaflow.steps.read_report import ReadReport
from almaflow.steps.report_path import path_problem
from almaflow.steps.result import StepFailed
from tests.harness import Played, Stage

PATH = "/shared/My Library/Discarded"


def report(rows: list[list[str]], *columns: str, **more: Any) -> dict[str, Any]:
    return {"path": PATH, "columns": columns or ("Barcode", "Title"), "rows": rows, **more}


def barcodes(count: int) -> list[list[str]]:
    return [[f"0390{number}", f"Title {number}"] for number in range(count)]


WORKFLOW = f"""
steps:
  - id: it
    read_report: {{path: {PATH}, column: Barcode}}
"""


def rows_of(played: Played) -> Any:
    assert played.outcome == "succeeded", played.record.error
    assert played.steps["it"]["count"] == len(played.steps["it"]["rows"])
    return played.steps["it"]["rows"]


def test_all_pages_are_read_with_the_token_of_the_first(set_stage: Callable[..., Stage]) -> None:
    played = set_stage({"reports": [report(barcodes(2300))]}).run(WORKFLOW)

    assert rows_of(played) == [row[0] for row in barcodes(2300)]
    first, *others = [one["query"] for one in played.requests]
    assert first[0] == ["path", PATH]
    assert len(others) == 2
    assert others[0] == others[1]
    assert [name for name, _ in others[0]] == ["token", "limit", "col_names"]


def test_rows_are_mappings_by_heading_and_missing_cells_are_empty(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"reports": [report([["1", "", "x"], ["2", "b", ""]], "A", "B", "C")]})

    played = stage.run(f"steps: [{{id: it, read_report: '{PATH}'}}]")

    assert rows_of(played) == [{"A": "1", "B": "", "C": "x"}, {"A": "2", "B": "b", "C": ""}]


def test_some_columns_can_be_kept_under_the_names_that_were_asked_for(
    set_stage: Callable[..., Stage],
) -> None:
    cafe = "Cafe\N{COMBINING ACUTE ACCENT}"
    stage = set_stage({"reports": [report([["1", "2", "3"]], "A", " B ", cafe)]})

    played = stage.run(f"steps: [{{id: it, read_report: {{path: {PATH}, columns: [Café, B]}}}}]")

    assert rows_of(played) == [{"Café": "3", "B": "2"}]


def test_columns_with_the_same_heading_are_told_apart(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"reports": [report([["1", "2", "3"]], "A", "A", "A")]})

    played = stage.run(f"steps: [{{id: it, read_report: '{PATH}'}}]")

    assert rows_of(played) == [{"A": "1", "A (2)": "2", "A (3)": "3"}]


def test_the_rows_become_the_members_of_a_set(set_stage: Callable[..., Stage]) -> None:
    rows = [*barcodes(3), ["", "no barcode"], ["03900", "again"]]
    played = set_stage({"reports": [report(rows)]}).run(
        WORKFLOW
        + "  - id: made\n"
        + "    create_set: {name: x, content: ITEM, id_type: BARCODE, "
        + 'members: "{{ steps.it.rows }}"}\n'
    )

    assert len(rows_of(played)) == 5
    assert played.steps["made"]["member_count"] == 3


def test_a_report_without_rows_is_empty(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"reports": [report([])]})

    assert rows_of(stage.run(WORKFLOW)) == []


@pytest.mark.parametrize("late_token", [False, True])
def test_a_report_that_takes_long_is_asked_for_again(
    set_stage: Callable[..., Stage], late_token: bool
) -> None:
    slow = report(barcodes(1100), ready_after="3m", late_token=late_token)
    played = set_stage({"reports": [slow]}).run(WORKFLOW)

    assert len(rows_of(played)) == 1100
    assert played.said_waiting == [f"Analytics is running the report {PATH}"]
    assert 180 <= played.steps["it"]["seconds"] < 300
    asked_by = [one["query"][0][0] for one in played.requests]
    assert asked_by == (["path"] * 7 + ["token"] if late_token else ["path"] + ["token"] * 7)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 400, "code": "402119"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 400, "message": "Some trouble", "code": "420033"},
    ],
)
def test_an_error_before_there_are_rows_is_asked_again_with_the_same_token(
    set_stage: Callable[..., Stage], fault: dict[str, Any]
) -> None:
    stage = set_stage(
        {
            "reports": [report(barcodes(30), ready_after="30s", late_token=False)],
            "faults": [{"call": "read_report", "nth": [2, 3], **fault}],
        }
    )

    played = stage.run(WORKFLOW)

    assert len(rows_of(played)) == 30
    assert [one["query"][0][0] for one in played.requests].count("path") == 1


def test_a_first_call_that_times_out_is_sent_again(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "call": "read_report", "nth": [1, 2], "status": 400}
    stage = set_stage(
        {
            "reports": [report(barcodes(3))],
            "faults": [{**fault, "code": "420033", "message": "Report timed out"}],
        }
    )

    played = stage.run(WORKFLOW)

    assert len(rows_of(played)) == 3
    assert stage.sent("read_report") == 3


def test_a_report_that_is_refused_for_good_fails(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "call": "read_report", "nth": [2, 3, 4, 5], "status": 400}
    stage = set_stage(
        {
            "reports": [report(barcodes(3), ready_after="1h", late_token=False)],
            "faults": [{**fault, "code": "420033", "message": "Broken"}],
        }
    )

    played = stage.run(WORKFLOW)

    assert played.outcome == "failed"
    assert "Broken (code 420033" in played.record.error
    assert stage.sent("read_report") == 5


def test_a_refusal_between_pages_fails(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "call": "read_report", "nth": 2, "status": 400, "code": "420033"}
    stage = set_stage({"reports": [report(barcodes(1100))], "faults": [fault]})

    played = stage.run(WORKFLOW)

    assert played.outcome == "failed"
    assert stage.sent("read_report") == 2


@pytest.mark.parametrize("kind", ["lose_answer", "truncated", "hang", "routing_error"])
def test_a_page_whose_answer_is_lost_is_not_left_out(
    set_stage: Callable[..., Stage], kind: str
) -> None:
    """Analytics goes on after it: the report is read again from its beginning."""
    stage = set_stage(
        {
            "reports": [report(barcodes(3500))],
            "faults": [{"kind": kind, "call": "read_report", "nth": 3, "processed": True}],
        }
    )

    played = stage.run(WORKFLOW)

    assert rows_of(played) == [row[0] for row in barcodes(3500)]
    assert [one["query"][0][0] for one in played.requests].count("path") == 2
    assert any(
        one.startswith(f"the response with a page of the report {PATH} was lost (")
        for one in played.said_waiting
    )


@pytest.mark.parametrize("status", [500, 503])
def test_first_rows_that_are_lost_in_an_error_are_noticed_by_their_missing_headings(
    set_stage: Callable[..., Stage], status: int
) -> None:
    stage = set_stage(
        {
            "reports": [report(barcodes(1500), ready_after="5s")],
            "faults": [
                {
                    "kind": "status",
                    "call": "read_report",
                    "nth": 2,
                    "status": status,
                    "processed": True,
                }
            ],
        }
    )

    played = stage.run(WORKFLOW)

    assert rows_of(played) == [row[0] for row in barcodes(1500)]


def test_a_first_answer_that_is_lost_costs_only_another_call(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(
        {
            "reports": [report(barcodes(30))],
            "faults": [{"kind": "lose_answer", "call": "read_report", "nth": 1}],
        }
    )

    assert len(rows_of(stage.run(WORKFLOW))) == 30


def test_an_unknown_column_names_those_that_are_there(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"reports": [report(barcodes(1))]})

    played = stage.run(WORKFLOW.replace("Barcode", "barkode"))

    assert played.ended == (
        "failed",
        f"Step it: The report {PATH} has no column `barkode`; did you mean `Barcode`? Its columns "
        "are `Barcode`, `Title`.",
    )


def test_an_unknown_report_fails_with_alma_s_words_and_a_hint(stage: Stage) -> None:
    played = stage.run(WORKFLOW)

    assert played.outcome == "failed"
    assert f"Path not found ({PATH}) (code INTERNAL_SERVER_ERROR" in played.record.error
    assert stage.sent("read_report") == 1
    assert "To provide it, write in a scenario: reports:" in played.record.error


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        (
            "path",
            "shared/x",
            "The path of the report does not begin with `/`. Write `/shared/x`. Nothing was sent.",
        ),
        (
            "filter",
            "<a>",
            "`filter` is not valid XML: no element found, at line 1, column 4. Copy the filter "
            "from the report's definition in Analytics. Nothing was sent.",
        ),
    ],
)
def test_what_a_template_gives_is_looked_at_before_anything_is_sent(
    stage: Stage, field: str, value: str, told: str
) -> None:
    given = {"path": PATH, field: "{{ inputs.x }}"}

    played = stage.run(f"inputs: {{x: {{default: '{value}'}}}}\nsteps: [{{read_report: {given}}}]")

    assert played.ended == ("failed", f"Step read_report-1: {told}")
    assert stage.alma.received() == []


def test_a_filter_is_sent_as_it_is(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"reports": [report(barcodes(1))]})
    filter = '<sawx:expr xsi:type="sawx:comparison">{{ inputs.x }}</sawx:expr>'

    played = stage.run(f"""
        inputs: {{x: {{default: "2026"}}}}
        steps: [{{id: it, read_report: {{path: {PATH}, filter: '{filter}'}}}}]
    """)

    rows_of(played)
    assert played.requests[0]["query"][-1] == ["filter", filter.replace("{{ inputs.x }}", "2026")]


def test_a_report_that_no_record_can_hold_fails_while_it_is_read(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("almaflow.steps.read_report.LARGEST_OUTPUT", 20_000)
    stage = set_stage({"reports": [report(barcodes(10_000))]})

    played = stage.run(WORKFLOW)

    assert played.ended == (
        "failed",
        f"Step it: The part to keep of the report {PATH} is larger than 16 MiB, the maximum "
        "for the record of a step. Keep fewer of its `columns`, or omit rows with `filter`.",
    )
    assert stage.sent("read_report") == 2


# --- answers that the simulator does not give -----------------------------------------------------

HEADINGS = (("Column1", "Barcode"), ("Column1", "Barcode"))
ROW = {"Column1": "1"}


class Pages:
    """A context in which Analytics answers with the pages that are given."""

    poll = PollSettings()

    def __init__(self, *pages: ReportPage) -> None:
        self.pages = list(pages)
        self.outputs: dict[str, Any] = {}

    def text(self, template: Template) -> str:
        return template.text

    async def read(self, call: Any, **more: Any) -> ReportPage:
        return self.pages.pop(0)

    def progress(self, text: str) -> None:
        assert text == "1 rows of the report read"


def perform(*pages: ReportPage, **fields: Any) -> dict[str, Any]:
    context: Any = Pages(*pages)
    anyio.run(ReadReport.model_validate({"path": PATH, **fields}).perform, context)
    return dict(context.outputs)


def test_a_report_that_goes_on_without_a_token_is_not_cut_short() -> None:
    with pytest.raises(StepFailed) as caught:
        perform(ReportPage("", False, HEADINGS, (ROW,)))

    assert str(caught.value) == (
        f"The report {PATH} has more rows, but Analytics sent no token to request them. "
        "Nothing was kept; try again later."
    )


def test_a_column_that_is_declared_twice_counts_once() -> None:
    first, last = ReportPage("T", False, HEADINGS, (ROW,)), ReportPage("", True, (), (ROW,))

    assert perform(first, last) == {"rows": [{"Barcode": "1"}] * 2, "count": 2}


def test_rows_without_headings_fail() -> None:
    with pytest.raises(StepFailed) as caught:
        perform(ReportPage("T", False, (), (ROW,)))

    assert str(caught.value) == f"Analytics sent the report {PATH} without column headings."


@pytest.mark.parametrize(
    ("path", "is_right"),
    [
        ("/shared/Lib/50%20 off", True),
        ("/shared/Lib/100% new", True),
        ("/shared/Lib/50%20off", False),
        ("%2Fshared%2FLib%2FNew", False),
    ],
)
def test_a_percent_sign_is_meant_where_a_space_shows_that_nothing_is_encoded(
    path: str, is_right: bool
) -> None:
    assert (path_problem(path) == "") is is_right
    assert path_problem(path, "/shared/Lib/50{{ '%' }}20off") == "" or not path.startswith("/")
