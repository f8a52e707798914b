"""`retry`: a new attempt of a run that has ended, and the question before jobs run again."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from almaflow.alma.simulator.furnish import _add_extra_set
from almaflow.alma.simulator.scenario_library import ExtraSet
from almaflow.cli import repeated_submissions
from almaflow.outcome import Outcome
from almaflow.store import Store
from tests.cli.conftest import Almaflow
from tests.cli.past import Past
from tests.harness import Played, interrupt_after

SET = {"id": "59317390720001276", "name": "Items", "content": "ITEM", "members": 10}

# The first time there is no such set.
FAILS = """\
name: weed
timezone: Europe/Zurich
steps:
  - {id: first, notify: once}
  - {id: job, submit_job: {job: M48, set: '59317390720001276', wait: false}}
  - {id: late, find_set: {name: Comes later}}
  - {id: last, notify: "attempt {{ run.attempt }}"}
finally: [{id: tidy, notify: tidied}]
"""
SIMPLE = """\
name: weed
steps:
  - {id: late, find_set: {name: Comes later}}
  - {id: last, notify: "attempt {{ run.attempt }}"}
"""


@pytest.fixture
def past(folder: Path) -> Past:
    return Past(folder, {"sets": [SET]})


@contextmanager
def now(past: Past, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Let it be now, and the set that was missing be there."""
    with past.now(monkeypatch) as store:
        make_set(past)
        yield store


def make_set(past: Past) -> None:
    """Make the set that the workflow looks for."""
    extra = ExtraSet.model_validate({"name": "Comes later", "content": "ITEM"})
    _add_extra_set(past.alma.institution("main"), extra)


def sent_at(played: Played, path: str = "job") -> str:
    at = played.entry(path, "submit").created_at
    return at.astimezone(ZoneInfo("Europe/Zurich")).isoformat(" ", "seconds")


