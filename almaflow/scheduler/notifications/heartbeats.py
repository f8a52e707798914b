"""Dead man's switches of workflows and of the service: an outside monitor notices missing pings.

A ping can neither break nor delay a run: events are queued immediately, each ping has a separate
thread, and what does not get there is in the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import field
from datetime import timedelta

import anyio
from anyio.abc import TaskGroup

from almaflow.clock import Clock, sleep
from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from almaflow.connectors.healthchecks import TIMEOUT, PingSignal, send
from almaflow.engine.log import Log
from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.problems import did_you_mean
from almaflow.runs.events import EventKind, RunEvent
from almaflow.scheduler.companions import Companion
from almaflow.scheduler.recorded_definitions import RecordedDefinitions
from almaflow.settings import Project
from almaflow.store import RunNotFound, Store, StoreTrouble
from almaflow.store.writer import StoreWriter
from almaflow.task_groups import raise_one_error
from almaflow.thread_pool import ThreadPool

EVERY = timedelta(minutes=5)
"""How often the service's own ping is sent."""

# The waits after tries that failed.
_WAITS = (timedelta(seconds=5), timedelta(seconds=15))

# A whole try: to a connection, to the answer, and a little.
_TRY = timedelta(seconds=2 * TIMEOUT + 5)

# Of what waits behind a ping that does not answer, the newest count.
_KEPT = 10

# Of runs that were begun by hand nobody expects that they come every night.
_BY_HAND = "manual"

Send = Callable[[str, str, PingSignal], None]


@dataclass
class _Line:
    """The way to one ping."""

    threads: ThreadPool
    waiting: deque[PingSignal] = field(default_factory=lambda: deque(maxlen=_KEPT))
    news: anyio.Event = field(default_factory=anyio.Event)
    trouble: str = ""


@dataclass
class _Call:
    """One try, which its thread leaves when it is not wanted any more."""

    given_up: bool = False


class Pings(Companion):
    """Sends the pings of one process; as a listener, it receives the events of its runs.

    *alive* says whether the service does its work: when it does not, its own ping is not sent.
    """

    def __init__(
        self,
        project: Project,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        log: Log,
        *,
        alive: Callable[[], bool] = lambda: True,
        send: Send = send,
    ) -> None:
        self._project = project
        self._store = store
        self._writer = writer
        self._clock = clock
        self._log = log
        self._alive = alive
        self._send = send
        self._heard: deque[tuple[str, PingSignal]] = deque()
        self._news = anyio.Event()
        self._lines: dict[str, _Line] = {}
        self._loading = ThreadPool("pings", 1)
        self._names = RecordedDefinitions(store, writer, self._loading, lambda one, _: one.ping)

    def receive(self, event: RunEvent) -> None:
        """Take note of the begin and the end of a run."""
        signal = _signal_of(event) if self._project.settings.pings else None
        if signal is not None:
            self._heard.append((event.run_id, signal))
            self._news.set()

    async def run(self) -> None:
        """Send pings, until cancelled."""
        with self._loading, raise_one_error():
            async with anyio.create_task_group() as tasks:
                if (own := self._project.settings.serving.ping) is not None:
                    tasks.start_soon(self._live, own, tasks)
                while True:
                    await self._news.wait()
                    self._news = anyio.Event()
                    while self._heard:
                        await self._tell(*self._heard.popleft(), tasks)

    async def _live(self, name: str, tasks: TaskGroup) -> None:
        while True:
            if self._alive():
                self._put(name, PingSignal.SUCCESS, tasks)
            await sleep(self._clock, EVERY)

    async def _tell(self, run_id: str, signal: PingSignal, tasks: TaskGroup) -> None:
        try:
            name = await self._name_of(run_id)
        except StoreTrouble as error:
            self._log(f"A ping was not sent: {error}", level="warning", run=run_id)
            return
        if name is not None:
            self._put(name, signal, tasks)

    async def _name_of(self, run_id: str) -> str | None:
        """Return the ping that a run's own definition names; None for none, or a run by hand."""
        try:
            record = await self._writer.call(self._store.run, run_id)
        except RunNotFound:
            # It was pruned meanwhile.
            return None
        return None if record.trigger == _BY_HAND else await self._names.of(record.definition)

    # --- one ping ---------------------------------------------------------------------------------

    def _put(self, name: str, signal: PingSignal, tasks: TaskGroup) -> None:
        if name not in self._lines:
            self._lines[name] = _Line(ThreadPool(f"ping-{name}", 1))
            tasks.start_soon(self._serve, name, self._lines[name])
        line = self._lines[name]
        line.waiting.append(signal)
        line.news.set()

    async def _serve(self, name: str, line: _Line) -> None:
        """Send what waits for one ping, one after the other."""
        with line.threads:
            while True:
                await line.news.wait()
                line.news = anyio.Event()
                while line.waiting:
                    error = await self._try(name, line, line.waiting.popleft())
                    self._report(name, line, error)

    def _report(self, name: str, line: _Line, error: str) -> None:
        """Log when a ping begins to be in trouble, and when it works again."""
        if error and not line.trouble:
            self._log(
                f"{error} This is reported again only after it has worked.",
                level="warning",
                ping=name,
            )
        elif line.trouble and not error:
            self._log(f"The ping `{name}` works again.", ping=name)
        line.trouble = error

    async def _try(self, name: str, line: _Line, signal: PingSignal) -> str:
        """Send a signal, a few times when it does not get there.

        Returns why it did not, a sentence; empty when it did.
        """
        error = ""
        for wait in (*_WAITS, None):
            call = _Call()
            try:
                with anyio.fail_after(_TRY.total_seconds()):
                    await line.threads.run(self._carry, call, name, signal)
            except TimeoutError:
                error = f"The ping `{name}` did not respond."
            except TemporaryFailure as caught:
                error = str(caught)
            except AlmaflowError as caught:
                return str(caught)
            except Exception as caught:
                # Whatever it is, runs continue; its text may hold the address.
                return f"The ping `{name}` failed because of a defect ({type(caught).__name__})."
            else:
                return ""
            finally:
                call.given_up = True
            if wait is not None:
                await sleep(self._clock, wait)
        return error

    def _carry(self, call: _Call, name: str, signal: PingSignal) -> None:
        """Call the address of a ping; for its thread. Raises: ConnectorError, RequestWrong."""
        if call.given_up:
            return
        known = self._project.settings.pings
        if name not in known:
            hint = did_you_mean(name, known) or "."
            raise ConnectorRefused(f"almaflow.yaml has no ping `{name}`{hint}")
        self._send(name, known[name].resolve(self._project.folder, f"pings.{name}"), signal)


def _signal_of(event: RunEvent) -> PingSignal | None:
    """Return what the begin or the end of a run says; None: the event is neither."""
    if event.kind is not EventKind.RUN:
        return None
    if event.data.get("status") == "running":
        return PingSignal.START
    if event.data.get("status") == "finished":
        good = Outcome(event.data["outcome"]).is_good
        return PingSignal.SUCCESS if good else PingSignal.FAIL
    return None
