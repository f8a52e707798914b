"""A run's page: nested boxes, times and waits, requests, lines of the file, the run before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.operations.run_comparison import compare, difference, payload_changes
from almaflow.operations.run_details import run_view_and_log
from almaflow.runs.recorded_files import in_file, recorded_files, step_lines
from almaflow.runs.timeline import Stretch, StretchKind, shares, timeline
from almaflow.waiting import Waiting, WaitingKind
from almaflow.web.rendering import shown_fields
from almaflow.web.run_boxes import ITEMS, STEPS, Group, Window, boxes_of, every_box
from tests.harness import Stage
from tests.web.acting import HOSTILE, main_of
from tests.web.pages import NOW, HandClock, Site
from tests.web.played import play_nights

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, str]]]:
    """The page of a project whose workflow ran in two nights."""
    stage, ids = play_nights(tmp_path_factory.mktemp("nights"), durable=False)
    yield page_of(stage), ids
    stage.open_store().close()


def page_of(stage: Stage) -> Site:
    return Site(stage.open_store(), HandClock(NOW), stage.folder)


def text_of(site: Site, address: str) -> str:
    response = site.client.get(address)
    assert response.status_code == 200, response.text
    return main_of(response.text)


def box(text: str, path: str) -> str:
    """Return the part of a page from the box of a step to the next box."""
    begin = text.index(f'id="step-{path}"')
    return text[begin : text.find('<li class="box"', begin + 1)]


# --- times ----------------------------------------------------------------------------------------


def test_waiting_is_told_apart_from_jobs_in_alma(nights: tuple[Site, dict[str, str]]) -> None:
    site, ids = nights
    details, log = run_view_and_log(site.store, ids["played"])
    assert details.ended_at is not None

    found = timeline(details.steps, log, details.ended_at)

    kinds = {path: [one.kind for one in stretches] for path, stretches in found.items()}
    assert kinds["parallel-3/labels/labels"] == [StretchKind.IN_ALMA]
    assert kinds["parallel-3/shop/shop"] == [StretchKind.WAITS, StretchKind.IN_ALMA]
    assert kinds["parallel-3/pause/wait-1"] == [StretchKind.WAITS]
    [lost, job] = found["export"]
    assert lost.waiting is not None
    assert lost.waiting.kind is WaitingKind.UNCONFIRMED
    assert job.kind is StretchKind.IN_ALMA
    slot = found["parallel-3/shop/shop"][0]
    assert slot.waiting is not None
    assert slot.waiting.kind is WaitingKind.SLOT


def test_the_time_of_a_run_is_counted_once_where_steps_are_parallel() -> None:
    def stretch(kind: StretchKind, first: int, last: int) -> Stretch:
        waiting = Waiting(WaitingKind.SLOT, "a slot") if kind is StretchKind.WAITS else None
        return Stretch(kind, NOW + first * MINUTE, NOW + last * MINUTE, waiting)

    found = shares(
        [
            stretch(StretchKind.IN_ALMA, 0, 10),
            stretch(StretchKind.IN_ALMA, 5, 12),
            stretch(StretchKind.WAITS, 8, 20),
            stretch(StretchKind.WORKS, 12, 13),
        ]
    )

    assert [(one.kind, one.waiting, one.time / MINUTE) for one in found] == [
        (StretchKind.IN_ALMA, None, 12),
        (StretchKind.WAITS, WaitingKind.SLOT, 7),
        (StretchKind.WORKS, None, 1),
    ]
    assert shares([]) == []


def test_a_wait_is_named_with_its_reason_next_to_the_step(
    nights: tuple[Site, dict[str, str]],
) -> None:
    site, ids = nights
    text = text_of(site, f"/runs/{ids['played']}")
    assert "waited 41 min" in box(text, "parallel-3/shop/shop")
    assert "waits-bar" in box(text, "parallel-3/shop/shop")
    assert "waits-bar" not in box(text, "parallel-3/labels/labels")


def test_a_run_whose_log_was_not_kept_has_its_times_from_the_journal(
    nights: tuple[Site, dict[str, str]],
) -> None:
    site, ids = nights
    details, log = run_view_and_log(site.store, ids["played"])
    assert details.ended_at is not None
    for kept in ([], [one for one in log if one.kind == "said"]):
        found = timeline(details.steps, kept, details.ended_at)
        [stretch] = found["parallel-3/pause/wait-1"]
        assert (stretch.kind, stretch.length) == (StretchKind.WORKS, 20 * MINUTE)
    never = [replace(one, tries=(), intents=()) for one in details.steps]
    assert not any(timeline(never, [], details.ended_at).values())


# --- requests and lines ---------------------------------------------------------------------------


def test_a_lost_response_is_told_in_words_with_what_was_sent(
    nights: tuple[Site, dict[str, str]],
) -> None:
    site, ids = nights
    export = box(text_of(site, f"/runs/{ids['played']}"), "export")
    assert "POST /conf/jobs/M44?op=run" in export
    assert "The response was lost" in export
    # The time is that of the page, whose zone is an hour ahead of the workflow's.
    assert "found in Alma at 03:0" in export
    assert ">03:0" in export
    assert "<code>task_ExportParams_number</code>" in export
    assert "Records exported" in export
    assert "Report of the job in Alma" in export


def test_each_step_links_to_its_line_and_back(nights: tuple[Site, dict[str, str]]) -> None:
    site, ids = nights
    text = text_of(site, f"/runs/{ids['played']}")
    links = set(re.findall(r'href="#([^"]+)"', text))
    anchors = set(re.findall(r'id="([^"]+)"', text))
    assert links <= anchors
    assert {"L7", "L10", "step-changed", "step-export", "step-each/1/told"} <= links
    line = re.search(r'<li id="L10"><code>(.*?)</code>', text)
    assert line is not None
    assert "id: export" in line[1]
    # The step of the called workflow is in the text of that file.
    assert 'href="#F1-L' in box(text, "each/1/told/mail")


def plain(text: str) -> str:
    """Return the words of a part of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).strip()