def test_what_failed_is_done_again_and_what_was_done_is_kept(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.run(FAILS).record.id

    with now(past, monkeypatch) as store:
        typed = almaflow("retry", "last")
        shown = almaflow("show", "last").out

        record = store.run(run)
        (asked,) = [one for one in store.journal(run) if one.effect == "retry"]

    assert typed.code == 0, typed.err
    assert (record.outcome, record.attempt) == (Outcome.SUCCEEDED, 2)
    assert asked.attempt == 2
    assert asked.value == {
        "from": None,
        "redo": {"late": 1, "finally/tidy": 1},
        "by": getpass.getuser(),
    }
    assert len(past.submissions) == 1
    assert "notification to log: attempt 2" in typed.out
    assert "notification to log: once" not in typed.out
    assert "weed: succeeded" in typed.out
    assert ", attempt 2  (run " in typed.out
    assert "  attempt 1    ended as failed, " in shown


def test_a_job_that_ran_is_submitted_again_only_when_somebody_says_so(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = past.run(FAILS)
    run, instance = played.record.id, past.submissions[0].instance_id

    with now(past, monkeypatch) as store:
        refused = almaflow("retry", "last", "--from", "job")
        as_json = almaflow("retry", "last", "--from", "job", "--json")
        untouched = store.run(run).attempt
        agreed = almaflow("retry", "last", "--from", "job", "--yes", "--json")

    told = (
        f"A new attempt of run {run} would submit again a job that was submitted before:\n  "
        f"job: job M48 (Export Physical items) at main with set {SET['id']}, sent "
        f"{sent_at(played)}; Alma ran it as {instance}, and almaflow did not see its "
        "end\nNothing was done, because this is not a terminal that can ask you. Use `--yes` "
        "to submit again."
    )
    assert (refused.code, as_json.code, untouched) == (2, 2, 1)
    assert refused.err == f"Error: {told}\n"
    assert as_json.json["error"]["message"] == told
    assert agreed.code == 0, agreed.err
    assert (agreed.json["outcome"], agreed.json["attempt"]) == ("succeeded", 2)
    assert agreed.json["attempts"][1]["start"] == "job"
    assert len(past.submissions) == 2


@pytest.mark.parametrize(("says", "code", "submissions"), [(True, 0, 2), (False, 1, 1)])
def test_a_person_at_the_terminal_is_asked(
    almaflow: Almaflow,
    past: Past,
    monkeypatch: pytest.MonkeyPatch,
    says: bool,
    code: int,
    submissions: int,
) -> None:
    past.run(FAILS)
    asked: list[str] = []

    def confirmed(question: str) -> bool:
        asked.append(question)
        return says

    monkeypatch.setattr(repeated_submissions, "can_be_asked", lambda: True)
    monkeypatch.setattr(repeated_submissions, "confirmed", confirmed)

    with now(past, monkeypatch):
        typed = almaflow("retry", "last", "--from", "job")

    assert typed.code == code
    assert asked == ["Submit again?"]
    assert typed.out.startswith("A new attempt of run ")
    assert typed.out.endswith("Nothing was done.\n") is not says
    assert len(past.submissions) == submissions


def test_a_submission_that_nobody_knows_of_is_told_as_such(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = {"kind": "lose_answer", "call": "submit", "processed": False, "nth": [1, 2]}
    past = Past(folder, {"faults": [lost]})
    profile = "Vendor MARC records weekly"
    past.run(
        f"{{name: weed, timeout: 1h, steps: [{{id: job, run_profile: {{import: {profile}}}}}]}}"
    )
    past.pass_time(minutes=90)
    played = past.resume()
    assert played.outcome == "unknown"

    with past.now(monkeypatch):
        typed = almaflow("retry", "last")

    assert typed.code == 2
    assert "; it is NOT KNOWN whether Alma accepted it\n" in typed.err
    assert (
        "Check Alma (Admin > Monitor Jobs) before you confirm: a submission whose outcome is "
        "not known may have run, and would then run a second time.\n" in typed.err
    )
    assert "with set" not in typed.err


def test_a_run_that_ended_well_is_retried_from_a_step_only(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.run("name: weed\nsteps: [{id: a, notify: hi}, {id: b, notify: ho}]").record.id

    with past.now(monkeypatch):
        refused = almaflow("retry", "last")
        again = almaflow("retry", "last", "--from", "b")

    assert refused.code == 2
    assert refused.err == (
        f"Error: Run {run} ended well (succeeded), so there is nothing to retry. To repeat it "
        "from a step on, use `--from STEP`, such as `--from a`.\n"
    )
    assert again.code == 0
    assert "notification to log: ho" in again.out
    assert "notification to log: hi" not in again.out


def test_a_step_that_does_not_exist_is_told(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.run(SIMPLE)

    with past.now(monkeypatch):
        typed = almaflow("retry", "last", "--from", "lat")

    assert typed.code == 2
    assert typed.err == (
        "Error: There is no step `lat`; did you mean `late`? The steps are `late`, `last`.\n"
    )


def test_a_run_that_has_not_ended_is_not_retried(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = past.run("steps: [{wait: 3h}]", beside=interrupt_after(minutes=1)).record.id
    queued = past.add(SIMPLE).id

    with past.now(monkeypatch) as store:
        one, two = almaflow("retry", held), almaflow("retry", queued)
        store.claim_run(queued, store.enter_process("shelf", 4711, "0").id)
        three = almaflow("retry", queued)

    assert [typed.code for typed in (one, two, three)] == [2, 2, 2]
    assert one.err.startswith(
        f"Error: Run {held} has not ended, so there is nothing to retry: it is waiting (wait-1: "
    )
    assert two.err == (
        f"Error: Run {queued} has not ended, so there is nothing to retry: it is queued. "
        f"`almaflow resume {queued}` continues it; `almaflow why {queued}` explains what it is "
        "waiting for.\n"
    )
    assert f"A process is executing it; follow it with `almaflow logs -f {queued}`." in three.err
    assert f"take over the run with `almaflow resume {queued}`.\n" in three.err


def test_a_missing_key_is_told_before_anything_is_recorded(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.run(SIMPLE).record.id

    with past.now(monkeypatch) as store:
        monkeypatch.delenv("ALMA_KEY_OF_TESTS")
        typed = almaflow("retry", "last")

        assert (typed.code, store.run(run).attempt) == (2, 1)


def test_a_retry_that_fails_again_can_be_retried_again(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.run(SIMPLE).record.id

    with past.now(monkeypatch) as store:
        second = almaflow("retry", "last")
        make_set(past)
        third = almaflow("retry", "last", "--strict")

        assert (second.code, third.code) == (1, 0)
        assert (store.run(run).attempt, store.run(run).outcome) == (3, Outcome.SUCCEEDED)
    assert "`almaflow retry" in second.out


NESTED = """\
name: weed
steps:
  - id: all
    for_each:
      items: [a, b, c]
      steps:
        - {id: one, notify: "one {{ item }} {{ run.attempt }}"}
        - {id: two, if: "item == 'b'", find_set: {name: Comes later}}
  - id: sub
    call: called.yaml
  - {id: last, notify: "{{ steps.all.results | length }} {{ steps.sub.members }}"}
"""
CALLED = """\
steps:
  - {id: first, notify: called}
  - {id: found, find_set: {name: Comes later}}
finally: [{notify: tidied}]
outputs: {members: "{{ steps.found.member_count }}"}
"""


def test_iterations_and_called_workflows_go_on_where_they_failed(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.write("called.yaml", CALLED)
    run = past.run(NESTED).record.id

    with now(past, monkeypatch) as store:
        typed = almaflow("retry", "last")

        assert store.run(run).outcome is Outcome.SUCCEEDED, typed.out
        (asked,) = [one for one in store.journal(run) if one.effect == "retry"]
    notices = [line.partition("notification to log: ")[2] for line in typed.out.splitlines()]
    assert [one for one in notices if one] == ["one c 2", "called", "tidied", "3 25"]
    assert asked.value["redo"] == {"all": 1, "all/2/two": 1}
