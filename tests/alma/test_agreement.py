"""Client and simulator, which share no code, agree about Alma: in JSON and in XML alike."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.client import AlmaClient
from almaflow.alma.directory import Directory
from almaflow.alma.errors import AlmaBusy, AlmaRefused, NotInAlma, Threshold
from almaflow.alma.job_status import is_terminal
from almaflow.alma.rate_limit import CallRate
from almaflow.alma.set_creation import Combined, OfRun, create_set
from almaflow.alma.simulator import SimulatedAlma
from almaflow.alma.simulator.reply import Reply
from almaflow.alma.transport import InProcessTransport
from almaflow.alma.wire import JobParameter
from almaflow.clock import sleep
from almaflow.virtual_time import VirtualClock, run_virtual

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
Story = Callable[[AlmaClient, VirtualClock], Coroutine[Any, Any, None]]


def play(story: Story, *, xml: bool = False, key: str | None = None) -> None:
    """Play *story* with a client of a simulated Alma, which answers in XML if so told."""

    async def run() -> None:
        clock = VirtualClock(START)
        alma = SimulatedAlma(clock.now)
        given = alma.add_institution("main")

        def handle(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
            kind = {"Accept": "application/xml"} if xml else {}
            return alma.handle(method, target, {**headers, **kind}, body)

        rate = CallRate(40, 1200)
        await story(
            AlmaClient("main", InProcessTransport(handle), key=key or given, rate=rate), clock
        )

    run_virtual(run)


both = pytest.mark.parametrize("xml", [False, True], ids=["json", "xml"])


@both
def test_a_set_is_made_filled_worked_on_and_deleted(xml: bool) -> None:
    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        ids = ["39031000000011", "39031000000029"]
        made = await client.send(create_set("weekly", "ITEM"))
        await client.send(calls.change_members(made.id, "add_members", ids, id_type="BARCODE"))
        again = await Directory(client.send, clock).set_named("weekly")
        members = await client.send(calls.set_members(made.id))
        await client.send(calls.delete_set(made.id))

        assert (made.name, made.type, made.member_count) == ("weekly", "ITEMIZED", 0)
        assert again is not None
        assert (again.id, again.member_count) == (made.id, 2)
        assert [member.description for member in members.items] == ids
        assert await Directory(client.send, clock).set_named("weekly") is None

    play(story, xml=xml)


@both
def test_two_sets_are_combined(xml: bool) -> None:
    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        ids = ["39031000000011", "39031000000029", "39031000000037"]
        first = await client.send(create_set("first", "ITEM"))
        second = await client.send(create_set("second", "ITEM"))
        for made, some in ((first, ids[:2]), (second, ids[1:])):
            await client.send(calls.change_members(made.id, "add_members", some, id_type="BARCODE"))
        rest = Combined("NOT", first.id, second.id)
        made = await client.send(create_set("rest", "ITEM", origin=rest))
        await sleep(clock, timedelta(minutes=1))
        members = await client.send(calls.set_members(made.id))

        assert [member.description for member in members.items] == ids[:1]
        assert (made.type, made.name, made.filled_by) == ("ITEMIZED", "rest", "")

    play(story, xml=xml)


@both
def test_a_set_is_made_of_the_titles_of_an_import(xml: bool) -> None:
    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        job = await Directory(client.send, clock).import_job(name="Vendor MARC records weekly")
        run_id = await client.send(calls.submit_job(job.id))
        await sleep(clock, timedelta(hours=2))
        run = await client.send(calls.instance(run_id))
        loaded = run.populations[2]
        made = await client.send(create_set("loaded", "BIB_MMS", origin=OfRun(run_id, loaded.code)))
        await sleep(clock, timedelta(hours=1))
        filling = await client.send(calls.instance(made.filled_by))
        filled = await client.send(calls.alma_set(made.id))

        assert (loaded.code, loaded.label) == (
            "IMPORTED_RECORDS_NO_MATCH",
            "Imported records with no match",
        )
        assert len(run.populations) == 5
        assert is_terminal(filling)
        assert filled.member_count == loaded.members == 247

    play(story, xml=xml)


@both
def test_a_job_is_found_submitted_and_followed_to_its_end(xml: bool) -> None:
    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        job = await Directory(client.send, clock).job(name="Export Bibliographic Records")
        made = await client.send(
            create_set("titles", "BIB_MMS", query='BIB_MMS where BIB_MMS ((all CONTAIN "x"))')
        )
        parameters = [JobParameter("set_id", made.id), JobParameter("job_name", "ours [af-1]")]
        instance_id = await client.send(calls.submit_job(job.id, parameters))
        seen = await client.send(calls.instance(instance_id))
        for _ in range(10_000):
            if is_terminal(seen):
                break
            await sleep(clock, timedelta(seconds=30))
            seen = await client.send(calls.instance(instance_id))
        listed = await client.send(calls.instances(job.id))

        assert job.id == "M44"
        assert seen.status == "COMPLETED_SUCCESS"
        assert seen.name.startswith("ours [af-1]")
        assert seen.submitted_by == "exl_api"
        assert seen.job_id == "M44"
        assert seen.submit_time is not None
        assert seen.end_time is not None
        assert START <= seen.submit_time <= seen.end_time
        assert seen.counters
        assert seen.link.endswith(instance_id)
        assert seen in listed.items

    play(story, xml=xml)


READS: list[AlmaRequest[Any]] = [
    calls.general(),
    calls.list_jobs(),
    calls.job("M44"),
    calls.list_sets(),
    calls.integration_profiles(),
    calls.import_profiles(),
    calls.probe(),
]


@pytest.mark.parametrize("call", READS, ids=lambda call: call.what)
def test_every_read_means_the_same_in_json_and_xml(call: AlmaRequest[Any]) -> None:
    found: list[Any] = []

    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        found.append(await client.send(call))

    play(story)
    play(story, xml=True)

    assert found[0] == found[1]
    assert found[0]


def test_what_alma_says_beside_its_answer_is_kept() -> None:
    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        await client.send(calls.general())

        assert client.remaining_calls is not None
        assert client.last_date == START

    play(story)


def test_a_wrong_key_is_refused_in_alma_s_words() -> None:
    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        with pytest.raises(AlmaRefused, match="API-key not defined") as caught:
            await client.send(calls.general())
        assert caught.value.codes == {"UNAUTHORIZED"}

    play(story, key="l7xxwrong")


@both
def test_a_job_that_is_not_there_is_refused(xml: bool) -> None:
    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        with pytest.raises(AlmaRefused) as caught:
            await client.send(calls.submit_job("M999999"))
        assert caught.value.codes == {"402216"}
        assert caught.value.messages[0].tracking_id
        with pytest.raises(NotInAlma, match="did you mean"):
            await Directory(client.send, clock).job(name="Export Bibliografic Records")

    play(story, xml=xml)


@both
def test_the_limit_of_running_jobs_means_later(xml: bool) -> None:
    async def story(client: AlmaClient, clock: VirtualClock) -> None:
        made = await client.send(
            create_set("titles", "BIB_MMS", query='BIB_MMS where BIB_MMS ((all CONTAIN "x"))')
        )
        submit = calls.submit_job("M44", [JobParameter("set_id", made.id)])
        for _ in range(3):
            await client.send(submit)

        with pytest.raises(AlmaBusy) as caught:
            await client.send(submit)
        assert caught.value.threshold is Threshold.JOBS

    play(story, xml=xml)