def arms(text: str) -> list[str]:
    """Return what the arms of branches say, in order."""
    return [plain(one) for one in re.findall(r'<div class="inside arm.*?</p>', text, re.DOTALL)]


def test_a_branch_shows_its_conditions_and_which_arm_it_took(
    nights: tuple[Site, dict[str, str]],
) -> None:
    site, ids = nights
    assert arms(text_of(site, f"/runs/{ids['played']}")) == [
        "if steps.export.status is COMPLETED_SUCCESS ✓ taken · no steps",
        "otherwise (default) – not taken",
    ]


BRANCHES = """\
inputs: {codes: {type: list, default: [a, b, "<i>"]}}
steps:
  - for_each:
      items: inputs.codes
      steps:
        - branch:
            on: "{{ item }}"
            cases:
              a | x: [{notify: first}]
              "<i>": [{notify: second}]
            default:
              - branch: {on: item, cases: {c: [], b: [{notify: third}]}}
  - fail: stop here
  - branch: {on: inputs.codes, cases: {z: [{notify: never}]}}
"""


def test_branches_in_items_and_in_each_other_show_what_each_of_them_took(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {}, durable=False)
    run = stage.run(BRANCHES).record.id
    site = page_of(stage)

    found = arms(text_of(site, f"/runs/{run}"))

    on, inner = "if {{ item }} is", "if item is"
    taken, other = " ✓ taken", " – not taken"
    html = "&lt;i&gt;"
    assert found == [
        *(f"{on} a | x{taken}", f"{on} {html}{other}", f"otherwise (default){other}"),
        *(f"{inner} c · no steps", f"{inner} b"),
        *(f"{on} a | x{other}", f"{on} {html}{other}", f"otherwise (default){taken}"),
        *(f"{inner} c{other} · no steps", f"{inner} b{taken}"),
        *(f"{on} a | x{other}", f"{on} {html}{taken}", f"otherwise (default){other}"),
        *(f"{inner} c · no steps", f"{inner} b"),
        "if inputs.codes is z",
    ]
    site.store.close()


def test_lines_are_those_of_the_recorded_files(nights: tuple[Site, dict[str, str]]) -> None:
    site, ids = nights
    definition = site.store.definition(site.store.run(ids["played"]).definition)
    lines = step_lines(definition)
    texts = {one.name: one.text.splitlines() for one in recorded_files(definition)}
    assert list(texts) == ["test.yaml", "tell-branch.yaml"]
    for path, at in lines.items():
        name = path.rsplit("/", 1)[-1]
        here = texts[at.file][at.line - 1]
        assert name in here or name.rsplit("-", 1)[0] in here
    assert in_file("all/3/items/12/x") == "all/*/items/*/x"


