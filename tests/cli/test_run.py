"""`run`, `plan` and `resume` as people type them, on the simulator, in process and over HTTP."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from almaflow.alma.simulator import Reply, SimulatedAlma, parse_scenario
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.clock import SystemClock
from almaflow.store import Store, StoreFull
from tests.cli.conftest import ROOT, Almaflow, Write

EXAMPLES = sorted(path for path in (ROOT / "workflows").glob("*.yaml") if path.name.count(".") == 1)

# What has a scenario of its own needs it: sets, reports, other people's runs and answers.
NEED_THEIR_SCENARIO = {
    one.name.partition(".")[0] for one in (ROOT / "workflows").glob("*.scenario.yaml")
}

EXPORT = """\
    name: export
    inputs:
      subject: {default: Bookbinding}
    defaults: {poll: {first: 1s, max: 1s}}
    steps:
      - id: titles
        find_set: {name: Reserve collection}
      - id: export
        submit_job:
          job: M44
          parameters: {job_name: "{{ inputs.subject }}"}
          set: "{{ steps.titles.set_id }}"
      - branch:
          on: steps.export.status
          cases:
            COMPLETED_SUCCESS: []
          default:
            - fail: export failed
    outputs: {titles: "{{ steps.titles.member_count }}"}
"""


class Hooked(SimulatedAlma):
    """A simulated Alma that lets a test act when a request comes."""

    stop_at = ""

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if self.stop_at and self.stop_at in f"{method} {target}":
            self.stop_at = ""
            os.kill(os.getpid(), signal.SIGINT)
        return super().handle(method, target, headers, body)


@pytest.fixture
def alma(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooked]:
    """An Alma over HTTP whose jobs end at once, and an almaflow.yaml that names it."""
    scenario = parse_scenario({"jobs": [{"job": "*", "duration": "1s"}]})
    began = datetime.now(UTC)
    # Its jobs are over when they are first looked at: this Alma's clock runs fast.
    alma = Hooked(lambda: began + (datetime.now(UTC) - began) * 20, scenario)
    key = alma.add_institution("main")
    with SimulatorServer(alma) as server:
        write(
            "almaflow.yaml",
            f"""\
            institutions:
              main: {{base_url: "{server.url}", api_key: "env:TEST_ALMA_KEY"}}
            """,
        )
        monkeypatch.setenv("TEST_ALMA_KEY", key)
        yield alma


# --- simulated ------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_ends_well_on_the_simulator(almaflow: Almaflow, example: Path) -> None:
    ended = almaflow("run", example, "--simulate", "--json")

    assert ended.code == 0, ended.err
    assert ended.json["outcome"] == "succeeded"


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_ends_well_over_http(
    almaflow: Almaflow, alma: Hooked, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if example.stem in ("link-to-network", *NEED_THEIR_SCENARIO):
        pytest.skip("waits minutes of real time, or needs its scenario")
    text = example.read_text("utf-8")
    fast = text.replace("steps:\n", "defaults: {poll: {first: 1s, max: 1s}}\nsteps:\n", 1)
    for name in ("payloads/withdraw.xml", "data/discarded.csv"):
        target = Path(name)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((ROOT / "workflows" / name).read_bytes())
    Path("w.yaml").write_text(fast, encoding="utf-8")

    ended = almaflow("run", "w.yaml", "--json")

    assert ended.code == 0, ended.err
    assert ended.json["outcome"] == "succeeded"


def test_a_simulated_run_leaves_nothing_behind(
    almaflow: Almaflow, write: Write, folder: Path
) -> None:
    write("w.yaml", EXPORT)

    ended = almaflow("run", "w.yaml", "--simulate", "-i", "subject=Maps")

    assert ended.code == 0
    assert "nothing was sent" in ended.out + ended.err
    assert not (folder / ".almaflow").exists()


def test_the_scenario_beside_the_file_counts_and_another_may_be_named(
    almaflow: Almaflow, write: Write
) -> None:
    write("w.yaml", EXPORT)
    write("w.scenario.yaml", "jobs: [{job: M44, outcomes: [COMPLETED_FAILED]}]\n")
    write("good.scenario.yaml", "starts_at: 2026-03-28T22:00:00Z\n")

    beside = almaflow("run", "w.yaml", "--simulate", "--json")
    named = almaflow("run", "w.yaml", "--simulate", "good.scenario.yaml", "--json")
    first = almaflow("run", "--simulate", "good.scenario.yaml", "w.yaml", "--json")

    assert (beside.code, beside.json["outcome"]) == (1, "failed")
    assert named.code == 0
    assert first.json["started_at"].startswith("2026-03-28T22:00:00")


def test_a_warning_is_good_unless_strict(almaflow: Almaflow, write: Write) -> None:
    write("w.yaml", "steps:\n  - check: 1 == 2\n    on_failure: continue\n")

    assert almaflow("run", "w.yaml", "--simulate").code == 0
    assert almaflow("run", "w.yaml", "--simulate", "--strict").code == 1


def test_what_is_wrong_with_the_command_line_is_told_before_anything_begins(
    almaflow: Almaflow, write: Write
) -> None:
    write("w.yaml", EXPORT)
    write("list.yaml", "- a\n")

    told = {
        arguments: almaflow("run", "w.yaml", *arguments)
        for arguments in (
            ("other.scenario.yaml",),
            ("--detach",),
            ("--simulate", "-i", "subject"),
            ("--simulate", "-i", "subjekt=x"),
            ("--simulate", "--inputs", "list.yaml"),
            (),
        )
    }

    assert {typed.code for typed in told.values()} == {2}
    assert (
        "needs `--simulate`. Use `almaflow run --simulate w.yaml`"
        in told["other.scenario.yaml",].err
    )
    assert "There is no almaflow.yaml" in told["--detach",].err
    assert "write `-i name=value`" in told["--simulate", "-i", "subject"].err
    assert "did you mean `subject`?" in told["--simulate", "-i", "subjekt=x"].err
    assert "must contain `name: value` lines," in told["--simulate", "--inputs", "list.yaml"].err
    assert "api_key: env:ALMA_API_KEY" in told[()].err


def test_inputs_of_a_file_are_outweighed_by_the_command_line(
    almaflow: Almaflow, write: Write
) -> None:
    write("w.yaml", EXPORT)
    write("given.yaml", "subject: Atlases\n")

    file = almaflow("plan", "w.yaml", "--inputs", "given.yaml", "--json").json
    both = almaflow("plan", "w.yaml", "--inputs", "given.yaml", "-i", "subject=Maps", "--json").json

    assert file["inputs"] == {"subject": "Atlases"}
    assert both["inputs"] == {"subject": "Maps"}


# --- plan -----------------------------------------------------------------------------------


def test_a_plan_shows_every_request_and_the_steps_not_taken(
    almaflow: Almaflow, write: Write
) -> None:
    write("w.yaml", EXPORT)

    typed = almaflow("plan", "w.yaml")

    assert typed.code == 0
    assert "export (w.yaml) at main; nothing is sent." in typed.out
    assert "    POST /conf/jobs/M44?op=run\n" in typed.out
    assert "job_name = Bookbinding [af-" in typed.out
    assert "branch-3/default/fail-1  (fail; not taken)" in typed.out
    assert "The simulated run ended as succeeded." in typed.out


def test_a_plan_shows_each_iteration_and_called_workflows(almaflow: Almaflow, write: Write) -> None:
    write(
        "w.yaml",
        """\
        steps:
          - id: all
            for_each:
              items: [a, b]
              steps:
                - if: item == 'a'
                  create_set: {name: "{{ item }}", content: ITEM, members: []}
          - {id: part, call: {workflow: part, inputs: {name: c}}}
          - if: run.attempt > 1
            id: never
            for_each: {items: [a], steps: [{wait: 1m}]}
        """,
    )
    write(
        "part.yaml",
        """\
        inputs: {name: {}}
        steps: [{create_set: {name: "{{ inputs.name }}", content: ITEM, members: []}}]
        """,
    )

    steps = almaflow("plan", "w.yaml", "--json").json["steps"]

    assert [(one["path"], one["kind"], one["taken"]) for one in steps] == [
        ("all", "for_each", True),
        ("all/1/create_set-1", "create_set", True),
        ("all/2/create_set-1", "create_set", False),
        ("part", "call", True),
        ("part/create_set-1", "create_set", True),
        ("never", "for_each", False),
        ("never/*/wait-1", "wait", False),
    ]
    names = [
        request["body"]["name"]
        for step in steps
        for request in step["requests"]
        if request["method"] == "POST" and "name" in request["body"]
    ]
    assert names == ["a", "c"]


def test_a_plan_as_json_counts_equal_requests(almaflow: Almaflow, write: Write) -> None:
    write("w.yaml", EXPORT)

    steps = {step["path"]: step for step in almaflow("plan", "w.yaml", "--json").json["steps"]}

    polls = steps["export"]["requests"][-1]
    assert polls["method"] == "GET"
    assert polls["times"] > 1
    assert steps["branch-3/default/fail-1"]["taken"] is False


def test_a_plan_keeps_secrets_as_names_and_long_lists_short(
    almaflow: Almaflow, write: Write
) -> None:
    write(
        "w.yaml",
        """\
        steps:
          - id: items
            create_set:
              name: s
              content: ITEM
              members: ["111111", "222222", "333333", "444444", "555555", "666666"]
              id_type: BARCODE
          - submit_job:
              job: M48
              parameters: {password: "{{ secrets.ftp }}"}
              set: "{{ steps.items.set_id }}"
          - check: {that: false, message: enough}
        """,
    )

    typed = almaflow("plan", "w.yaml")

    assert "password = ***secrets.ftp***" in typed.out
    assert "6 members" in typed.out
    assert "simulated: failed" in typed.out


# --- against an Alma over HTTP --------------------------------------------------------------


def test_a_run_over_http_is_followed_and_recorded(
    almaflow: Almaflow, alma: Hooked, write: Write
) -> None:
    write("w.yaml", EXPORT)

    ended = almaflow("run", "w.yaml")

    assert ended.code == 0, ended.err
    assert len(alma.submissions()) == 1
    assert almaflow("runs", "--json").json["runs"][0]["outcome"] == "succeeded"


def test_ctrl_c_holds_the_run_and_resume_ends_it_with_one_submission(
    almaflow: Almaflow, alma: Hooked, write: Write
) -> None:
    write("w.yaml", EXPORT)
    alma.stop_at = "GET /almaws/v1/conf/jobs/M44/instances/"

    stopped = almaflow("run", "w.yaml")
    resumed = almaflow("resume", "last", "--json")

    assert stopped.code == 130
    assert "Continue with `almaflow resume 2" in stopped.err
    assert resumed.code == 0, resumed.err
    assert resumed.json["outcome"] == "succeeded"
    assert len(alma.submissions()) == 1


def test_resume_all_takes_up_what_nobody_works_on(
    almaflow: Almaflow, alma: Hooked, write: Write
) -> None:
    write("w.yaml", EXPORT)
    alma.stop_at = "GET /almaws/v1/conf/jobs/M44/instances/"
    almaflow("run", "w.yaml")

    assert almaflow("resume", "--all").code == 0
    assert almaflow("runs", "--json").json["runs"][0]["outcome"] == "succeeded"
    assert almaflow("resume", "--all").code == 0


def test_resume_says_what_it_cannot_do(almaflow: Almaflow, alma: Hooked, write: Write) -> None:
    write("w.yaml", "steps: [{check: true}]\n")
    almaflow("run", "w.yaml")

    told = [
        almaflow("resume", *arguments)
        for arguments in ((), ("last", "--all"), ("--all", "--json"), ("last",), ("nothere",))
    ]

    assert [typed.code for typed in told] == [2, 2, 2, 2, 2]
    assert "Specify a run," in told[0].err
    assert "Specify the run, or omit `--json`." in json.dumps(told[2].out + told[2].err)
    assert "is finished (succeeded);" in told[3].err


def test_a_wrong_key_fails_with_almas_words(
    almaflow: Almaflow, alma: Hooked, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("w.yaml", EXPORT)
    monkeypatch.setenv("TEST_ALMA_KEY", "l8xxwrong")

    typed = almaflow("run", "w.yaml")

    assert typed.code == 1
    assert "API-key not defined" in typed.out
    assert "Check the API key in the Developer Network" in typed.out
    assert "l8xxwrong" not in typed.out + typed.err


def test_a_workflow_for_production_does_not_run_elsewhere(
    almaflow: Almaflow, alma: Hooked, write: Write
) -> None:
    write("w.yaml", "environment: sandbox\nsteps: [{check: true}]\n")

    typed = almaflow("run", "w.yaml")

    assert typed.code == 2
    assert "sandbox" in typed.err


def test_an_interrupted_simulation_is_gone(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("w.yaml", EXPORT)
    handle = SimulatedAlma.handle
    pressed: list[bool] = []

    def stop(
        alma: SimulatedAlma, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        if not pressed:
            pressed.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return handle(alma, method, target, headers, body)

    monkeypatch.setattr(SimulatedAlma, "handle", stop)

    typed = almaflow("run", "w.yaml", "--simulate")

    assert typed.code == 130
    assert "the simulation is discarded." in typed.err


def test_a_run_is_queued_for_the_serve_that_is_alive(
    almaflow: Almaflow, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "l8xx-invented")
    write("almaflow.yaml", "institutions: {main: {region: eu, api_key: env:A_KEY}}\n")
    write("w.yaml", "steps: [{notify: a}]\n")

    alone = almaflow("run", "w.yaml", "--detach")
    store = Store.open(f"sqlite:///{folder / '.almaflow' / 'almaflow.db'}", clock=SystemClock())
    store.lead(store.enter_process("here", 1, "1").id)
    typed = almaflow("run", "w.yaml", "--detach")
    (queued,) = store.runs()
    store.close()

    assert alone.code == 2
    assert "`--detach` queues a run for `almaflow serve`, but none is running" in alone.err
    assert (typed.code, typed.err) == (0, "")
    assert typed.out == f"Queued run {queued.id}. Follow it with `almaflow logs -f {queued.id}`.\n"
    assert (queued.status, queued.owner, queued.held) == ("queued", None, False)
    assert almaflow("run", "w.yaml", "--detach", "--simulate").code == 2


# --- a store that refuses -----------------------------------------------------------------------


@pytest.mark.parametrize(("refused", "move"), [("add_run", "start"), ("record", "resume")])
def test_after_a_full_disk_the_next_move_is_told_by_what_is_recorded(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch, refused: str, move: str
) -> None:
    monkeypatch.setenv("ALMA_API_KEY", "a-key-of-the-tests")
    write("tidy.yaml", "steps: [{wait: 1s}]\n")
    write(
        "almaflow.yaml",
        """\
        default_institution: main
        institutions:
          main: {region: eu, api_key: "env:ALMA_API_KEY"}
        """,
    )

    def full(*_: object, **__: object) -> None:
        raise StoreFull("There is no room.", "Make room")

    monkeypatch.setattr(Store, refused, full)

    typed = almaflow("run", "tidy.yaml")

    assert typed.code == 1
    assert "Make room, then " in typed.err
    assert ("start the workflow again" in typed.err) is (move == "start")
    assert ("almaflow resume" in typed.err) is (move == "resume")


def test_an_input_that_is_given_twice_is_refused(almaflow: Almaflow, write: Write) -> None:
    write("w.yaml", "name: w\ninputs: {n: {type: integer}}\nsteps: [{check: inputs.n > 0}]\n")

    for command in (["run", "w.yaml", "--simulate"], ["plan", "w.yaml"]):
        typed = almaflow(*command, "-i", "n=1", "-i", " n =2")
        assert typed.code == 2
        assert "`n` is given twice," in typed.err


NESTED = """\
name: w
steps:
  - for_each: {items: [1, 2], steps: [{fail: "number {{ item }} !"}]}
"""


@pytest.mark.parametrize("command", [("run", "w.yaml", "--simulate"), ("plan", "w.yaml")])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: w\nsteps: [{fail: 'out of order'}]\n", "out of order"),
        (NESTED, "number 1 !"),
        ("name: w\nsteps: [{submit_job: {job: M28}}]\n", "code 402228"),
    ],
)
def test_a_failure_is_told_once(
    almaflow: Almaflow, write: Write, command: tuple[str, ...], text: str, reason: str
) -> None:
    write("w.yaml", text)

    typed = almaflow(*command)

    assert typed.out.count(reason) == 1
