"""Files that are made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from almaflow.connectors.base import NoExternalSystems, RemoteFile, Search, list_files
from almaflow.connectors.errors import ConnectorRefused, FileChanged
from almaflow.connectors.simulated import MadeUpFile, SimulatedJob, SimulatedSystems, name_for

NOW = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def outside(*files: MadeUpFile, jobs: tuple[SimulatedJob, ...] = ()) -> SimulatedSystems:
    return SimulatedSystems(lambda: NOW, files, lambda: jobs)


def names(way: SimulatedSystems, pattern: str, at_least: int = 1) -> list[str]:
    place = way.file_source(Search("exports", "", pattern, at_least))
    first, again = list_files(place), list_files(place)
    assert first == again
    return [file.name for file in first]


ENDED = SimulatedJob("4711000", True, NOW - HOUR)
OTHER = SimulatedJob("4712000", True, NOW - HOUR)
RUNNING = SimulatedJob("4713000", True, None)
SYSTEM = SimulatedJob("4714000", False, NOW - HOUR)


def test_there_is_a_file_for_the_job_that_is_named_once_it_has_ended() -> None:
    way = outside(jobs=(ENDED, OTHER, RUNNING, SYSTEM))

    assert names(way, "*4711000*") == ["4711000"]
    assert names(way, "bibs_4711000_*.xml", 2) == [
        "bibs_4711000_.xml",
        "bibs_4711000_simulated-2.xml",
    ]
    assert names(way, "*_4714000_new.tar.gz") == ["_4714000_new.tar.gz"]
    assert names(way, "*4713000*") == []


def test_there_is_a_file_for_each_job_that_the_api_started_and_that_has_ended() -> None:
    way = outside(jobs=(ENDED, OTHER, RUNNING, SYSTEM))

    assert names(way, "*.xml") == ["4711000.xml", "4712000.xml"]
    assert names(way, "*.xml", 3) == ["4711000.xml", "4712000.xml", "simulated-3.xml"]
    assert names(way, "orders.csv") == ["orders.csv"]


def test_without_jobs_all_goes_well() -> None:
    assert names(outside(), "vendor-*-*.mrc", 2) == [
        "vendor-simulated-1-.mrc",
        "vendor-simulated-2-.mrc",
    ]


def test_a_scenario_s_files_are_the_only_ones() -> None:
    way = outside(
        MadeUpFile("a.csv", "x", None, NOW),
        MadeUpFile("b.csv", "x", "exports", NOW),
        MadeUpFile("c.csv", "x", "other", NOW),
        MadeUpFile("d.csv", "x", None, NOW + HOUR),
        MadeUpFile("e.txt", "x", None, NOW),
        jobs=(ENDED,),
    )

    assert names(way, "*.csv") == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*", "X"),
        ("a*b*c", "aXbc"),
        ("file-??.csv", "file-11.csv"),
        ("[ab]*", "aX"),
        ("[!ab]*", "1X"),
        ("[]]x", "]x"),
        ("plain", "plain"),
    ],
)
def test_a_name_is_made_that_fits(pattern: str, name: str) -> None:
    assert name_for(pattern, "X") == name
    assert Search(None, "", pattern).fits(name)


def test_content_is_copied_and_what_is_not_there_is_gone() -> None:
    place = outside(MadeUpFile("a.csv", "é", None, NOW)).file_source(Search(None, "/x", "*"))
    content = bytearray()

    with place.session() as session:
        session.copy(RemoteFile("a.csv", 99, ""), content.extend)
        with pytest.raises(FileChanged, match=r"b\.csv is gone"):
            session.copy(RemoteFile("b.csv", 99, ""), content.extend)

    assert content.decode() == "é"
    assert list_files(place)[0].size == 2


def test_what_is_fetched_lies_apart_and_is_read_first(tmp_path: Path) -> None:
    way = outside()
    real = tmp_path / "a.csv"
    real.write_text("real")

    before = way.to_read(real)
    made_up = way.to_write(real)
    made_up.parent.mkdir(parents=True)
    made_up.write_text("made up")

    assert before == real
    assert way.to_read(real).read_text() == "made up"
    assert way.to_read(tmp_path / "other") == tmp_path / "other"
    assert real.read_text() == "real"
    way.send_notice("systems", "title", "text")
    way.close()
    assert not made_up.exists()
    way.close()


def test_an_engine_without_a_way_outside_says_so(tmp_path: Path) -> None:
    way = NoExternalSystems()

    with pytest.raises(ConnectorRefused, match="exports cannot be reached"):
        way.file_source(Search("exports", "", "*"))
    with pytest.raises(ConnectorRefused, match="The channel `systems` cannot be reached"):
        way.send_notice("systems", "title", "text")
    assert way.to_read(tmp_path) == way.to_write(tmp_path) == tmp_path
    way.close()