def test_a_file_that_cannot_be_read_any_more_has_no_lines() -> None:
    assert step_lines({"text": "steps: [{nonsense: 1}]", "file": "x.yaml", "calls": {}}) == {}
    assert step_lines({}) == {}


def test_the_fields_of_a_request_are_names_and_values() -> None:
    parameters = [{"name": {"value": "a"}, "value": "1"}, {"name": {"value": "a"}, "value": ""}]
    assert shown_fields({"parameter": parameters, "x": [1]}) == [
        ("a", "1"),
        ("a", ""),
        ("x", "[1]"),
    ]
    assert shown_fields(None) == []
    assert shown_fields([1]) == [("", "[1]")]
    assert shown_fields({"parameter": ["odd", {"name": None}]}) == [("", "odd"), ("null", "")]


# --- many steps -----------------------------------------------------------------------------------

MANY = """\
steps:
  - id: all
    for_each:
      items: {items}
      as: one
      steps:
        - {{id: ask, check: {{that: "one | string != '130'", message: no}}, on_failure: continue}}
        - {{id: say, notify: "{{{{ one }}}}"}}
"""


def test_of_many_items_a_part_is_shown_and_those_that_did_not_go_well(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    run = stage.run(MANY.format(items=list(range(1, 201)))).record.id
    site = page_of(stage)

    def items(query: str = "") -> list[int]:
        found = re.findall(r">Item (\d+)", text_of(site, f"/runs/{run}{query}"))
        return [int(one) for one in found]

    assert items() == [*range(1, ITEMS + 1), 130]
    assert items("?items=all&first=101") == list(range(101, 151))
    assert items("?items=all&first=191") == [130, *range(191, 201)]
    assert items("?items=other&first=191") == items()
    assert "first=51" in text_of(site, f"/runs/{run}")
    site.store.close()


def test_no_more_boxes_are_drawn_than_a_page_has_place_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    steps = "\n".join(f"  - {{id: s{number}, wait: 1s}}" for number in range(STEPS + 30))
    run = stage.run(f"steps:\n{steps}\n").record.id
    site = page_of(stage)
    details, _ = run_view_and_log(site.store, run)

    groups, left_out = boxes_of(details.steps, Window())

    assert (sum(len(list(every_box(one))) for one in groups), left_out) == (STEPS, 30)
    assert "30 more steps are not shown here" in text_of(site, f"/runs/{run}")
    site.store.close()


def test_a_group_has_the_worst_state_of_its_steps(nights: tuple[Site, dict[str, str]]) -> None:
    site, ids = nights
    details, _ = run_view_and_log(site.store, ids["played"])
    groups, left_out = boxes_of(details.steps, Window())
    assert left_out == 0
    assert [(one.name, one.state) for one in groups] == [("", "failed"), ("finally", "succeeded")]
    assert Group("1").state == "queued"


# --- comparison -----------------------------------------------------------------------------------


def test_a_run_is_compared_with_the_one_before(nights: tuple[Site, dict[str, str]]) -> None:
    site, ids = nights
    found = compare(site.store, site.store.run(ids["before"]), site.store.run(ids["played"]))
    assert [(one.name, one.before, one.now) for one in found.heads.inputs] == [("limit", 500, 400)]
    assert found.heads.is_file_changed
    [changed] = found.files
    assert changed.name == "test.yaml"
    other = [one.path for one in found.steps if one.is_other]
    assert other == ["enough"]

    text = text_of(site, f"/runs/{ids['played']}")
    assert "The inputs differ: <bdi>limit</bdi>" in text
    assert f"/runs/{ids['played']}/compare" in text
    compared = text_of(site, f"/runs/{ids['played']}/compare")
    assert "wait: 20m" in compared
    assert "10 min longer" in compared


SUBMITS = """\
name: submits
steps:
  - {id: export, submit_job: {job: M44, payload: PAYLOAD}}
"""


def payload(**parameters: str) -> str:
    named = "".join(
        f"<parameter><name>{name}</name><value>{value}</value></parameter>"
        for name, value in parameters.items()
    )
    return f"<job><parameters>{named}</parameters></job>"


def test_a_payload_that_changed_is_shown_with_its_parameters(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"jobs": [{"job": "M44", "duration": "1m"}]}, durable=False)
    many = {f"p{number}": "same" for number in range(300)}
    stage.write("p.xml", payload(limit="500", primary_id="anna.muster", gone="<![CDATA[<b>]]>"))
    stage.run(SUBMITS.replace("PAYLOAD", "p.xml"))
    stage.write("p.xml", payload(limit="400", primary_id="eve.muster", more="x" * 5000, **many))
    stage.run(SUBMITS.replace("PAYLOAD", "p.xml"))
    stage.write("p.xml", "\n" + stage.folder.joinpath("p.xml").read_text("utf-8"))
    last = stage.run(SUBMITS.replace("PAYLOAD", "p.xml")).record
    site = page_of(stage)
    [second] = site.store.runs(1, before_run=last.id)

    compared = text_of(site, f"/runs/{second.id}/compare")
    layout = text_of(site, f"/runs/{last.id}/compare")

    rows = [plain(one) for one in re.findall("<tr><th.*?</tr>", compared, re.DOTALL)]
    assert "limit500400" in [row.replace(" ", "") for row in rows]
    assert "primary_id(hidden)(hidden)" in [row.replace(" ", "") for row in rows]
    assert any(row.startswith("gone") and row.endswith("not there") for row in rows)
    assert "muster" not in compared
    assert "104 more parameters differ" in compared
    assert len(compared) < 60_000
    assert "only the layout of the text differs" in layout
    site.store.close()


