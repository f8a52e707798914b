"""What the engine offers to a step while it is performed.

The engine makes it real (`engine/step_context.py`); the kinds of step know nothing else of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from almaflow.field_types import Condition, Expression, Message, Template
from almaflow.late_dataclasses import dataclass
from almaflow.steps.result import StepResult
from almaflow.waiting import Waiting

if TYPE_CHECKING:
    from almaflow.alma.calls import AlmaRequest
    from almaflow.alma.directory import Directory
    from almaflow.alma.evidence import Trace
    from almaflow.alma.wire import JobInstance, JobParameter
    from almaflow.clock import Clock
    from almaflow.connectors.attached_files import AttachedFile
    from almaflow.connectors.base import ExternalSystems
    from almaflow.steps.base import Block, BlockResult, PollSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Submission:
    """A job that Alma runs as *instance_id*; *at* is when it was sent (aware, workflow's zone)."""

    instance_id: str
    at: datetime


@dataclass(frozen=True)
class Reply:
    """What a person said at a step; *value* is what belongs to the question."""

    by: str
    at: datetime
    value: Mapping[str, Any]


class StepContext(Protocol):
    """What the engine offers to a step while it is performed."""

    path: str
    """The step's path in the run, such as `branch-5/case-2/notify-1`."""
    clock: Clock
    outputs: dict[str, Any]
    """What later steps will see; kept even when the step fails afterwards."""
    institution: str
    run_id: str
    workflow_name: str
    now: datetime
    """The instant recorded with the step's begin, in the workflow's zone."""
    poll: PollSettings
    directory: Directory

    @property
    def outside(self) -> ExternalSystems:
        """The way to files on servers and in folders."""
        ...

    def evaluate(self, expression: Expression, *, by_alma: bool = False) -> Any:
        """Return the value of *expression*; Raises: ExpressionFailed.

        With *by_alma* the names that our clock gave a value (`now`, `today`, `run.started_at` …)
        have the value that Alma's clock would have given, for comparisons with Alma's instants.
        """
        ...

    def holds(self, condition: Condition, *, own: bool = False) -> bool:
        """Whether *condition* is true; with *own* it sees the step's own outputs by name.

        Raises: ExpressionFailed, also when it is neither true nor false.
        """
        ...

    def value(self, template: Template, *, by_alma: bool = False) -> Any:
        """Return the value of *template*, which keeps its type when it is one `{{ … }}`.

        *by_alma* as for `evaluate`.
        """
        ...

    def text(self, template: Template) -> str:
        """Return *template* as text; Raises: ExpressionFailed."""
        ...

    def message(self, message: Message, *, own: bool = False) -> str:
        """Return *message* for people; it never fails. *own* as for `holds`."""
        ...

    async def read(self, call: AlmaRequest[T], *, poll: bool = False, again: bool = True) -> T:
        """Send a read, again after transient faults, until the step's time has expired.

        A *poll* looks at a run in Alma: it continues when the institution's calls of the day are
        nearly used up, while every other call waits. Without *again* a lost answer raises
        ResponseLost: what a second call is given is not the same.
        """
        ...

    async def write(
        self,
        effect: str,
        call: AlmaRequest[T],
        *,
        trace: Trace | None = None,
        repeatable: bool = False,
    ) -> T:
        """Send a write once, recorded before and after under *effect*; returns its JSON value.

        *trace* is what the write leaves in Alma: when the answer is lost it is searched for until
        it is found or its time is over, then the write is sent once more. The result of a write
        that was found is `Trace.result`, so *call* must give the same. *repeatable* says that
        sending it twice changes nothing more, so that a lost answer leads to another sending at
        once. A write has the one or the other.

        Raises:
            AlmaRefused: Alma answered with an error.
            StepFailed: the second answer was lost too, and nothing is to be found.
        """
        ...

    async def submit(
        self, job_id: str, job_name: str, make: Callable[[str], Sequence[JobParameter]]
    ) -> Submission:
        """Start a job once, whatever happens; waits for a place among Alma's limits first.

        *make* returns the parameters for a submission that carries the marker it is given (the
        text to put behind the run's name). *job_name* is the job's own name in Alma.

        Raises:
            AlmaRefused: Alma answered with an error.
            OutcomeUnknown: sent, and it is not known what happened to it; a person has to look.
        """
        ...

    async def claimed(self, job_id: str) -> Collection[str]:
        """Return the runs of a job in Alma that steps of this store's runs have started."""
        ...

    async def seen(self, job_id: str, instance: JobInstance) -> None:
        """Take note of what Alma shows of a run: its place is free when it has ended."""
        ...

    def saves_calls(self) -> bool:
        """Whether so few calls of the day are left that only polls continue, and those seldom."""
        ...

    def reports_arrive(self) -> bool:
        """Whether Alma's webhook reports the ends of jobs, so that polls may be seldom."""
        ...

    async def answer(self, kind: Literal["approve"], question: str) -> Reply:
        """Wait until a person answers *question* at this step."""
        ...

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a blocking *function* off the loop; virtual time does not pass meanwhile."""
        ...

    async def reach(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a blocking *function* that reaches outside, again while it raises TemporaryFailure.

        That continues until the step's time has expired; what could not be reached even once is
        given up after a minute.
        """
        ...

    def earlier(self, effect: str) -> Any:
        """Return what the write *effect* gave to an earlier attempt at this step, else None."""
        ...

    def lost_earlier(self, effect: str) -> datetime | None:
        """Return from when on an earlier attempt sent the write *effect* without an answer.

        By Alma's clock, with a minute's tolerance; None when no answer was lost.
        """
        ...

    async def once(self, effect: str, make: Callable[[], Awaitable[T]], *, kept: bool = False) -> T:
        """Work out a JSON-able value and record it; after a restart return what was recorded.

        With *kept* an earlier attempt's counts when a new attempt at the run keeps something that
        was done inside this step.
        """
        ...

    async def wait_until(
        self, instant: datetime, waiting: Waiting, detail: str = "", *, instance_id: str = ""
    ) -> bool:
        """Wait; *waiting* is what `show`, the log and the live view say meanwhile.

        *detail* changes from look to look and is shown, but not logged. With *instance_id* the wait
        also ends, with True, when Alma's webhook reports the end of that instance.
        """
        ...

    async def sleep(self, duration: timedelta, waiting: Waiting) -> None:
        """Wait for *duration*, as `wait_until` does."""
        ...

    def progress(
        self, text: str, percent: float | None = None, counters: Sequence[Mapping[str, str]] = ()
    ) -> None:
        """Tell the live view how far the step's work in Alma is, and what it has counted."""
        ...

    def say(self, text: str, **data: str) -> None:
        """Write a line to the run's log; *data* is for listeners."""
        ...

    def alma_time(self, instant: datetime) -> datetime:
        """Return what Alma's clock showed at *instant* of ours, by Alma's last answer."""
        ...

    def link(self, href: str) -> str:
        """Return the address that people open for Alma's *href*."""
        ...

    def payload(self, name: str) -> str:
        """Return the text of a payload file, as recorded with the run."""
        ...

    def project_path(self, name: str) -> Path:
        """Return what *name*, relative to the workflow, is in the project; Raises: StepFailed."""
        ...

    def file_to_read(self, name: str) -> Path:
        """Return the path of a data file in the project; Raises: StepFailed.

        Among hosts that share a store, it also fails for a file that this host does not have.
        """
        ...

    def file_to_extend(self, name: str) -> Path:
        """Return the path of a data file in the project that a step adds to; Raises: StepFailed.

        Among hosts that share a store, it also fails when this host does not have its folder.
        """
        ...

    async def landed(self, sizes: Mapping[str, int]) -> None:
        """Record files that the step has put into the project, by name, with their sizes (bytes).

        A later step that runs on another host is refused an older file of the same name.
        """
        ...

    def read_file(self, name: str) -> str:
        """Return the text of a data file next to the workflow; Raises: StepFailed."""
        ...

    def expected_duration(self, job_id: str) -> timedelta | None:
        """Return how long this job usually takes here, None when nothing was learned yet."""
        ...

    def learn_duration(self, job_id: str, duration: timedelta) -> None:
        """Remember how long a run of this job took."""
        ...

    async def jobs_on(self, set_id: str) -> list[tuple[str, str | None]]:
        """Return (job id, instance id) of the jobs that we started on a set and that continue.

        Those of every run of the store count; the instance is None when nobody can tell yet
        whether Alma took the submission.
        """
        ...

    async def notify(
        self,
        channel: str,
        message: Message,
        files: Sequence[AttachedFile] = (),
        problems: Sequence[str] = (),
    ) -> str:
        """Send *message* to *channel*; returns why it was not delivered, empty when it was.

        With it go *files*, and the sentences about those that could not be attached, *problems*.
        """
        ...

    async def run_block(self, block: Block) -> StepResult:
        """Run the steps of a block in order and return how it ended."""
        ...

    async def run_blocks(
        self, blocks: Sequence[Block], max_parallel: int | None = None
    ) -> tuple[StepResult, list[BlockResult]]:
        """Run blocks in parallel, at most *max_parallel* at a time, begun in order.

        After a failure nothing new begins; what has begun is finished, then the first failure
        counts. Returns how the whole ended, and the end of each block in its order.
        """
        ...

    async def call_workflow(
        self, name: str, inputs: Mapping[str, Any]
    ) -> tuple[StepResult, Mapping[str, Any]]:
        """Run the recorded workflow *name* with these inputs; returns its ending and outputs.

        Its `finally` runs; its `schedule`, `overlap` and `notify` do not count.
        """
        ...
