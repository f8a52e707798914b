"""The comparison of two revisions, part by part: requests, steps, facts, files of git."""

from __future__ import annotations

import os
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from almaflow.authoring.revisions import repository, sides, step_changes
from almaflow.authoring.revisions.changes import Action, FieldChange
from almaflow.authoring.revisions.extraction import laid_out
from almaflow.authoring.revisions.facts import facts_of, text_of
from almaflow.authoring.revisions.repository import Repository, Revision, TreeEntry
from almaflow.authoring.revisions.request_changes import (
    PlannedRequest,
    PlannedRun,
    planned_run,
    request_changes,
)
from almaflow.authoring.revisions.sides import Side, check_inside, load_side
from almaflow.authoring.revisions.step_changes import paired_paths
from almaflow.authoring.revisions.step_facts import StepFacts, steps_of
from almaflow.authoring.workflow_tests.running import SentRequest
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.git_reading import GitUnreadable
from almaflow.outcome import Outcome
from almaflow.problems import Location, Problem
from almaflow.settings import Project
from almaflow.workflow_loader import load_text

# --- requests -------------------------------------------------------------------------------------


def played(*requests: SentRequest) -> PlannedRun:
    """Return what a run would send that sends *requests*."""

    def play(situation: Any, listener: Any) -> Any:
        assert situation is None
        listener.requests += requests
        return SimpleNamespace(id="run-1", steps=(), outcome=Outcome.FAILED, error="run-1 failed")

    nothing: Any = None
    return planned_run(nothing, play)


def sent(method: str, body: Any, step: str = "a") -> SentRequest:
    return SentRequest(step, method, "/conf/sets", (), body)


def job(*parameters: tuple[str, str]) -> dict[str, Any]:
    return {"parameter": [{"name": {"value": key}, "value": value} for key, value in parameters]}


def one_run(*requests: PlannedRequest, step: str = "a") -> PlannedRun:
    return PlannedRun("succeeded", "", {step: requests})


def test_a_run_shows_names_in_the_place_of_its_ids() -> None:
    run = played(sent("POST", {"name": "Titles run-1 [af-0123]"}))

    assert (run.outcome, run.error) == ("failed", "<run id> failed")
    assert run.requests["a"][0].facts == {"body.name": "Titles <run id>"}


def test_long_lists_in_a_body_are_counted_and_told_apart() -> None:
    short, long, other = [1, 2], list(range(21)), [*range(20), 99]

    facts = [
        played(sent("POST", {"few": short, "many": many})).requests["a"][0].facts
        for many in (long, other)
    ]

    assert facts[0]["body.few"] == "1, 2"
    assert facts[0]["body.many"].startswith("21 entries (")
    assert facts[0]["body.many"] != facts[1]["body.many"]


def test_parameters_of_one_name_are_numbered_and_requests_counted() -> None:
    body = job(("x", "1"), ("x", "2"), ("x", "3"))

    run = played(
        *(sent("POST", body, f"loop/{number}/a") for number in (1, 2)),
        *(sent("GET", None, "poll") for _ in range(3)),
    )

    (posted,), (polled,) = run.requests["loop/*/a"], run.requests["poll"]
    assert posted.facts == {"x": "1", "x (2)": "2", "x (3)": "3"}
    assert posted.order == ("x", "x (2)", "x (3)")
    assert (posted.times, polled.times) == (2, 1)
    assert polled.facts == {}


def test_the_order_of_parameters_and_the_number_of_requests_are_changes() -> None:
    facts = {"x": "1", "y": "2"}
    old = PlannedRequest("POST /a", facts, ("x", "y"), 1)
    new = PlannedRequest("POST /a", facts, ("y", "x"), 3)

    (change,) = request_changes(one_run(old), one_run(new), {})

    assert change.action is Action.CHANGED
    assert change.fields == (
        FieldChange("order of the parameters", "x, y", "y, x"),
        FieldChange("times", "1", "3"),
    )


@pytest.mark.parametrize(
    ("paths", "actions"),
    [
        ({"sub": "called"}, []),
        ({"sub/a": "called/a"}, []),
        ({"other": "called"}, [("called/a", Action.ADDED), ("sub/a", Action.REMOVED)]),
    ],
)
def test_requests_follow_the_step_they_belong_to(
    paths: dict[str, str], actions: list[tuple[str, Action]]
) -> None:
    request = PlannedRequest("POST /a", {"x": "1"}, ("x",), 1)
    old, new = one_run(request, step="sub/a"), one_run(request, step="called/a")

    changes = request_changes(old, new, paths)

    assert [(one.step, one.action) for one in changes] == actions
    assert all(
        one.fields == ((FieldChange("x", None, "1"),) if one.action is Action.ADDED else ())
        for one in changes
    )


