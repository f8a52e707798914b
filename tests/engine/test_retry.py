"""Faults of Alma and its host: what is asked again, how soon, and what is given up."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from almaflow.alma.errors import AlmaBusy, AlmaUnreachable, ResponseLost, Threshold
from almaflow.alma.simulator import Reply
from almaflow.alma.transport import ConnectionLost, NotSent
from almaflow.engine.retry import back_off, retry_delay, waiting_for
from almaflow.outcome import Status
from almaflow.store import EntryState
from tests.harness import START, Stage, interrupt_after

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"
FIND = f"steps: [{{id: x, find_set: {{id: '{SET['id']}'}}}}]"
MAKE_AND_DELETE = """
steps:
  - id: made
    create_set: {name: made, content: ITEM, members: ['23100', '23101']}
  - delete_set: "{{ steps.made.set_id }}"
"""
# The host has answered once before it is asked for the set.
FIND_LATER = FIND.replace("[", "[{get: /conf/general}, ")


def library(*faults: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"sets": [SET], "faults": faults, **more}


def waits(stage: Stage, call: str) -> list[float]:
    """Return the seconds between the arrivals of a call."""
    times = [one.at for one in stage.alma.received(call)]
    return [(later - earlier).total_seconds() for earlier, later in pairwise(times)]


FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 400, "code": "PER_SECOND_THRESHOLD"},
    {"kind": "status", "status": 400, "code": "402119"},
    {"kind": "html", "status": 503},
    {"kind": "reset"},
    {"kind": "lose_answer"},
    {"kind": "garbage"},
    {"kind": "truncated"},
    {"kind": "empty"},
    {"kind": "hang"},
    {"kind": "slow", "delay": "2m"},
    {"kind": "routing_error"},
    {"kind": "error_list_in_200", "code": "402119"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: " ".join(map(str, fault.values())))
def test_a_read_is_asked_again(set_stage: Callable[..., Stage], fault: dict[str, Any]) -> None:
    stage = set_stage(library({**fault, "call": "get_set", "nth": [1, 2, 3]}))

    played = stage.run(FIND_LATER)

    assert played.outcome == "succeeded"
    assert stage.sent("get_set") == 4


def test_reads_come_less_and_less_often_up_to_a_minute(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"kind": "status", "status": 503, "call": "get_set", "for": "20m"}))

    played = stage.run(FIND_LATER)

    seconds = waits(stage, "get_set")
    assert played.outcome == "succeeded"
    for number, waited in enumerate(seconds):
        longest = min(60, 2**number)
        assert max(1, 0.75 * longest) <= waited <= longest
    assert len(set(seconds[-5:])) == 5, "the wait has a part by chance"


def test_a_read_that_waits_says_why(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"kind": "status", "status": 503, "call": "get_set", "for": "2m"}))

    played = stage.run(FIND_LATER)

    (told, *_) = played.said_waiting
    assert told.startswith(
        "Alma at main does not respond as expected (Alma (main) could not process GET /conf/"
    )
    assert "HTTP 503" in told


def test_a_read_is_given_up_when_the_step_s_time_is_up(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"kind": "status", "status": 503, "call": "get_set"}))

    played = stage.run(FIND_LATER.replace("id: x,", "id: x, timeout: 2h,"))

    outcome, error = played.ended
    assert outcome == "timed_out"
    assert error.startswith(
        "Step x: The time limit of step x expired. Alma at main does not respond as expected "
    )
    assert "HTTP 503" in error
    assert played.record.ended_at == START + timedelta(hours=2)


def test_a_step_that_ends_while_alma_is_silent_says_so(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"kind": "hang", "call": "get_set"}))

    played = stage.run(FIND_LATER.replace("id: x,", "id: x, timeout: 10s,"))

    assert "has not responded to GET /conf/sets" in played.ended[1]


def test_a_refusal_is_not_asked_again(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"kind": "html", "status": 401, "call": "get_set"}))

    played = stage.run(FIND)

    assert played.outcome == "failed"
    assert "This host is not Alma's API" in played.record.error
    assert stage.sent("get_set") == 1


class Unplugged:
    """Refuses every connection as long as it is told to."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tries = 0
        self.down: Callable[[], bool] = lambda: True
        handle = stage._handle

        def refusing(*request: Any) -> Any:
            if self.down():
                self.tries += 1
                raise NotSent("connection refused")
            return handle(*request)

        monkeypatch.setattr(stage, "_handle", refusing)


