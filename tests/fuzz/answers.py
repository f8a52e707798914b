"""Mutated answers of Alma: through the client, through the reader of sockets, and to whole runs.

`run(count, seed)` is what `python -m tests.fuzz` calls. Case *n* of a seed is always the same, so a
failure, which names both, is played again with `case(seed, n)`.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from almaflow.alma.client import AlmaClient
from almaflow.alma.errors import AlmaError
from almaflow.alma.rate_limit import CallRate
from almaflow.alma.responses import read_response
from almaflow.alma.simulator import Reply
from almaflow.alma.transport import ConnectionLost, WireRequest, WireResponse
from almaflow.alma.value_parsing import UnreadableResponse
from almaflow.outcome import Outcome
from almaflow.virtual_time import VirtualClock, run_virtual
from tests.alma.every_call import Sample, every_call
from tests.alma.wire_endings import every_ending
from tests.fuzz.mutations import mutated_bytes, mutated_reply
from tests.harness import Stage

LONGEST = 5.0
"""Seconds of processor time that one case may take."""

LARGEST, MOST_ADDED = 300, 200
"""MiB that the process may ever have held; what answers may add to one that held more before."""

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)

WORKFLOW = """
timeout: 6h
steps:
  - id: made
    create_set: {name: "fuzz {{ run.id }}", content: PORTFOLIO, members: ["53190000000011", "53190000000029"]}
    timeout: 1h
  - id: job
    submit_job:
      job: M901
      set: "{{ steps.made.set_id }}"
      expect: ["counters.number(0, 0) >= 0", "status != 'FAILED'"]
    timeout: 2h
    on_failure: continue
  - {id: any, get: "/conf/jobs/M901", timeout: 10m, on_failure: continue}
  - {id: report, read_report: "/shared/Library/Reports/Barcodes", timeout: 10m, on_failure: continue}
finally:
  - {if: steps.made.set_id is defined, delete_set: "{{ steps.made.set_id }}"}
outputs:
  counted: "{{ steps.made.member_count }}"
"""  # noqa: E501 - a set on one line
SCENARIO = {
    "jobs": [{"job": "M901", "duration": "10m"}],
    "reports": [{"path": "/shared/Library/Reports/Barcodes", "columns": ["A"], "rows": [["1"]]}],
}


def run(count: int, seed: int) -> list[str]:
    """Play *count* cases of *seed*; returns what failed, one line each."""
    before = peak()
    failures = [failed for number in range(count) for failed in case(seed, number)]
    held = peak()
    if held > max(LARGEST, before + MOST_ADDED):
        failures.append(f"seed {seed}: the process held {held} MiB after {count} mutated answers")
    return failures


def case(seed: int, number: int) -> list[str]:
    """Play one case: of ten, seven go through the client, two over a socket, one is a whole run."""
    chance = random.Random(f"{seed} {number}")
    kind: Callable[[random.Random], str]
    kind = _whole_run if number % 10 == 9 else _over_a_socket if number % 5 == 3 else _to_client
    began = time.process_time()
    try:
        failed = kind(chance)
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"[:500]
    took = time.process_time() - began
    if not failed and took > LONGEST:
        failed = f"took {took:.1f} s"
    return [f"answers, seed {seed}, case {number} ({kind.__name__}): {failed}"] if failed else []


def peak() -> int:
    """Return how much memory the process has ever held (MiB); 0 where that is not told."""
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


# --- through the client -------------------------------------------------------------------------


class _Fixed:
    """A transport that gives one answer."""

    def __init__(self, answer: WireResponse) -> None:
        self._answer = answer

    async def exchange(self, request: WireRequest) -> WireResponse:
        return self._answer

    def close(self) -> None:
        """Nothing is held."""


def _sample(chance: random.Random) -> tuple[Sample, Reply]:
    sample = chance.choice(every_call(chance.random() < 0.4))
    return sample, sample.refusal if chance.random() < 0.2 else sample.success


def _to_client(chance: random.Random) -> str:
    sample, reply = _sample(chance)
    reply = mutated_reply(reply, chance)
    answer = WireResponse(reply.status, reply.headers, reply.body)
    return run_virtual(_send, sample, answer)


async def _send(sample: Sample, answer: WireResponse) -> str:
    client = AlmaClient(
        "main", _Fixed(answer), key="l7xx0", rate=CallRate(1e6, 1e9), clock=VirtualClock(NOW)
    )
    try:
        result = await client.send(sample.call)
    except AlmaError as error:
        cause = error.__cause__
        unforeseen = cause is not None and not isinstance(cause, UnreadableResponse)
        return f"{sample.name}: {cause!r}"[:300] if unforeseen else ""
    # What is kept of an answer is text in a store, and numbers that others understand.
    str(result).encode()
    left = client.remaining_calls
    return "" if left is None or 0 <= left <= 10**12 else f"{left} calls are left"


# --- over a socket ------------------------------------------------------------------------------


def _over_a_socket(chance: random.Random) -> str:
    sample, reply = _sample(chance)
    ending = chance.choice(every_ending())
    wire = mutated_bytes(ending.wire(reply), chance)
    ours, theirs = socket.socketpair()
    ends_at = time.monotonic() + LONGEST
    sender = threading.Thread(target=_say, args=(theirs, wire), daemon=True)
    sender.start()
    try:
        read_response(ours, sample.call.method, lambda: ends_at - time.monotonic())
    except (ConnectionLost, OSError):
        return "it took too long" if time.monotonic() > ends_at else ""
    finally:
        ours.close()
        sender.join()
    return ""


def _say(connection: socket.socket, wire: bytes) -> None:
    try:
        connection.sendall(wire)
    except OSError:
        # The reader has had enough.
        return
    finally:
        connection.close()


# --- whole runs ---------------------------------------------------------------------------------


def _whole_run(chance: random.Random) -> str:
    share = chance.choice([0.03, 0.1, 0.3, 0.8])
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), SCENARIO)
        honest = stage._handle

        def handle(method: str, target: str, headers: Any, body: bytes) -> Reply:
            reply = honest(method, target, headers, body)
            return mutated_reply(reply, chance) if chance.random() < share else reply

        stage._handle = handle  # type: ignore[method-assign]
        played = stage.run(WORKFLOW)
        if played.record.outcome is None and Outcome.UNKNOWN.value not in _told(played.journal):
            return f"the run has no outcome: {played.record}"[:500]
        # As `show --json` prints it.
        json.dumps([entry.value for entry in played.journal], allow_nan=False).encode()
        return ""


def _told(journal: Any) -> set[str]:
    """Return the outcomes of the steps; a lost write that has not ended one counts as unknown."""
    outcomes = {entry.value["outcome"] for entry in journal if entry.effect == "end"}
    waiting = any("unknown" in entry.value for entry in journal if entry.value)
    return outcomes | ({Outcome.UNKNOWN.value} if waiting else set())
