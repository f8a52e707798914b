"""`almaflow diff`: what differs in meaning, what does not, and repositories of every kind."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Almaflow, Write
from tests.git_repositories import commit, git, set_traps

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

NIGHTLY = """\
name: nightly
inputs:
  limit: {type: integer, default: 100}
schedule:
  - cron: "30 2 * * *"
timeout: 8h
steps:
  - id: titles
    find_set: {name: New titles}
  - check: steps.titles.member_count > 0
  - id: export
    submit_job:
      job: M44
      payload: export.xml
      parameters: {format: MARC21_XML}
      set: "{{ steps.titles.set_id }}"
    timeout: 4h
  - branch:
      on: steps.export.status
      cases:
        COMPLETED_SUCCESS: []
        COMPLETED_WARNING:
          - notify: {to: systems, message: Look at it}
      default:
        - fail: it did not work
notify:
  - {on: failed, to: systems}
"""
PAYLOAD = """\
<job><parameters>
  <parameter><name>size</name><value>100</value></parameter>
  <parameter><name>folder</name><value>PRIVATE</value></parameter>
</parameters></job>
"""


@pytest.fixture(autouse=True)
def _no_other_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def nightly(folder: Path) -> Path:
    """A project with one workflow, committed."""
    (folder / "workflows").mkdir()
    (folder / "workflows" / "export.xml").write_text(PAYLOAD)
    (folder / "almaflow.yaml").write_text("timezone: Europe/Zurich\n")
    (folder / "workflows" / "nightly.yaml").write_text(NIGHTLY)
    commit(folder, "README", "x", "First")
    return folder / "workflows" / "nightly.yaml"


def change(file: Path, *pairs: tuple[str, str]) -> None:
    text = file.read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")


def only(almaflow: Almaflow, *arguments: str) -> Any:
    """Return the one workflow that differs."""
    done = almaflow("diff", "--json", *arguments)
    assert done.code == 0, done.err
    (found,) = done.json["workflows"]
    return found


def fields(changes: Any) -> list[tuple[str, str | None, str | None]]:
    return [(one["key"], one["old"], one["new"]) for one in changes]


def test_layout_comments_short_forms_and_defaults_are_no_change_in_meaning(
    almaflow: Almaflow, nightly: Path
) -> None:
    change(
        nightly,
        ("name: nightly\n", "# A comment\nname:   nightly\noverlap: queue_one\n"),
        ("timeout: 8h", "timeout: 480m"),
        ("check: steps.titles", 'check: {that: "{{ steps.titles'),
        ("member_count > 0", 'member_count > 0 }}"}'),
        ("job: M44", "job: {id: M44}"),
        ("on: failed, to: systems", "to: systems, on: [failed]"),
    )
    nightly.write_bytes(b"\xef\xbb\xbf" + nightly.read_bytes().replace(b"\n", b"\r\n"))
    nightly.with_name("export.xml").write_text(PAYLOAD.replace("\n", "\n\n"))

    done = almaflow("diff", "--exit-code")

    assert done.code == 0
    assert "No change in meaning" in done.out
    assert "workflows/nightly.yaml" in done.out
    assert almaflow("diff", "--json").json["same_meaning"] == ["workflows/nightly.yaml"]


def test_changes_of_a_step_are_listed_key_by_key(almaflow: Almaflow, nightly: Path) -> None:
    change(
        nightly,
        ("format: MARC21_XML", "format: CSV, other: 1"),
        ("timeout: 4h", "timeout: 2h\n    on_failure: continue"),
    )

    found = only(almaflow)

    (step,) = found["steps"]
    assert (step["action"], step["path"], step["line"]) == ("changed", "export", 11)
    assert set(fields(step["fields"])) == {
        ("timeout", "4h", "2h"),
        ("on_failure", None, "continue"),
        ("parameter format", "MARC21_XML", "CSV"),
        ("parameter other", None, "1"),
    }
    (request,) = found["requests"]
    assert request["request"] == "POST /conf/jobs/M44?op=run"
    assert fields(request["fields"]) == [("format", "MARC21_XML", "CSV"), ("other", None, "1")]


def test_a_changed_payload_is_a_change_of_the_parameters(almaflow: Almaflow, nightly: Path) -> None:
    change(nightly.with_name("export.xml"), ("100", "200"), ("PRIVATE", "INSTITUTION"))

    found = only(almaflow)

    assert fields(found["steps"][0]["fields"]) == [
        ("parameter size", "100", "200"),
        ("parameter folder", "PRIVATE", "INSTITUTION"),
    ]


def test_a_parameter_that_moves_into_the_payload_is_no_change(
    almaflow: Almaflow, nightly: Path
) -> None:
    change(nightly, ("      parameters: {format: MARC21_XML}\n", ""))
    entry = "<parameter><name>format</name><value>MARC21_XML</value></parameter>\n"
    change(nightly.with_name("export.xml"), ("</parameters>", f"{entry}</parameters>"))

    assert "No change in meaning" in almaflow("diff").out


def test_steps_are_added_removed_moved_and_renamed(almaflow: Almaflow, nightly: Path) -> None:
    text = nightly.read_text()
    titles = text[text.index("  - id: titles") : text.index("  - check")]
    change(
        nightly,
        (titles, ""),
        ("  - check: steps.titles.member_count > 0\n", f"  - wait: 1m\n{titles}"),
        ("- id: export", "- id: exported"),
        ("steps.export.status", "steps.exported.status"),
        ("          - notify: {to: systems, message: Look at it}\n", "          - wait: 2m\n"),
    )

    steps = only(almaflow)["steps"]

    assert [(one["action"], one["path"]) for one in steps] == [
        ("added", "wait-1"),
        ("renamed", "exported"),
        ("changed", "branch-4"),
        ("added", "branch-4/case-2/wait-1"),
        ("removed", "check-2"),
        ("removed", "branch-4/case-2/notify-1"),
    ]
    assert steps[1]["old_path"] == "export"


def test_a_step_that_changes_its_place_is_moved(almaflow: Almaflow, nightly: Path) -> None:
    change(
        nightly,
        ("  - check: steps.titles.member_count > 0\n", ""),
        ("    timeout: 4h\n", "    timeout: 4h\n  - check: steps.titles.member_count > 0\n"),
    )

    (step,) = only(almaflow)["steps"]

    # Two steps have changed places, so either of them was moved.
    assert (step["action"], step["path"], step["place"]) == ("moved", "export", "after `titles`")


def test_a_step_that_moves_into_an_arm_is_moved(almaflow: Almaflow, nightly: Path) -> None:
    change(
        nightly,
        ("        COMPLETED_SUCCESS: []\n", "        COMPLETED_SUCCESS:\n          - wait: 9m\n"),
    )
    git(nightly.parent, "commit", "-qam", "Second")
    change(
        nightly,
        ("        COMPLETED_SUCCESS:\n          - wait: 9m\n", "        COMPLETED_SUCCESS: []\n"),
        ("    timeout: 4h\n", "    timeout: 4h\n  - wait: 9m\n"),
    )

    (step,) = only(almaflow)["steps"]

    assert (step["action"], step["path"]) == ("moved", "wait-4")


def test_limits_notifications_and_ticks_have_their_headings(
    almaflow: Almaflow, nightly: Path
) -> None:
    change(
        nightly,
        ('"30 2 * * *"', '"30 2 * * mon"'),
        ("timeout: 8h", "timeout: 6h\nenvironment: sandbox\noverlap: skip"),
        ("on: failed, to: systems", "on: [failed, warning], to: systems"),
    )

    found = only(almaflow)

    assert fields(found["settings"]["limits"]) == [("timeout", "8h", "6h")]
    assert ("notify systems", "failed", "failed, warning") in fields(
        found["settings"]["who is notified"]
    )
    assert fields(found["settings"]["institution and environment"]) == [
        ("environment", "any", "sandbox")
    ]
    assert [one["key"] for one in found["settings"]["timetable"]] == [
        *("schedule[1].cron", "overlap"),
    ]
    ticks = found["ticks"]
    assert ticks["gained_count"] == 0
    assert 25 <= ticks["lost_count"] <= 26
    assert len(ticks["lost"]) == 5


def test_very_frequent_ticks_are_not_compared_one_by_one(almaflow: Almaflow, nightly: Path) -> None:
    change(nightly, ('cron: "30 2 * * *"', "every: 10s"))
    (nightly.parent / "other.yaml").write_text("schedule: {every: 5s}\nsteps: [{wait: 1s}]\n")
    commit(nightly.parents[1], "README", "y", "Second")
    change(nightly, ("every: 10s", "every: 20s"))

    found = only(almaflow)

    assert found["name"] == "nightly"
    assert "more than 5,000 ticks" in found["ticks"]["remark"]


def test_the_order_of_cases_is_no_change(almaflow: Almaflow, nightly: Path) -> None:
    warning = "        COMPLETED_WARNING:\n          - notify: {to: systems, message: Look at it}\n"
    change(
        nightly,
        (warning, ""),
        ("        COMPLETED_SUCCESS: []\n", f"{warning}        COMPLETED_SUCCESS: []\n"),
    )

    assert almaflow("diff", "--exit-code").code == 0


def test_workflows_are_added_removed_and_renamed(
    almaflow: Almaflow, nightly: Path, write: Write
) -> None:
    write("workflows/old.yaml", "schedule: {daily: '06:00'}\nsteps: [{wait: 1m}]\n")
    commit(nightly.parents[1], "README", "y", "Second")
    (nightly.with_name("old.yaml")).unlink()
    write("workflows/new.yaml", "steps: [{id: a, get: {path: /users/x}}]\n")
    change(nightly, ("name: nightly", "name: every-night"), ("timeout: 4h", "timeout: 3h"))
    nightly.rename(nightly.with_name("every-night.yaml"))

    workflows = almaflow("diff", "--json").json["workflows"]

    assert [(one["action"], one["name"], one["old_name"]) for one in workflows] == [
        ("renamed", "every-night", "nightly"),
        ("added", "new", ""),
        ("removed", "old", ""),
    ]
    assert workflows[2]["ticks"]["lost_count"] == 30
    assert fields(workflows[0]["steps"][0]["fields"]) == [("timeout", "4h", "3h")]


def test_a_called_workflow_that_changes_changes_the_requests_of_its_caller(
    almaflow: Almaflow, nightly: Path, write: Write
) -> None:
    write("workflows/caller.yaml", "steps: [{id: sub, call: nightly.yaml}]\n")
    commit(nightly.parents[1], "README", "y", "Second")
    change(nightly, ("format: MARC21_XML", "format: CSV"))

    workflows = almaflow("diff", "--json").json["workflows"]

    assert [one["file"] for one in workflows] == [
        *("workflows/caller.yaml", "workflows/nightly.yaml"),
    ]
    assert workflows[0]["steps"] == []
    assert workflows[0]["requests"][0]["step"] == "sub/export"


def test_the_settings_are_compared_without_secrets(almaflow: Almaflow, nightly: Path) -> None:
    (nightly.parents[1] / "almaflow.yaml").write_text(
        "timezone: UTC\nstore: postgresql://almaflow@db.example/almaflow\n"
        "channels: {systems: 'env:SYSTEMS_URL'}\n"
    )

    done = almaflow("diff", "--json")

    assert "almaflow@" not in done.out
    assert ("timezone", "Europe/Zurich", "UTC") in fields(done.json["settings"]["timetable"])
    assert ("channels.systems", None, "env:SYSTEMS_URL") in fields(
        done.json["settings"]["who is notified"]
    )
    assert done.json["workflows"][0]["ticks"]["gained_count"] == 30


def test_an_invalid_side_is_shown_and_the_others_are_compared(
    almaflow: Almaflow, nightly: Path, write: Write
) -> None:
    other = write("workflows/other.yaml", "steps: [{wait: 1m}]\n")
    commit(nightly.parents[1], "README", "y", "Second")
    other.write_text("steps: [{wiat: 1m}]\n")
    change(nightly, ("timeout: 8h", "timeout: 7h"))

    found = almaflow("diff", "--json").json
    turned = almaflow("diff", "--json", "HEAD", "HEAD").json
    commit(nightly.parents[1], "README", "z", "Third")
    later = almaflow("diff", "--json", "HEAD~1").json
    back = almaflow("diff", "--exit-code", "HEAD")

    assert [one["name"] for one in found["workflows"]] == ["nightly"]
    assert [one["file"] for one in found["problems"]] == ["workflows/other.yaml"]
    assert found["uncompared"] == ["workflows/other.yaml"]
    assert turned["differs"] is False
    assert later["uncompared"] == ["workflows/other.yaml"]
    assert back.code == 0, "what was invalid before and has not changed is no difference"


def test_the_problems_of_a_revision_name_the_revision(
    almaflow: Almaflow, nightly: Path, write: Write
) -> None:
    other = write("workflows/other.yaml", "steps: [{wiat: 1m}]\n")
    commit(nightly.parents[1], "README", "y", "Second")
    other.write_text("steps: [{wait: 1m}]\n")

    found = almaflow("diff", "--json").json

    assert [one["file"] for one in found["problems"]] == ["HEAD:workflows/other.yaml"]
    assert found["workflows"] == []


@pytest.mark.usefixtures("nightly")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mian"], "did you mean `main`"),
        (["HEAD~7"], "`HEAD` has too few commits"),
        (["nothing"], "There is no revision or file `nothing`"),
        (["../elsewhere.yaml"], "is outside of the project"),
        (["/etc/passwd"], "is outside of the project"),
        (["workflows/none.yaml"], "There is no file or folder"),
        (["HEAD", "HEAD", "HEAD"], "There is no revision or file"),
        (["main...orphan"], "have no common commit"),
        (["README2"], "is a revision and a file"),
    ],
)
def test_bad_input_gets_a_sentence(
    almaflow: Almaflow, folder: Path, arguments: list[str], sentence: str
) -> None:
    git(folder, "branch", "-m", "main")
    git(folder, "checkout", "-q", "--orphan", "orphan")
    git(folder, "commit", "-qm", "Other")
    git(folder, "checkout", "-q", "main")
    git(folder, "branch", "README2")
    (folder / "README2").write_text("x")

    done = almaflow("diff", "--", *arguments)

    assert done.code == 2
    assert sentence in done.err


def test_outside_a_repository_and_without_git_there_are_sentences(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    outside = almaflow("diff")
    git(folder, "init", "-q")
    empty = almaflow("diff")
    monkeypatch.setenv("PATH", str(folder))
    without = almaflow("diff")

    assert [one.code for one in (outside, empty, without)] == [2, 2, 2]
    assert "not in a git repository" in outside.err
    assert "`HEAD`" in empty.err
    assert "cannot be started" in without.err


def test_a_shallow_clone_is_explained(almaflow: Almaflow, nightly: Path, tmp_path: Path) -> None:
    project = nightly.parents[1]
    commit(project, "README", "y", "Second")
    git(project, "clone", "-q", "--depth", "1", f"file://{project}", str(tmp_path / "clone"))
    os.chdir(tmp_path / "clone")

    done = almaflow("diff", "HEAD~1")

    assert done.code == 2
    assert "git fetch --unshallow" in done.err


def test_a_submodule_is_explained(almaflow: Almaflow, nightly: Path, folder: Path) -> None:
    head = git(folder, "rev-parse", "HEAD").strip()
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{head},lib")
    git(folder, "commit", "-qm", "Submodule")
    (folder / "lib").mkdir()

    done, whole = almaflow("diff", "lib/"), almaflow("diff")

    assert done.code == 2
    assert "is a submodule" in done.err
    assert whole.code == 0


def test_links_of_a_revision_do_not_lead_outside(
    almaflow: Almaflow, nightly: Path, tmp_path: Path
) -> None:
    secret = tmp_path.parent / "secret.yaml"
    secret.write_text("steps: [{fail: the secret}]\n")
    (nightly.parent / "out.yaml").symlink_to(secret)
    (nightly.parent / "up").symlink_to("..")
    (nightly.parent / "over.yaml").symlink_to("up/../../secret.yaml")
    (nightly.parent / "same.yaml").symlink_to("nightly.yaml")
    commit(nightly.parents[1], "README", "y", "Second")

    done = almaflow("diff", "HEAD~1", "HEAD", "--json")

    assert "the secret" not in done.out
    files = {one["file"] for one in done.json["workflows"]}
    assert not files & {"workflows/out.yaml", "workflows/over.yaml"}


def test_no_setting_of_a_repository_runs_a_program(almaflow: Almaflow, folder: Path) -> None:
    steps = "steps:\n  - wait: {}m\n"
    (folder / "workflows").mkdir()
    commit(folder, "a.yaml", steps.format(1), "First")
    commit(folder, "a.yaml", steps.format(2), "Second")
    mark = set_traps(folder)

    done = almaflow("diff", "HEAD~1", "HEAD", "a.yaml")

    assert not mark.exists(), mark.read_text()
    assert done.code == 0, done.err
    assert "not in this clone" in done.out


def test_a_project_in_a_folder_of_a_repository_with_umlauts_is_compared(
    almaflow: Almaflow, nightly: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = folder / "Bücher und mehr"
    project.mkdir()
    for name in ("workflows", "almaflow.yaml"):
        (folder / name).rename(project / name)
    (project / "workflows" / "nightly.yaml").rename(project / "workflows" / "für nachts.yaml")
    commit(folder, "README", "y", "Second")
    monkeypatch.chdir(project)
    change(project / "workflows" / "für nachts.yaml", ("timeout: 8h", "timeout: 7h"))

    found = only(almaflow)
    named = only(almaflow, "HEAD", "workflows/für nachts.yaml")

    assert found["file"] == "workflows/für nachts.yaml"
    assert named["settings"] == found["settings"]


def test_the_formats_and_exit_codes(almaflow: Almaflow, nightly: Path) -> None:
    change(
        nightly,
        ("timeout: 4h", "timeout: 2h"),
        ("Look at it", '"Look at it, @anna"'),
    )

    text, marked = almaflow("diff"), almaflow("diff", "--format", "markdown")
    as_json = almaflow("diff", "--format", "json")

    assert "~ nightly (workflows/nightly.yaml)" in text.out
    assert "      ~ timeout: 4h → 2h" in text.out
    assert "### nightly (workflows/nightly.yaml)" in marked.out
    assert "`notify.message: Look at it → Look at it, @anna`" in marked.out
    assert json.loads(as_json.out)["differs"] is True
    assert (text.code, almaflow("diff", "--exit-code").code) == (0, 1)


def test_a_workflow_whose_inputs_are_missing_is_compared_without_requests(
    almaflow: Almaflow, nightly: Path
) -> None:
    change(nightly, ("default: 100", "minimum: 1"), ("schedule:\n", "x-none: 1\nschedule:\n"))
    change(nightly, ("x-none: 1\n", ""), ('schedule:\n  - cron: "30 2 * * *"\n', ""))

    without, given = only(almaflow), only(almaflow, "-i", "limit=3")

    assert "Requests are not compared" in without["remarks"][0]
    assert given["remarks"] == []
