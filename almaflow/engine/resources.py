"""What all runs of one process share."""

from __future__ import annotations

import platform
import random
from pathlib import Path

from almaflow.clock import Clock
from almaflow.connectors.base import ExternalSystems
from almaflow.engine.alma_writes.admission import Admission
from almaflow.engine.alma_writes.institutions import Institutions
from almaflow.engine.approvals import PendingQuestions
from almaflow.engine.job_ends import JobEnds
from almaflow.engine.lease import Lease
from almaflow.engine.outbox import Outbox
from almaflow.engine.simulated_waits import SimulatedWaits
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.runs.job_durations import Durations
from almaflow.store import MarkerHabit, Store
from almaflow.store.writer import StoreWriter
from almaflow.thread_pool import ThreadPool


@dataclass(frozen=True)
class Services:
    """The parts of a running engine that its runs use."""

    store: Store
    writer: StoreWriter
    clock: Clock
    chance: random.Random
    institutions: Institutions
    durations: Durations
    admission: Admission
    people: PendingQuestions
    lease: Lease
    job_ends: JobEnds
    threads: ThreadPool
    outside: ExternalSystems
    outbox: Outbox
    marker_habits: dict[tuple[str, str], MarkerHabit]
    """What Alma has done to our marker in names of instances, by account and job."""
    project_folder: Path | None = None
    """The project's folder on this host; None: runs know the folder that they were recorded in."""
    simulated_waits: SimulatedWaits | None = None
    """The limit of waits in a simulation; None for a live run."""

    def text_of(self, error: AlmaflowError) -> str:
        """Return the text of *error*; of what may be wrong on this host only, with its name."""
        if self.project_folder is None or not isinstance(error, RequestWrong):
            return str(error)
        return f"{error} The step ran on host {platform.node()}."

    def close(self) -> None:
        """Close every connection and end the threads of steps."""
        self.institutions.close()
        self.outside.close()
        self.threads.close()
