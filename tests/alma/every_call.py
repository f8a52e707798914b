"""What the simulated Alma really answers to every call of the client, well and with a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from almaflow.alma import calls
from almaflow.alma.analytics import first_page, next_page
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.client import AlmaClient
from almaflow.alma.rate_limit import CallRate
from almaflow.alma.set_creation import Combined, CopyOf, OfRun, create_set
from almaflow.alma.simulator import Fault, Reply, SimulatedAlma, parse_scenario
from almaflow.alma.transport import InProcessTransport
from almaflow.alma.wire import JobParameter
from almaflow.clock import sleep
from almaflow.virtual_time import VirtualClock, run_virtual

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
REPORT = "/shared/Library/Reports/Barcodes"
SCENARIO = {
    "reports": [
        {"path": REPORT, "columns": ["Barcode"], "rows": [[f"3903{n:06}"] for n in range(1200)]}
    ]
}
QUERY = 'BIB_MMS where BIB_MMS ((all CONTAIN "history"))'

T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """One call, what Alma answers when all is well, and the result that the client makes of it.

    *refusal* is the answer with an error list that says 402216.
    """

    name: str
    call: AlmaRequest[Any]
    success: Reply
    refusal: Reply
    result: Any


class _Recorder:
    """Sends calls to a simulated Alma and to one that refuses everything, and keeps the answers."""

    def __init__(self, clock: VirtualClock, xml: bool) -> None:
        self._accept = {"Accept": "application/xml"} if xml else {}
        self._good = SimulatedAlma(clock.now, parse_scenario(SCENARIO))
        self._bad = SimulatedAlma(clock.now, parse_scenario(None))
        key = self._good.add_institution("main")
        self._bad.add_institution("main", key=key)
        refuse = {"kind": "status", "status": 400, "code": "402216", "call": "any"}
        self._bad.add_fault(Fault.model_validate(refuse))
        self._client = AlmaClient(
            "main", InProcessTransport(self._handle), key=key, rate=CallRate(1e6, 1e9)
        )
        self._replies: list[Reply] = []
        self.samples: list[Sample] = []

    async def send(self, name: str, call: AlmaRequest[T]) -> T:
        self._replies.clear()
        result = await self._client.send(call)
        success, refusal = self._replies
        self.samples.append(Sample(name, call, success, refusal, result))
        return result

    def _handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        headers = {**headers, **self._accept}
        self._replies.append(self._good.handle(method, target, headers, body))
        self._replies.append(self._bad.handle(method, target, headers, body))
        return self._replies[0]


@cache
def every_call(xml: bool = False) -> tuple[Sample, ...]:
    """Return a sample of every call, with answers in JSON, or in XML."""

    async def record() -> tuple[Sample, ...]:
        clock = VirtualClock(START)
        recorder = _Recorder(clock, xml)
        await _simple_reads(recorder)
        await _sets(recorder)
        await _jobs(recorder, clock)
        await _reports(recorder)
        return tuple(recorder.samples)

    return run_virtual(record)


async def _simple_reads(recorder: _Recorder) -> None:
    await recorder.send("get_any", calls.get_any("/conf/jobs/M44"))
    await recorder.send("probe", calls.probe())
    await recorder.send("probe for writing", calls.probe(write=True))
    await recorder.send("general", calls.general())
    await recorder.send("list_jobs", calls.list_jobs())
    await recorder.send("job", calls.job("M44"))
    await recorder.send("job_details", calls.job_details("M44"))
    await recorder.send("code_table", calls.code_table("systemJobStatus"))
    await recorder.send("integration_profiles", calls.integration_profiles())
    imports = await recorder.send("import_profiles", calls.import_profiles())
    await recorder.send("import_profile", calls.import_profile(imports.items[0].id))


async def _sets(recorder: _Recorder) -> None:
    ids = ["39031000000011", "39031000000029"]
    first = await recorder.send("create_set, empty", create_set("weekly", "ITEM"))
    add = calls.change_members(first.id, "add_members", ids, id_type="BARCODE")
    await recorder.send("change_members", add)
    await recorder.send("alma_set", calls.alma_set(first.id))
    await recorder.send("list_sets", calls.list_sets("name~weekly"))
    await recorder.send("set_members", calls.set_members(first.id))
    query = 'ITEM where ITEM ((all CONTAIN "history"))'
    logical = await recorder.send("create_set, logical", create_set("l", "ITEM", query=query))
    copy = create_set("b", "ITEM", origin=CopyOf(logical.id))
    second = await recorder.send("create_set, copy", copy)
    both = Combined("OR", first.id, second.id)
    await recorder.send("create_set, combined", create_set("c", "ITEM", origin=both))
    await recorder.send("delete_set", calls.delete_set(second.id))


async def _jobs(recorder: _Recorder, clock: VirtualClock) -> None:
    made = await recorder.send("create_set, titles", create_set("t", "BIB_MMS", query=QUERY))
    parameters = [JobParameter("set_id", made.id), JobParameter("job_name", "ours [af-1]")]
    run_id = await recorder.send("submit_job", calls.submit_job("M44", parameters))
    await recorder.send("instance, running", calls.instance(run_id))
    imports = await recorder.send("import_profiles", calls.import_profiles())
    import_job = next(profile.job_id for profile in imports.items if profile.job_id)
    import_id = await recorder.send("submit_job, profile", calls.submit_job(import_job))
    await sleep(clock, timedelta(hours=3))
    await recorder.send("instance, ended", calls.instance(run_id))
    await recorder.send("instances", calls.instances("M44"))
    loaded = await recorder.send("instance, import", calls.instance(import_id))
    origin = OfRun(import_id, loaded.populations[0].code)
    await recorder.send("create_set, run", create_set("r", "BIB_MMS", origin=origin))


async def _reports(recorder: _Recorder) -> None:
    page = await recorder.send("first_page", first_page(REPORT))
    await recorder.send("next_page", next_page(page.token))
