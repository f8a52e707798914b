"""What `worker` and `serve` check before they share the runs of a store with other processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from almaflow.cli.interrupt import run_interruptible
from almaflow.clock import SystemClock, sleep
from almaflow.errors import RequestWrong
from almaflow.settings import Project
from almaflow.store import RENEW, ActiveProcess, ProcessInfo, Store


def with_keys(project: Project) -> tuple[list[str], dict[str, RequestWrong]]:
    """Return the institutions whose API key is here, and why the key of each other one is not."""
    missing: dict[str, RequestWrong] = {}
    for name in project.institutions:
        try:
            project.institution(name).key()
        except RequestWrong as error:
            missing[name] = error
    return [name for name in project.institutions if name not in missing], missing


def info_of(project: Project, name: str, queues: Sequence[str]) -> ProcessInfo:
    """Return what a process called *name* reports that takes the runs of *queues*."""
    addresses = {
        institution: f"{one.base_url} ({one.account}, {one.environment})"
        for institution in project.institutions
        for one in (project.institution(institution),)
    }
    return ProcessInfo(name, tuple(queues), addresses)


def refuse_other_project(store: Store, info: ProcessInfo) -> None:
    """Refuse a store that a living process uses for institutions of the same names elsewhere.

    Either of the two would send the other's runs to the wrong Alma.

    Raises:
        RequestWrong: there is such a process.
        Interrupted: a person did not want to wait for its sign of life.
    """
    if _other_project(store.at_work(), info) is None:
        return
    # One that died seems to live until it was watched for some seconds.
    run_interruptible(lambda: sleep(SystemClock(), RENEW + timedelta(seconds=1)))
    alive = [one for one in store.at_work() if not store.is_silent(one.process.id)]
    found = _other_project(alive, info)
    if found is None:
        return
    other, name = found
    process = other.process
    raise RequestWrong(
        f"Process {process.pid} on {process.host} shares the store {store.address}, but its "
        f"institution `{name}` is {process.reported.addresses[name]}, and here it is "
        f"{info.addresses[name]}. Give each project a separate database, or correct almaflow.yaml"
        " on one of the hosts."
    )


def _other_project(
    processes: Sequence[ActiveProcess], info: ProcessInfo
) -> tuple[ActiveProcess, str] | None:
    """Return the first process with another address for an institution, and that institution."""
    for one in processes:
        theirs = one.process.reported.addresses
        for name, address in info.addresses.items():
            if theirs.get(name, address) != address:
                return one, name
    return None