# --- facts and steps ------------------------------------------------------------------------------


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (timedelta(minutes=90), "1h30m"),
        (Colour.RED, "red"),
        ({"a": [1, Colour.RED]}, '{"a": [1, "red"]}'),
        ([1, "ä"], '[1, "ä"]'),
        (12, "12"),
        ("postgresql://anna:secret@db/x", "postgresql://***@db/x"),
        ("x" * 501, f"{'x' * 500}…"),
    ],
)
def test_a_value_is_text_as_a_file_would_have_it(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_lists_are_facts_by_what_their_entries_are() -> None:
    value = {"list": [1, 2], "none": None, "empty": [], "maps": [{"a": 1}, {"a": 2}]}

    assert facts_of(value) == {"list": "1, 2", "maps[1].a": "1", "maps[2].a": "2"}
    assert facts_of(value, leave_out=("maps[1]", "list")) == {"maps[2].a": "2"}


def project(folder: Path, steps: str) -> Side:
    """Return a project with one workflow of these *steps*."""
    file = folder / "workflows" / "a.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"steps:\n{steps}", "utf-8")
    return load_side("HEAD", folder, (), is_revision=True)


def facts_in(folder: Path, steps: str) -> dict[str, str]:
    side = project(folder, steps)
    assert not side.invalid
    return steps_of(side.workflows["workflows/a.yaml"], folder)[0].facts


def test_the_content_of_a_named_file_counts_and_its_line_ends_do_not(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    file = tmp_path / "workflows" / "items.csv"
    step = (
        "  - create_set:\n      name: Mine\n      content: ITEM\n"
        "      members: {file: items.csv, column: barcode}\n      id_type: BARCODE\n"
    )
    found = []
    for content in (b"barcode\n1\n", b"barcode\r\n1\r\n", b"barcode\n2\n"):
        file.write_bytes(content)
        facts = facts_in(tmp_path, step)
        found += [text for key, text in facts.items() if key.endswith("(content)")]
    recorded = load_text(f"steps:\n{step}", "a.yaml")

    assert found[0] == found[1] != found[2]
    assert found[0].startswith("2 lines, ")
    (without,) = steps_of(recorded, tmp_path)
    assert not [key for key in without.facts if key.endswith("(content)")]


PAYLOAD = """\
<job><parameters>
  <parameter><name>size</name><value>1</value></parameter>
  <parameter><name>size</name><value>2</value></parameter>
</parameters></job>
"""


def parameters(facts: dict[str, str]) -> dict[str, str]:
    return {key: text for key, text in facts.items() if key.startswith("parameter ")}


def test_parameters_that_occur_several_times_are_numbered(tmp_path: Path) -> None:
    listed = "".join(f"        - {{name: x, value: {number}}}\n" for number in (1, 2, 3))

    facts = facts_in(tmp_path, f"  - submit_job:\n      job: M44\n      parameters:\n{listed}")

    assert parameters(facts) == {"parameter x": "1", "parameter x (2)": "2", "parameter x (3)": "3"}


def test_a_payload_that_changes_after_it_was_checked_is_compared_as_far_as_possible(
    tmp_path: Path,
) -> None:
    (tmp_path / "workflows").mkdir()
    payload = tmp_path / "workflows" / "export.xml"
    payload.write_text(PAYLOAD.replace("<name>size</name><value>2", "<name>other</name><value>2"))
    side = project(
        tmp_path,
        "  - submit_job:\n      job: M44\n      payload: export.xml\n      parameters: {size: 3}\n",
    )
    loaded = side.workflows["workflows/a.yaml"]

    def now() -> dict[str, str]:
        return parameters(steps_of(loaded, tmp_path)[0].facts)

    assert now() == {"parameter size": "3", "parameter other": "2"}
    payload.write_text(PAYLOAD)
    assert now() == {"parameter size": "1", "parameter size (2)": "2"}
    payload.write_text("<job")
    assert now() == {"parameter size": "3"}
    payload.unlink()
    assert now() == {"parameter size": "3"}


def step(
    path: str,
    kind: str = "wait",
    *,
    named: bool = True,
    parent: int | None = None,
    **facts: str,
) -> StepFacts:
    label = path.rsplit("/", 1)[-1]
    return StepFacts(path, label, label if named else None, kind, 1, facts, parent, "")


def test_a_step_of_another_kind_says_only_that() -> None:
    (change,) = step_changes.step_changes(
        [step("a", "wait", wait="1m")], [step("a", "fail", fail="x")]
    )

    assert (change.action, change.fields) == (
        Action.CHANGED,
        (FieldChange("kind", "wait", "fail"),),
    )


def test_steps_inside_a_new_one_are_counted_and_not_listed() -> None:
    new = [step("loop", "for_each"), step("loop/x", parent=0), step("loop/y", parent=0)]

    (change,) = step_changes.step_changes([], new)
    (gone,) = step_changes.step_changes(new, [])

    assert (change.action, change.place) == (Action.ADDED, "first")
    assert change.fields == (FieldChange("steps inside", None, "2"),)
    assert (gone.action, gone.path) == (Action.REMOVED, "loop")


def test_steps_with_little_in_common_are_not_the_same() -> None:
    old, new = [step("a", x="1", y="1", z="1")], [step("b", x="1", y="2", z="2")]
    like = [step("b", x="1", y="1", z="2")]

    assert paired_paths(old, new) == {}
    assert paired_paths(old, like) == {"a": "b"}
    assert paired_paths([*old, step("c", x="1", y="1", z="1")], like) == {"a": "b"}


def test_too_many_steps_are_not_compared_with_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = [step("a", x="1"), step("b", x="2")], [step("c", x="1")]
    assert paired_paths(old, new) == {"a": "c"}

    monkeypatch.setattr(step_changes, "_MOST_PAIRS", 1)

    assert paired_paths(old, new) == {}


# --- sides ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_revision", "names"),
    [(True, ("HEAD:./almaflow.yaml", "HEAD:workflows/a.yaml")), (False, None)],
)
def test_problems_of_a_revision_do_not_name_its_temporary_folder(
    tmp_path: Path, is_revision: bool, names: tuple[str, str] | None
) -> None:
    (tmp_path / "almaflow.yaml").write_text("timezoen: UTC\n")
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "a.yaml").write_text("steps: [{wiat: 1m}]\n")

    side = load_side("HEAD", tmp_path, (), is_revision=is_revision)

    (settings,), (wrong,) = side.problems, side.invalid["workflows/a.yaml"]
    found = (settings.location.file, wrong.location.file)
    if names is None:
        assert [Path(one).resolve().name for one in found] == ["almaflow.yaml", "a.yaml"]
        assert not any(one.startswith("HEAD:") for one in found)
    else:
        assert found == names
        assert str(tmp_path) not in settings.message + wrong.message


