"""Whether the `serve`s of a store see the same workflows: hosts at two commits, or two projects.

Only one `serve` keeps the timetables of a store, those of its folder. What another folder holds
beyond it would not run, and its timetables would end when the other one leads, without a word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import field
from datetime import timedelta

from almaflow.late_dataclasses import dataclass
from almaflow.scheduler.workflow_files import WorkflowSnapshot, WorkflowWatcher
from almaflow.settings import Project
from almaflow.store import Schedule, Store, StoreUrlWrong, WorkflowSource
from almaflow.store.writer import StoreWriter
from almaflow.thread_pool import ThreadPool

COMPARISON = timedelta(minutes=1)
"""How often a process that stands by compares its workflows with those of the one that leads."""

_MOST_NAMES = 5
_ONE_STORE_EACH = "if not, give each project a separate `store`."


@dataclass
class OtherFolders:
    """Compares the folder of this process with what the store holds of others."""

    project: Project
    reader: WorkflowWatcher
    files: ThreadPool
    store: Store
    writer: StoreWriter
    _said: str = field(default="", init=False)
    _last: float | None = field(default=None, init=False)
    """When the folders were last compared, on the clock's `elapsed`."""

    @property
    def differ(self) -> bool:
        """Whether the last comparison found a difference."""
        return bool(self._said)

    async def refuse_other_project(self) -> None:
        """Refuse a store that certainly belongs to another project.

        Neither a scheduled workflow of the store nor an institution of its runs is known here. One
        of the two may have been renamed.

        Raises:
            StoreUrlWrong: it does; the text says what to do.
        """
        here = await self._read()
        await self.writer.call(lambda: _refuse_other_project(self.store, self.project, here))

    async def compare(self, elapsed: float) -> str:
        """Return what is to be said of how this folder differs from that of the leader; else "".

        It compares once a minute (`COMPARISON`), by the seconds *elapsed*, and says nothing twice.
        """
        if self._last is not None and elapsed - self._last < COMPARISON.total_seconds():
            return ""
        self._last = elapsed
        before, self._said = (
            self._said,
            differs_from_leader(await self._read(), await self.writer.call(self.store.sources)),
        )
        if self._said == before:
            return ""
        return self._said or "This folder holds the same workflows as that of the leader again."

    async def _read(self) -> WorkflowSnapshot:
        # What was valid once, and is not now, is the leader's affair.
        return await self.files.run(self.reader.read, (), lambda source: None)


def _refuse_other_project(store: Store, project: Project, here: WorkflowSnapshot) -> None:
    scheduled = {one.workflow for one in store.schedules(active=True)}
    with store.read() as transaction:
        used = set(transaction.column("SELECT DISTINCT institution FROM runs"))
    if not scheduled or scheduled & _held(here, store.sources()):
        return
    if not used or used & {*project.settings.institutions}:
        return
    raise StoreUrlWrong(
        f"The store {store.address} belongs to another project: it holds the timetable of "
        f"{_names(scheduled)} and runs at {_names(used)}, and neither is in {project.folder}. "
        "Correct `store` in almaflow.yaml; each project needs a separate store."
    )


def differs_from_leader(here: WorkflowSnapshot, sources: Collection[WorkflowSource]) -> str:
    """Return a warning when the folder of the process that leads holds other workflows than *here*.

    *sources* are the files of the leader.
    """
    own, leads = _held(here, sources), {one.workflow for one in sources}
    only_here, only_there = own - leads, leads - own
    if not only_here and not only_there:
        return ""
    told = [f"{_names(only_here)} only here"] if only_here else []
    told += [f"{_names(only_there)} only there"] if only_there else []
    return (
        "This folder does not hold the same workflows as that of the `serve` that leads: "
        f"{', '.join(told)}. The timetables of the leader run, no others. If both are one project, "
        f"bring both folders to the same commit; {_ONE_STORE_EACH}"
    )


def gone_since(
    here: WorkflowSnapshot, sources: Iterable[WorkflowSource], schedules: Iterable[Schedule]
) -> str:
    """Return a warning when workflows had a timetable in the store and are not in this folder.

    *sources* are the files that the store knew before.
    """
    gone = {one.workflow for one in schedules} - _held(here, sources)
    if not gone:
        return ""
    return (
        f"The store has a timetable of {_names(gone)}, which this folder does not hold, so it ends "
        f"now. If the files were removed, nothing needs to be done; {_ONE_STORE_EACH}"
    )


def _held(here: WorkflowSnapshot, sources: Iterable[WorkflowSource]) -> set[str]:
    """Return the workflows of this folder, also those of *sources* whose files are invalid now."""
    return {*here.active, *(one.workflow for one in sources if one.path in here.problems)}


def _names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    shown = [f"`{name}`" for name in ordered[:_MOST_NAMES]]
    more = len(ordered) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