class Maintained:
    """Gives one answer, and nothing of Alma's, as long as it is told to."""

    def __init__(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, instead: Reply | type[ConnectionLost]
    ) -> None:
        self.down: Callable[[], bool] = lambda: True
        self.met = 0
        handle = stage._handle

        def answering(*request: Any) -> Any:
            if not self.down():
                return handle(*request)
            self.met += 1
            if isinstance(instead, Reply):
                return instead
            raise instead("the connection was reset")

        monkeypatch.setattr(stage, "_handle", answering)


JSON, HTML = {"content-type": "application/json"}, {"content-type": "text/html"}
PAGE = b"<html><title>Scheduled maintenance</title></html>"
NOT_ALMA: dict[str, Reply | type[ConnectionLost]] = {
    "page": Reply(200, HTML, PAGE),
    "NaN": Reply(200, JSON, b'{"id": NaN}'),
    "nested": Reply(200, JSON, b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "a little nested": Reply(200, JSON, b'{"a":' * 700 + b'"\\ud800"' + b"}" * 700),
    "other JSON": Reply(200, JSON, b'{"status": "maintenance"}'),
    "too large": Reply(200, JSON, b"[" + b"[]," * 300_000 + b"[]]"),
    "nothing": Reply(200, JSON, b""),
    "500": Reply(500, HTML, PAGE),
    "502": Reply(502, {}, b""),
    "503": Reply(503, {"content-type": "text/plain"}, b"down"),
    "504": Reply(504, JSON, b"{"),
    "reset": ConnectionLost,
}
# From a host that has never answered as Alma these are refusals without a second try.
NOT_ALMA_AFTERWARDS: dict[str, Reply | type[ConnectionLost]] = {
    "page with 403": Reply(403, HTML, PAGE),
    "page with 404": Reply(404, HTML, PAGE),
    "redirection": Reply(302, {"location": "https://status.example/"}, b""),
    "moved": Reply(308, {"location": "https://status.example/"}, b""),
    "login": Reply(401, {"www-authenticate": "Basic"}, b""),
    "proxy": Reply(407, {"proxy-authenticate": "Basic"}, b""),
    "gateway's JSON": Reply(403, JSON, b'{"message": "Forbidden"}'),
    "gateway's text": Reply(404, {"content-type": "text/plain"}, b"no healthy upstream"),
    "method": Reply(405, {}, b""),
}


@pytest.mark.parametrize("what", [*NOT_ALMA, *NOT_ALMA_AFTERWARDS])
def test_a_job_is_followed_through_whatever_is_not_alma_s_answer(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    stage = set_stage(library(jobs=[{"job": "M901", "duration": "2h"}]))
    instead = (NOT_ALMA | NOT_ALMA_AFTERWARDS)[what]
    maintained = Maintained(stage, monkeypatch, instead)
    maintained.down = lambda: timedelta(minutes=9) < stage.clock.now() - START < timedelta(hours=1)

    played = stage.run(f"steps: [{{id: x, {JOB}}}]")

    assert played.ended == ("succeeded", "")
    assert len(stage.submissions) == 1
    assert maintained.met > 10


@pytest.mark.parametrize("what", NOT_ALMA)
def test_a_host_that_never_answered_as_alma_is_an_error_after_a_minute(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    maintained = Maintained(stage, monkeypatch, NOT_ALMA[what])

    played = stage.run(FIND)

    assert played.outcome == "failed"
    assert "no response from the host of main was a response of Alma" in played.record.error
    assert "This host is not Alma's API" in played.record.error
    assert played.record.ended_at is not None
    assert 60 <= (played.record.ended_at - START).total_seconds() <= 130
    assert maintained.met > 4


@pytest.mark.parametrize("what", NOT_ALMA_AFTERWARDS)
def test_a_host_that_refuses_and_never_answered_as_alma_is_not_asked_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    maintained = Maintained(stage, monkeypatch, NOT_ALMA_AFTERWARDS[what])

    played = stage.run(FIND)

    assert played.outcome == "failed"
    assert maintained.met == 1


def test_an_error_in_alma_s_own_words_shows_that_the_host_is_alma(
    set_stage: Callable[..., Stage],
) -> None:
    fault = {"kind": "status", "status": 500, "code": "402119", "call": "get_set", "for": "20m"}
    stage = set_stage(library(fault))

    assert stage.run(FIND).outcome == "succeeded"


@pytest.mark.parametrize("what", [*NOT_ALMA, *NOT_ALMA_AFTERWARDS])
def test_a_submission_answered_with_what_is_not_alma_s_is_looked_for_and_made_once(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    stage = set_stage(library())
    taken = stage._handle
    instead = (NOT_ALMA | NOT_ALMA_AFTERWARDS)[what]

    def answering(method: str, *rest: Any) -> Any:
        reply = taken(method, *rest)
        if method != "POST" or len(stage.submissions) == 0:
            return reply
        if isinstance(instead, Reply):
            return instead
        raise instead("the connection was reset")

    monkeypatch.setattr(stage, "_handle", answering)

    played = stage.run(f"steps: [{{id: x, {JOB}}}]")

    assert played.outcome == "succeeded"
    assert (stage.sent("submit"), len(stage.submissions)) == (1, 1)


@pytest.mark.parametrize("what", [*NOT_ALMA, *NOT_ALMA_AFTERWARDS])
def test_writes_of_sets_answered_with_what_is_not_alma_s_take_effect_once(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    stage = set_stage(library())
    taken, answered = stage._handle, set()
    instead = (NOT_ALMA | NOT_ALMA_AFTERWARDS)[what]

    def answering(method: str, *rest: Any) -> Any:
        reply = taken(method, *rest)
        if method == "GET" or (method, rest[0]) in answered:
            return reply
        answered.add((method, rest[0]))
        if isinstance(instead, Reply):
            return instead
        raise instead("the connection was reset")

    monkeypatch.setattr(stage, "_handle", answering)

    played = stage.run(MAKE_AND_DELETE)

    assert played.ended == ("succeeded", "")
    assert len(answered) == 3
    assert [stage.done(one) for one in ("create_set", "edit_members", "delete_set")] == [1, 1, 1]


@pytest.mark.parametrize("what", NOT_ALMA_AFTERWARDS)
def test_a_gateway_that_passes_no_submission_on_is_left_to_a_person(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    stage = set_stage(library())
    alma, instead, posts = stage._handle, NOT_ALMA_AFTERWARDS[what], 0

    def answering(method: str, *rest: Any) -> Any:
        nonlocal posts
        posts += method == "POST"
        return instead if method == "POST" else alma(method, *rest)

    monkeypatch.setattr(stage, "_handle", answering)

    played = stage.run(f"steps: [{{id: x, {JOB}}}]")

    assert (played.outcome, played.record.status) == (None, Status.WAITING)
    assert (posts, len(stage.submissions)) == (2, 0)


def test_a_host_that_never_answered_is_given_up_after_a_minute(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    unplugged = Unplugged(stage, monkeypatch)

    played = stage.run(FIND)

    assert played.ended == (
        "failed",
        f"Step x: The request GET /conf/sets/{SET['id']} did not reach Alma (main): connection "
        "refused. Nothing was sent. Check the network, the proxy, and the address of the "
        "institution.",
    )
    assert played.record.ended_at is not None
    assert 60 <= (played.record.ended_at - START).total_seconds() <= 120
    assert unplugged.tries >= 6


def test_a_host_that_has_answered_may_be_away_for_hours(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(library())
    unplugged = Unplugged(stage, monkeypatch)
    unplugged.down = lambda: timedelta(minutes=5) < stage.clock.now() - START < timedelta(hours=3)

    played = stage.run(
        f"steps: [{{find_set: {{id: '{SET['id']}'}}}}, {{wait: 10m}}, "
        f"{{find_set: {{id: '{SET['id']}'}}}}]"
    )

    assert played.outcome == "succeeded"
    assert unplugged.tries > 100


def test_a_write_that_never_reached_its_host_is_given_up_and_was_not_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    Unplugged(stage, monkeypatch)

    played = stage.run("steps: [{id: x, delete_set: '1'}]")

    assert played.outcome == "failed"
    assert played.state("x", "delete") is EntryState.UNTAKEN


def test_a_host_that_answered_before_a_restart_may_be_away_too(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(library(jobs=[{"job": "M901", "duration": "1h"}]))

    stage.run(f"steps: [{{{JOB}}}]", beside=interrupt_after(minutes=10))
    unplugged = Unplugged(stage, monkeypatch)
    unplugged.down = lambda: stage.clock.now() - START < timedelta(hours=2)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1


def test_a_day_without_calls_is_waited_out(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "status": 429, "code": "DAILY_THRESHOLD", "call": "get_set"}
    stage = set_stage(library({**fault, "for": "15h45m"}))

    played = stage.run(FIND)

    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    (first, second) = stage.alma.received("get_set")
    assert played.outcome == "succeeded"
    assert first.at == START
    assert midnight <= second.at <= midnight + timedelta(minutes=1)
    assert played.said_waiting == ["main's calls for today are used up"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("402222", "Alma's limit of API-started jobs is reached at main"),
        ("402223", "Alma's limit of API-started jobs is reached at main"),
        ("60347", "another run in main conflicts with this job"),
    ],
)
def test_a_submission_that_comes_too_early_waits_and_is_made_once(
    set_stage: Callable[..., Stage], code: str, told: str
) -> None:
    rule = {"job": "M901", "refuse": code, "nth": [1, 2, 3, 4, 5, 6]}
    stage = set_stage(library(jobs=[rule]))

    played = stage.run(f"steps: [{{id: x, {JOB}}}]")

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1
    seconds = waits(stage, "submit")
    assert len(seconds) == 6
    assert all(30 <= waited <= 120 for waited in seconds)
    assert seconds[0] < 60 < seconds[-1]
    assert played.said_waiting[0] == f"{told}; next try at 08:15:30 UTC"
    assert all(one.startswith(f"{told}; next try at ") for one in played.said_waiting[:6])
    assert played.entry("x", "submit").sends == 7
    assert played.steps["x"]["submitted_at"] == stage.submissions[0].at


def test_the_limits_of_alma_hold_back_a_fourth_job(set_stage: Callable[..., Stage]) -> None:
    others = [{"job": "M902", "at": "0s", "duration": "20m"} for _ in range(3)]
    stage = set_stage(library(other_runs=others))

    played = stage.run(f"steps: [{{id: x, {JOB}}}]")

    assert played.outcome == "succeeded"
    assert 20 <= (stage.submissions[0].at - START).total_seconds() / 60 <= 22


def test_a_write_that_alma_did_not_take_is_sent_again(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "status": 429, "call": "submit", "nth": [1, 2]}
    stage = set_stage(library(fault))

    played = stage.run(f"steps: [{{id: x, {JOB}}}]")

    assert played.outcome == "succeeded"
    assert (stage.sent("submit"), len(stage.submissions)) == (3, 1)
    assert "main's calls per second or minute are used up" not in played.said_waiting


def test_an_interrupted_wait_for_a_place_is_taken_up_again(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(jobs=[{"job": "M901", "refuse": "402222", "nth": [1, 2]}]))

    held = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=interrupt_after(seconds=10))
    assert held.state("x", "submit") is EntryState.UNTAKEN

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1


def test_the_wait_doubles_up_to_its_longest() -> None:
    shortest, longest = timedelta(seconds=1), timedelta(minutes=1)

    waited = [back_off(tries, shortest, longest).total_seconds() for tries in (1, 2, 3, 7, 9999)]

    assert waited == [1, 2, 4, 60, 60]


@pytest.mark.parametrize("tries", [1, 2, 3, 4, 10, 100_000])
def test_the_part_by_chance_stays_within_bounds(tries: int) -> None:
    chance = random.Random(tries)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    jobs = AlmaBusy("later", threshold=Threshold.JOBS)

    for _ in range(100):
        assert 30 <= retry_delay(jobs, tries, now, chance).total_seconds() <= 120
        assert 1 <= retry_delay(AlmaUnreachable("away"), tries, now, chance).total_seconds() <= 60


def test_every_reason_names_the_institution() -> None:
    errors = [AlmaBusy("later", threshold=threshold) for threshold in Threshold]

    told = [waiting_for(error, "main").text for error in [*errors, ResponseLost("It is away.")]]

    assert all("main" in one for one in told)
    assert told[-1] == "Alma at main does not respond (It is away)"