def test_a_message_about_another_file_does_not_name_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "almaflow.yaml").write_text("")
    problem = Problem(Location("other.yaml", 3), "called", f"See {tmp_path}/b.yaml.")

    def invalid(_: Path) -> Project:
        raise DocumentsInvalid([problem])

    monkeypatch.setattr(sides, "load_project", invalid)

    (found,) = load_side("HEAD", tmp_path, (), is_revision=True).problems

    assert (found.location, found.message) == (problem.location, "See b.yaml.")


@pytest.mark.parametrize(
    ("path", "inside"),
    [(".", "."), ("workflows/..", "."), ("workflows/a.yaml", "workflows/a.yaml")],
)
def test_a_path_is_relative_to_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, inside: str
) -> None:
    side = project(tmp_path, "  - wait: 1m\n")
    monkeypatch.chdir(tmp_path)

    assert check_inside(side.project, Path(path)) == inside
    with pytest.raises(RequestWrong, match="is outside of the project"):
        check_inside(side.project, Path(".."))


# --- git ------------------------------------------------------------------------------------------

HEAD = Revision("HEAD", "a" * 40)


def answering(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | None, *, shallow: bool = False
) -> Repository:
    """Return a repository whose git gives one *answer* to everything; None: it cannot."""

    def first(*_: Any, **__: Any) -> bytes:
        return b"true\n\n" if shallow else b"false\n\n"

    def later(*_: Any, **__: Any) -> bytes:
        if answer is None:
            raise GitUnreadable("git took too long.")
        return answer

    monkeypatch.setattr(repository, "read_git", first)
    found = Repository(Path())
    monkeypatch.setattr(repository, "read_git", later)
    return found