def test_a_payload_that_cannot_be_read_is_named() -> None:
    definition = {"file": "a.yaml", "payloads": {}, "calls": {}}
    called = {"file": "b.yaml", "payloads": {"p.xml": "<job>"}, "calls": {}}
    [change] = payload_changes(definition, definition | {"calls": {"b": called}})
    assert (change.name, change.file, change.is_readable) == ("p.xml", "b.yaml", False)
    [added] = payload_changes({}, called | {"payloads": {"p.xml": payload(a="1")}})
    assert [(one.name, one.before, one.now) for one in added.parameters] == [("a", None, "1")]


def test_only_runs_of_one_workflow_are_compared(nights: tuple[Site, dict[str, str]]) -> None:
    site, ids = nights
    assert site.client.get(f"/runs/{ids['before']}/compare").status_code == 400
    assert site.client.get(f"/runs/{ids['played']}/compare?with=nobody").status_code == 404
    text_of(site, f"/runs/{ids['before']}/compare?with={ids['played']}")


@pytest.mark.parametrize(
    ("before", "now", "signs"),
    [
        ("a\nb\n", "a\nc\n", "@ -+"),
        ("--- a\n", "+++ b\n", "@-+"),
        ("", "a\n", "@+"),
        ("a\n" * 4000, "b\n", ""),
    ],
)
def test_a_difference_has_the_lines_that_changed(before: str, now: str, signs: str) -> None:
    assert "".join(line.sign for line in difference(before, now)) == signs


# --- hostile texts --------------------------------------------------------------------------------


def test_hostile_texts_of_a_run_are_text(tmp_path: Path) -> None:
    counters = {HOSTILE[:900]: HOSTILE[:900]}
    scenario: dict[str, Any] = {
        "sets": [{"name": "S", "content": "BIB_MMS", "members": 2}],
        "jobs": [{"job": "M44", "counters": counters}],
    }
    stage = Stage(tmp_path, scenario)
    steps = """\
        inputs: {x: {}}
        steps:
          - {id: find, find_set: {name: S}}
          - id: job
            submit_job:
              job: M44
              set: "{{ steps.find.set_id }}"
              parameters: {note: "{{ inputs.x }}"}
          - {id: each, for_each: {items: "[inputs.x]", steps: [{notify: "{{ inputs.x }}"}]}}
          - {id: no, fail: "{{ inputs.x }}"}
        """
    runs = [stage.run(steps, x=HOSTILE + str(number)).record.id for number in range(2)]
    site = page_of(stage)

    for address in (f"/runs/{runs[1]}", f"/runs/{runs[1]}/compare"):
        text = text_of(site, address)
        assert "<script" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "style=" not in text
        assert len(text) < 400_000
    site.store.close()


def test_an_unfinished_run_is_drawn_to_the_present(nights: tuple[Site, dict[str, str]]) -> None:
    site, ids = nights
    details, log = run_view_and_log(site.store, ids["played"])
    begin = datetime.fromisoformat("2026-11-03T04:00:00+01:00")

    found = timeline(details.steps, [one for one in log if one.at <= begin], begin)

    assert found["parallel-3/pause/wait-1"][-1].ended_at == begin
