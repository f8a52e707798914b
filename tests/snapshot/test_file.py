"""The file of the snapshot: written whole, read back, and refused with the next move."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, strategies

from almaflow.snapshot import files
from almaflow.snapshot.file_format import SnapshotInvalid, read_snapshot_text, snapshot_text
from almaflow.snapshot.files import SnapshotNotWritten, read_snapshot, write_snapshot
from almaflow.snapshot.model import JobEntry, Section, Snapshot
from tests.snapshot.library import BOTH, MAIN

KEYS = (
    *("institutions", "format", "main", "taken", "code", "missing", "jobs", "counters_seen"),
    *(
        "integration_profiles",
        "statuses",
        "contents",
        "id",
        "job",
        "key",
        "parameters",
        "simulated",
    ),
)


def same(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots say the same, in whatever order."""
    return snapshot_text(one) == snapshot_text(other)


def test_what_is_written_is_read_back() -> None:
    assert same(read_snapshot_text(snapshot_text(BOTH)), BOTH)


def test_a_snapshot_is_json_with_one_entry_a_line() -> None:
    text = snapshot_text(BOTH)

    assert json.loads(text)["institutions"]["main"]["taken"] == "2026-11-03"
    assert (
        '        {"id": "M157", "name": "Withdraw items", "type": "MANUAL", '
        '"category": "ITEM_WITHDRAW", "content": "ITEM"},\n'
    ) in text


def test_a_renamed_job_changes_one_line() -> None:
    renamed = tuple(
        replace(one, name="Withdraw physical items") if one.id == "M157" else one
        for one in MAIN.jobs
    )
    before = snapshot_text(Snapshot({"main": MAIN})).splitlines()
    after = snapshot_text(Snapshot({"main": replace(MAIN, jobs=renamed)})).splitlines()

    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_the_order_in_which_alma_lists_does_not_count() -> None:
    turned = replace(MAIN, jobs=MAIN.jobs[::-1], counters=MAIN.counters[::-1])

    assert same(Snapshot({"main": turned}), Snapshot({"main": MAIN}))


def test_short_ids_come_before_long_ones() -> None:
    jobs = tuple(JobEntry(id) for id in ("S2", "M100", "M9", "M50215", "M44"))
    section = Section("main", date(2026, 1, 1), jobs=jobs)

    written = json.loads(snapshot_text(Snapshot({"main": section})))

    ids = [one["id"] for one in written["institutions"]["main"]["jobs"]]
    assert ids == ["M9", "M44", "M100", "M50215", "S2"]


WRONG = {
    "": "JSON",
    "{": "JSON",
    "[]": "not a snapshot",
    "{}": "not a snapshot",
    '{"institutions": {}}': "format",
    '{"format": true, "institutions": {}}': "format",
    '{"format": 1, "institutions": []}': "mapping",
    '{"format": 1, "institutions": {"main": 5}}': "main",
    '{"format": 1, "institutions": {"main": {}}}': "taken",
    '{"format": 1, "institutions": {"main": {"taken": "yesterday"}}}': "taken",
    '{"format": 2, "almaflow": "9.1", "institutions": {}}': "almaflow 9.1",
    "[" * 100_000: "not a snapshot",
    '{"format": ' + "9" * 5_000 + "}": "not a snapshot",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_not_a_snapshot_is_refused_with_the_next_move(text: str) -> None:
    with pytest.raises(SnapshotInvalid) as refused:
        read_snapshot_text(text)

    assert WRONG[text] in refused.value.reason
    assert "almaflow snapshot" in refused.value.reason or "Update almaflow" in refused.value.reason


def test_marks_of_a_merge_conflict_are_named_with_their_line() -> None:
    lines = snapshot_text(BOTH).splitlines()
    lines[6:6] = ["<<<<<<< HEAD", '      "a": 1', "=======", '      "a": 2', ">>>>>>> theirs"]

    with pytest.raises(SnapshotInvalid) as refused:
        read_snapshot_text("\n".join(lines))

    assert (refused.value.line, "merge conflict" in refused.value.reason) == (7, True)


def test_odd_entries_are_left_out_and_the_others_are_read() -> None:
    data = json.loads(snapshot_text(Snapshot({"main": MAIN})))
    main = data["institutions"]["main"]
    main["jobs"] += [5, None, {}, {"id": None}, {"id": ["M1"]}, {"id": "M7", "name": {"a": 1}}]
    main["counters_seen"] = {"not": "a list"}
    main["statuses"] = ["A"]
    main["missing"] = ["everything", 7]

    section = read_snapshot_text(json.dumps(data)).sections["main"]

    assert {one.id for one in section.jobs} == {*(one.id for one in MAIN.jobs), "M7"}
    assert (section.counters, section.statuses, section.missing) == ((), {}, ())


def test_a_file_beyond_the_bound_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_SNAPSHOT", 1000)
    file = tmp_path / "alma-catalog.json"
    file.write_text(" " * 1001)

    with pytest.raises(SnapshotInvalid) as refused:
        read_snapshot(file)

    assert "almaflow snapshot" in refused.value.reason


def test_a_snapshot_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "alma-catalog.json"
    write_snapshot(file, BOTH)
    assert read_snapshot(file) is read_snapshot(file)

    write_snapshot(file, Snapshot({"main": MAIN}))

    assert list(read_snapshot(file).sections) == ["main"]


def test_nothing_is_left_of_a_snapshot_that_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "alma-catalog.json"
    write_snapshot(file, BOTH)
    before = file.read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SnapshotNotWritten):
        write_snapshot(file, Snapshot())

    assert (file.read_text(), [one.name for one in tmp_path.iterdir()]) == (before, [file.name])


def test_a_snapshot_keeps_the_mode_of_its_file_and_a_link_to_it(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "alma-catalog.json"
    write_snapshot(real, Snapshot())
    real.chmod(0o640)
    link.symlink_to(real)

    write_snapshot(link, BOTH)

    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert list(read_snapshot(link).sections) == ["main", "zone"]


def test_control_characters_of_a_file_do_not_reach_a_terminal() -> None:
    text = snapshot_text(Snapshot({"main": MAIN})).replace("Withdraw items", r"\u001b]0;x\u0007")

    job = read_snapshot_text(text).sections["main"].job_lookup.by_id["M157"]

    assert job.name.isprintable()


ANYTHING = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.text(max_size=20)
    | strategies.sampled_from(["id", "name", "jobs", "taken", "2026-11-29", "M44", "\x1b]0;"]),
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(strategies.sampled_from(KEYS) | strategies.text(), inner)
    ),
    max_leaves=30,
)


@given(ANYTHING, ANYTHING)
def test_whatever_a_file_holds_is_read_or_refused(whole: object, section: object) -> None:
    data = json.loads(snapshot_text(Snapshot({"main": MAIN})))
    if isinstance(section, dict):
        data["institutions"]["main"] |= section
    for text in (json.dumps(whole), json.dumps(data)):
        try:
            snapshot = read_snapshot_text(text)
        except SnapshotInvalid:
            continue
        written = snapshot_text(snapshot)
        assert snapshot_text(read_snapshot_text(written)) == written