@pytest.mark.parametrize("name", ["", "-x", "x" * 1001, "a\0b"])
def test_what_cannot_be_a_revision_is_not_asked_of_git(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    git = answering(monkeypatch, b"b" * 40)

    assert git.find("main") == Revision("main", "b" * 40)
    assert git.find(name) is None


def test_the_common_commit_of_two_branches_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    main = Revision("main", "b" * 40)
    found = answering(monkeypatch, b"c" * 40 + b"\n").merge_base(main, HEAD)

    assert found == Revision("main (where HEAD began)", "c" * 40)
    for shallow in (False, True):
        with pytest.raises(RequestWrong, match="have no common commit here") as caught:
            answering(monkeypatch, None, shallow=shallow).merge_base(main, HEAD)
        assert ("git fetch --unshallow" in str(caught.value)) is shallow


def test_git_that_cannot_answer_becomes_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    git = answering(monkeypatch, None)

    with pytest.raises(RequestWrong, match=r"The files of `HEAD` cannot be read\. git took"):
        git.files(HEAD)
    with pytest.raises(RequestWrong, match=r"Files of a revision cannot be read\. git took"):
        git.contents([], 100)
    assert git.missing("main") == (
        "There is no revision or file `main`. `git branch --all` lists the branches; `git fetch` "
        "gets newer ones."
    )


def test_a_revision_with_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_LONGEST_LIST", 3)

    with pytest.raises(RequestWrong, match="`HEAD` has too many files"):
        answering(monkeypatch, b"four").files(HEAD)


def test_files_links_and_submodules_are_told_apart_and_unsafe_names_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries = [
        b"100644 blob aa      12\tworkflows/a.yaml",
        b"120000 blob bb       -\tlink",
        b"160000 commit cc       -\tlib",
        b"100644 blob dd      12\tx/.GIT/config",
        b"100644 blob ee      12\tx/../../y",
        b"nonsense",
    ]

    files, submodules = answering(monkeypatch, b"\0".join(entries)).files(HEAD)

    assert [(one.path, one.blob, one.size, one.is_link) for one in files] == [
        ("workflows/a.yaml", "aa", 12, False),
        ("link", "bb", 0, True),
    ]
    assert submodules == ["lib"]


@pytest.mark.parametrize(("system", "kept"), [("posix", 4), ("nt", 1)])
def test_names_that_windows_reads_in_another_way_are_left_out_there(
    monkeypatch: pytest.MonkeyPatch, system: str, kept: int
) -> None:
    names = [b"a.yaml", b"C:a.yaml", b"x\\..\\a.yaml", b"a?.yaml"]
    answer = b"\0".join(b"100644 blob aa 1\t" + name for name in names)
    git = answering(monkeypatch, answer)
    monkeypatch.setattr(repository, "os", SimpleNamespace(name=system, fsdecode=os.fsdecode))

    files, _ = git.files(HEAD)

    assert len(files) == kept
    assert files[0].path == "a.yaml"


@pytest.mark.parametrize(
    ("answer", "contents"),
    [
        (b"aa blob 3\none\nbb blob 4\nfour\n", {"aa": b"one", "bb": b"four"}),
        (b"aa missing\nbb blob 4\nfour\n", {"bb": b"four"}),
        (b"aa blob 3\none\nbb blob 9\nfour", {"aa": b"one"}),
        (b"aa blob 3\none\nbb bl", {"aa": b"one"}),
    ],
)
def test_contents_that_are_missing_or_cut_are_left_out(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, contents: dict[str, bytes]
) -> None:
    assert answering(monkeypatch, answer).contents([], 100) == contents


def test_a_project_on_another_drive_of_windows_is_named_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "almaflow.yaml").write_text("timezoen: UTC\n")

    def other_drive(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", other_drive)
    reader = sides._Reader("", tmp_path, False)

    assert reader.shown("workflows/a.yaml") == str(tmp_path / "workflows/a.yaml")


def test_a_file_whose_name_is_taken_where_case_does_not_count_is_remarked() -> None:
    # Two entries of one name are laid out here as `A.yaml` and `a.yaml` are on such a system.
    entries = [TreeEntry("a.yaml", blob, 1, is_link=False) for blob in ("first", "second")]
    git = SimpleNamespace(
        files=lambda revision: (entries, []),
        contents=lambda wanted, most: {"first": b"1", "second": b"2"},
    )

    with laid_out(cast(Repository, git), Revision("main", "c0ffee")) as revision:
        assert (revision.folder / "a.yaml").read_bytes() == b"1"
        (remark,) = revision.remarks

    assert remark.startswith("Of `main` is not compared: a.yaml.")
