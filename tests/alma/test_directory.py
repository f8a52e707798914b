from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import anyio
import pytest

from almaflow.alma.calls import AlmaRequest, list_jobs
from almaflow.alma.directory import Directory, read_pages
from almaflow.alma.errors import AlmaMessage, AlmaRefused, NotInAlma
from almaflow.alma.wire import AlmaSet, Job

T = TypeVar("T")


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def elapsed(self) -> float:
        return (self.instant - datetime(2026, 3, 1, tzinfo=UTC)).total_seconds()

    async def sleep_until(self, instant: datetime) -> None:
        raise AssertionError("the directory never sleeps")


class FakeAlma:
    """Answers calls from lists, ten entries a page, and remembers what was asked."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists = lists
        self.asked: list[str] = []
        self.bad_queries = False

    async def read(self, call: AlmaRequest[T]) -> T:
        query = dict(call.query)
        asked = "&".join(f"{key}={query[key]}" for key in query if key not in ("limit", "offset"))
        self.asked.append(f"{call.path}?{asked}" if asked else call.path)
        return call.read(json.loads(json.dumps(self.answer(call.path, query))))

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        kind, _, identifier = path.removeprefix("/conf/").partition("/")
        entries = self.lists.get(kind.replace("-", "_"), [])
        if identifier:
            return next(entry for entry in entries if entry["id"] == identifier)
        if self.bad_queries and "q" in query:
            raise AlmaRefused("no", messages=[AlmaMessage("60106", "Invalid query format.")])
        field, _, words = query.get("q", "~").partition("~")
        found = [
            entry
            for entry in entries
            if all(word in entry[field].casefold() for word in words.casefold().split("_") if word)
            and query.get("type", "") in ("", entry.get("type", {}).get("value"))
            and query.get("profile_id") in (None, entry.get("for"))
        ]
        offset = int(query.get("offset", 0))
        key = {"sets": "set", "jobs": "job"}.get(kind, kind.replace("-", "_").rstrip("s"))
        key = "import_profile" if key == "md_import_profile" else key
        page = found[offset : offset + 10]
        return {"total_record_count": len(found)} | ({key: page} if page else {})


def job(id: str, name: str, type: str = "MANUAL", **more: Any) -> dict[str, Any]:
    return {"id": id, "name": name, "type": {"value": type}, **more}


def ask(
    alma: FakeAlma,
    question: Callable[[Directory], Coroutine[Any, Any, T]],
    clock: HandClock | None = None,
) -> T:
    async def run() -> T:
        return await question(Directory(alma.read, clock or HandClock(), "main"))

    return anyio.run(run)


def refusal(alma: FakeAlma, question: Callable[[Directory], Coroutine[Any, Any, Any]]) -> str:
    with pytest.raises(NotInAlma) as caught:
        ask(alma, question)
    return str(caught.value)


JOBS = [job(f"M{number}", f"Job {number}") for number in range(25)] + [
    job("M44", "Export Bibliographic Records"),
    job("M45", "Export Bibliographic Records (old)"),
    job("M50", "Twice"),
    job("M51", "Twice"),
    job("S1", "Nightly", "SCHEDULED"),
]


# --- jobs -----------------------------------------------------------------------------------


def test_a_job_is_found_by_its_exact_name_on_any_page() -> None:
    found = ask(FakeAlma(jobs=JOBS), lambda it: it.job(name="Export Bibliographic Records"))

    assert found.id == "M44"


def test_names_are_equal_however_their_accents_are_written() -> None:
    alma = FakeAlma(jobs=[job("M1", "Cafe\u0301")])

    assert ask(alma, lambda it: it.job(name="Café")).id == "M1"


def test_of_a_job_given_by_id_and_name_the_id_counts() -> None:
    alma = FakeAlma(jobs=JOBS)

    assert ask(alma, lambda it: it.job("M44", "export bibliographic  records")).id == "M44"
    assert ask(alma, lambda it: it.job("M44", "Withdraw items")).id == "M44"


@pytest.mark.parametrize("name", ["Export Bibliographic records", " EXPORT  bibliographic RECORDS"])
def test_case_and_runs_of_spaces_in_names_of_jobs_do_not_count(name: str) -> None:
    alma = FakeAlma(jobs=JOBS)

    assert ask(alma, lambda it: it.job(name=name)).id == "M44"


def test_of_jobs_that_differ_in_case_only_the_one_written_so_is_meant() -> None:
    alma = FakeAlma(jobs=[job("M1", "Add titles"), job("M2", "Add Titles")])

    assert ask(alma, lambda it: it.job(name="Add Titles")).id == "M2"
    assert "several jobs are named" in refusal(alma, lambda it: it.job(name="ADD TITLES"))


def test_a_job_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    alma = FakeAlma(jobs=JOBS)

    assert refusal(alma, lambda it: it.job(name="export bibliografic records")) == (
        "main has no manual job named 'export bibliografic records'; did you mean `Export "
        "Bibliographic Records`? Use `almaflow jobs list` to see which ones exist."
    )
    assert "main has no job named 'zzz'. " in refusal(
        alma, lambda it: it.job(name="zzz", type=None)
    )
    assert "is empty" in refusal(alma, lambda it: it.job(name=""))


def test_a_name_that_two_jobs_have_is_refused_with_their_ids() -> None:
    assert refusal(FakeAlma(jobs=JOBS), lambda it: it.job(name="Twice")) == (
        "At main, several jobs are named 'Twice': M50, M51. Specify the id of the one that "
        "you mean."
    )


def test_the_type_limits_where_a_name_is_looked_for() -> None:
    alma = FakeAlma(jobs=JOBS)

    assert ask(alma, lambda it: it.job(name="Nightly", type=None)).id == "S1"
    assert "no manual job" in refusal(alma, lambda it: it.job(name="Nightly"))


def test_jobs_are_kept_for_ten_minutes() -> None:
    alma, clock = FakeAlma(jobs=JOBS[:5]), HandClock()

    async def questions(directory: Directory) -> None:
        await directory.job(name="Job 1")
        await directory.job(name="Job 2")
        assert alma.asked == ["/conf/jobs?type=MANUAL"]
        clock.instant += timedelta(minutes=10)
        await directory.job(name="Job 1")
        assert len(alma.asked) == 2

    ask(alma, questions, clock)


def test_what_was_not_there_is_looked_for_again_at_once() -> None:
    alma = FakeAlma(jobs=JOBS[:5])

    async def questions(directory: Directory) -> Job:
        with pytest.raises(NotInAlma):
            await directory.job(name="New")
        alma.lists["jobs"] = [job("M99", "New")]
        return await directory.job(name="New")

    assert ask(alma, questions).id == "M99"


# --- profiles -------------------------------------------------------------------------------

PROFILES = [
    {"id": "70", "code": "ERP", "name": "Our ERP"},
    {"id": "71", "code": "ERP_OLD", "name": "Our ERP, old"},
    {"id": "72", "code": "SIS", "name": "Students"},
    {"id": "73", "code": "SAME", "name": "Same"},
    {"id": "74", "code": "SAME", "name": "Same"},
    {"id": "75", "code": "NONE", "name": "Without job"},
]
PROFILE_JOBS = [
    job("S70", "ERP export using profile Our ERP", "SCHEDULED", **{"for": "70"}),
    job("S71", "ERP import using profile Our ERP", "SCHEDULED", **{"for": "70"}),
    job("S72", "SIS Synchronize", "SCHEDULED", **{"for": "72"}),
    job("S73", "SIS Synchronize Nightly", "SCHEDULED", **{"for": "72"}),
    job("S74", "Of another", "SCHEDULED", **{"for": "75"}, related_profile={"value": "99"}),
]


def profiles() -> FakeAlma:
    return FakeAlma(jobs=PROFILE_JOBS, integration_profiles=PROFILES)


def test_the_job_of_a_profile_is_chosen_by_the_beginning_of_its_name() -> None:
    alma = profiles()

    for question in (
        lambda it: it.integration_job(code="ERP", job_name="ERP import"),
        lambda it: it.integration_job(name="Our ERP", job_name="ERP import"),
        lambda it: it.integration_job(id="70", job_name="ERP import"),
    ):
        assert ask(alma, question).id == "S71"
    assert "/conf/integration-profiles?q=name~Our_ERP" in alma.asked


def test_a_whole_name_is_better_than_a_beginning() -> None:
    found = ask(profiles(), lambda it: it.integration_job("72", job_name="SIS Synchronize"))

    assert found.id == "S72"


def test_a_profile_with_several_jobs_needs_to_be_told_which() -> None:
    assert refusal(profiles(), lambda it: it.integration_job(code="ERP")) == (
        "At main, the profile 'ERP' has 2 jobs: 'ERP export using profile Our ERP', 'ERP "
        "import using profile Our ERP'. Specify one with `job`, the beginning of its name."
    )
    told = refusal(profiles(), lambda it: it.integration_job(code="ERP", job_name="SIS"))
    assert "has 2 jobs, of which none begin with 'SIS': " in told


def test_a_profile_that_is_not_there_or_not_one_is_refused() -> None:
    assert "no integration profile with the code 'EPR'; did you mean `ERP`?" in refusal(
        profiles(), lambda it: it.integration_job(code="EPR")
    )
    assert "several profiles are named 'SAME': 73, 74" in refusal(
        profiles(), lambda it: it.integration_job(code="SAME")
    )
    assert "code of the profile is empty" in refusal(
        profiles(), lambda it: it.integration_job(code="")
    )
    assert "name of the profile is empty" in refusal(profiles(), lambda it: it.integration_job())
    assert "The id of the profile is empty." in refusal(
        profiles(), lambda it: it.integration_job(id="")
    )


def test_jobs_of_other_profiles_are_never_run_should_alma_ignore_the_filter() -> None:
    assert refusal(profiles(), lambda it: it.integration_job(code="NONE")).startswith(
        "At main, the profile 'NONE' has no job that can be run."
    )


IMPORTS: list[dict[str, Any]] = [
    {"id": "80", "name": "Vendor records", "job_id": {"value": "S80"}},
    {"id": "81", "name": "Without job id"},
    {"id": "82", "name": "Without any job"},
    {"id": "83", "name": "Same"},
    {"id": "84", "name": "Same"},
]


def imports() -> FakeAlma:
    jobs = [job("S80", "Import", "SCHEDULED"), job("S81", "Other", "SCHEDULED", **{"for": "81"})]
    return FakeAlma(jobs=jobs, md_import_profiles=IMPORTS)


def test_the_job_of_an_import_profile_is_named_by_the_profile() -> None:
    assert ask(imports(), lambda it: it.import_job(name="Vendor records")).id == "S80"
    assert ask(imports(), lambda it: it.import_job(id="80")).name == "Import"


def test_an_import_profile_without_job_id_may_have_one_job() -> None:
    assert ask(imports(), lambda it: it.import_job(name="Without job id")).id == "S81"
    assert "'Without any job' has no jobs, but almaflow needs exactly one." in refusal(
        imports(), lambda it: it.import_job(name="Without any job")
    )


def test_an_import_profile_that_is_not_there_or_not_one_is_refused() -> None:
    assert "no import profile named 'Vendor record'; did you mean `Vendor records`?" in refusal(
        imports(), lambda it: it.import_job(name="Vendor record")
    )
    assert "several profiles" in refusal(imports(), lambda it: it.import_job(name="Same"))


# --- sets -----------------------------------------------------------------------------------

SETS: list[dict[str, Any]] = [
    *({"id": str(number), "name": f"Weekly list {number}"} for number in range(30)),
    {"id": "90", "name": "Weekly list", "number_of_members": {"value": 5}},
    {"id": "91", "name": "Twice"},
    {"id": "92", "name": "Twice"},
]


def test_a_set_is_found_by_its_exact_name_behind_many_similar_ones() -> None:
    alma = FakeAlma(sets=SETS)

    found = ask(alma, lambda it: it.set_named("Weekly list"))

    assert found is not None
    assert (found.id, found.member_count) == ("90", 5)
    assert alma.asked == ["/conf/sets?q=name~Weekly_list"] * 4 + ["/conf/sets/90"]


def test_a_set_that_is_not_there_is_nothing_to_refuse() -> None:
    assert ask(FakeAlma(sets=SETS), lambda it: it.set_named("weekly list")) is None


def test_a_name_that_alma_cannot_search_for_is_found_among_all_sets() -> None:
    alma = FakeAlma(sets=SETS)
    alma.bad_queries = True

    found = ask(alma, lambda it: it.set_named("Weekly list"))

    assert found is not None
    assert found.id == "90"


def test_other_refusals_of_a_search_are_passed_on() -> None:
    async def read(call: AlmaRequest[T]) -> T:
        raise AlmaRefused("no", messages=[AlmaMessage("UNAUTHORIZED", "no")])

    async def run() -> AlmaSet | None:
        return await Directory(read, HandClock()).set_named("x")

    with pytest.raises(AlmaRefused):
        anyio.run(run)


def test_a_set_name_must_be_one_and_of_one_set() -> None:
    assert "several sets are named 'Twice': 91, 92" in refusal(
        FakeAlma(sets=SETS), lambda it: it.set_named("Twice")
    )
    assert "is empty" in refusal(FakeAlma(sets=SETS), lambda it: it.set_named(" "))


def test_sets_are_not_kept() -> None:
    alma = FakeAlma(sets=SETS[-3:])

    async def questions(directory: Directory) -> AlmaSet | None:
        await directory.set_named("Weekly list")
        alma.lists["sets"] = []
        return await directory.set_named("Weekly list")

    assert ask(alma, questions) is None


# --- pages ----------------------------------------------------------------------------------


def test_pages_end_when_nothing_new_comes_although_more_were_promised() -> None:
    async def read(call: AlmaRequest[T]) -> T:
        return call.read({"job": [{"id": "M1"}], "total_record_count": 50})

    async def run() -> list[Job]:
        return await read_pages(read, lambda offset: list_jobs(offset=offset))

    assert anyio.run(run) == [Job("M1")]
