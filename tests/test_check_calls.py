"""Workflows that call others: found, read once, checked where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.problems import Problem
from almaflow.settings import Project, find_project
from almaflow.workflow_loader import LoadedWorkflow, load_paths, load_workflow
from tests.work import calls_made_by

STOP = "steps: [{stop: }]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str = STOP) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def call(*names: str) -> str:
    """Return a workflow that calls the workflows *names*."""
    return "steps:\n" + "".join(f"  - call: {name}\n" for name in names)


def project() -> Project:
    return find_project(Path.cwd())


def load(name: str) -> LoadedWorkflow:
    return load_workflow(Path(name), project())


def problems(name: str) -> list[Problem]:
    try:
        return list(load(name).warnings)
    except DocumentsInvalid as error:
        return list(error.problems)


def messages(name: str) -> list[str]:
    return [f"{one.location}: {one.message}" for one in problems(name)]


# --- which file -----------------------------------------------------------------------------------


def test_a_file_is_named_relative_to_the_workflow_with_or_without_its_ending(folder: Path) -> None:
    write("a/one.yaml", call("two", "../b/three", "../b/three.yml", "four.v2", "../b/linked"))
    for name in ("a/two.yaml", "b/three.yml", "a/four.v2.yaml", "c/five.yaml"):
        write(name)
    Path("b/linked.yaml").symlink_to("../c/five.yaml")

    loaded = load("a/one.yaml")

    assert {name: one.document.file for name, one in loaded.calls.items()} == {
        "two": "a/two.yaml",
        "../b/three": "b/three.yml",
        "../b/three.yml": "b/three.yml",
        "four.v2": "a/four.v2.yaml",
        "../b/linked": "b/linked.yaml",
    }
    assert loaded.calls["../b/linked"].path == folder / "c" / "five.yaml"


def test_a_link_that_leads_out_of_the_project_is_not_followed(folder: Path) -> None:
    write("project/almaflow.yaml", "timezone: UTC\n")
    write("project/one.yaml", call("linked"))
    write("outside.yaml")
    Path("project/linked.yaml").symlink_to("../outside.yaml")

    [problem] = load_in("project")

    assert (problem.code, problem.location.line) == ("outside-project", 2)


def load_in(name: str) -> list[Problem]:
    with pytest.raises(DocumentsInvalid) as refused:
        load_workflow(Path(name) / "one.yaml", find_project(Path(name)))
    return list(refused.value.problems)


def test_files_of_a_called_workflow_lie_beside_it_and_inside_the_same_folder(folder: Path) -> None:
    """Without a project file the folder of the workflow that is run bounds all that it calls."""
    there = folder / "elsewhere"
    there.mkdir()
    text = "steps: [{submit_job: {job: M1, payload: ../p.xml}}]\n"
    write("elsewhere/one.yaml", call("sub/two", "sub/out"))
    write("elsewhere/sub/two.yaml", text)
    write("elsewhere/sub/out.yaml", text.replace("../p", "../../p"))
    write("elsewhere/p.xml", "<job><parameters/></job>")
    write("p.xml", "<job><parameters/></job>")
    (folder / "other").mkdir()
    nowhere = find_project(folder / "other")

    with pytest.raises(DocumentsInvalid) as refused:
        load_workflow(there / "one.yaml", nowhere)

    assert [problem.code for problem in refused.value.problems] == [
        "call-of-invalid",
        "outside-project",
    ]


# --- circles and depth ----------------------------------------------------------------------------


def test_a_circle_is_told_at_the_call_that_closes_it(folder: Path) -> None:
    write("a.yaml", call("b"))
    write("b.yaml", call("c"))
    write("c.yaml", call("a"))

    assert messages("a.yaml") == [
        "a.yaml:2:11: b.yaml cannot be called, because it has an error at c.yaml:2:11.",
        "b.yaml:2:11: c.yaml cannot be called, because it has an error at c.yaml:2:11.",
        "c.yaml:2:11: This call would never end: a.yaml → b.yaml → c.yaml → a.yaml. Remove one "
        "of these calls.",
    ]
    assert messages("b.yaml")[0] == (
        "a.yaml:2:11: This call would never end: b.yaml → c.yaml → a.yaml → b.yaml. Remove one "
        "of these calls."
    )
    _, found = load_paths([folder], project())
    assert [problem.code for problem in found].count("calls-in-a-circle") == 1


def test_a_workflow_that_calls_itself_by_another_name_is_a_circle(folder: Path) -> None:
    write("a.yaml", "steps: [{for_each: {items: [1], steps: [{call: link}]}}]\n")
    Path("link.yaml").symlink_to("a.yaml")

    assert [one.partition("Remove")[0] for one in messages("a.yaml")] == [
        "a.yaml:1:48: This call would never end: a.yaml → link.yaml. "
    ]


def test_calls_are_at_most_twenty_deep(folder: Path) -> None:
    for number in range(21):
        write(f"w{number:02}.yaml", call(f"w{number + 1:02}"))
    write("w21.yaml")

    assert problems("w01.yaml") == []
    deep = [one for one in problems("w00.yaml") if one.code == "calls-too-deep"]
    assert [f"{one.location}: {one.message}" for one in deep] == [
        "w20.yaml:2:11: Workflows call one another more than 20 levels deep here, starting at "
        "w00.yaml. Put steps that belong together into one file."
    ]


def test_the_depth_counts_whatever_was_read_before(folder: Path) -> None:
    for number in range(21):
        write(f"w{number:02}.yaml", call(f"w{number + 1:02}"))
    write("w21.yaml")

    _, found = load_paths([Path("w15.yaml"), Path("w00.yaml")], project())

    deep = [one for one in found if one.code == "calls-too-deep"]
    assert [str(one.location) for one in deep] == ["w14.yaml:2:11"]


def test_a_run_records_a_bounded_number_of_files(folder: Path) -> None:
    write("w0.yaml")
    for number in range(1, 10):
        write(f"w{number}.yaml", call(f"w{number - 1}", f"w{number - 1}.yaml"))

    found = problems("w9.yaml")

    # Each of them read for each way that leads to it would be a thousand files.
    assert calls_made_by(lambda: problems("w9.yaml")) < 500_000
    assert [(str(one.location), one.code) for one in found] == [
        ("w9.yaml:2:11", "too-many-calls"),
        ("w9.yaml:3:11", "too-many-calls"),
    ]
    assert found[0].message == (
        "`w8` and the workflows that it calls have 511 files, which every run would have to "
        "record. At most 500 are allowed. Call fewer workflows, or call one with `for_each`."
    )


def test_a_file_that_many_call_is_read_once_and_its_problems_are_told_once(folder: Path) -> None:
    for name in ("a", "b", "c"):
        write(f"{name}.yaml", call("deep/part"))
    write("deep/part.yaml", "steps: [{stpo: }]\n")

    loaded, found = load_paths([folder], project())

    assert loaded == []
    assert [f"{one.location.file} {one.code}" for one in found] == [
        "a.yaml call-of-invalid",
        "b.yaml call-of-invalid",
        "c.yaml call-of-invalid",
        "deep/part.yaml unknown-key",
    ]


def test_warnings_of_a_called_workflow_are_told_and_do_not_keep_it_from_running(
    folder: Path,
) -> None:
    write("a.yaml", call("b"))
    write("b.yaml", "steps: [{create_set: {name: n, content: ITEM, members: {file: x.csv}}}]\n")

    loaded = load("a.yaml")

    assert [one.location.file for one in loaded.warnings] == ["b.yaml"]


# --- where it runs --------------------------------------------------------------------------------

INSTITUTIONS = """\
institutions:
  main: {region: eu, api_key: env:A}
  test: {region: eu, api_key: env:B, environment: sandbox}
"""


def test_a_called_workflow_needs_no_institution_of_its_own(folder: Path) -> None:
    write("almaflow.yaml", INSTITUTIONS)
    write("a.yaml", "institution: main\n" + call("b"))
    write("b.yaml")

    assert problems("a.yaml") == []
    assert [one.code for one in problems("b.yaml")] == ["missing-institution"]
    loaded, found = load_paths([folder / "a.yaml", folder / "b.yaml"], project())
    assert [one.name for one in loaded] == ["a"]
    assert [one.code for one in found] == ["missing-institution"]


@pytest.mark.parametrize(
    ("above", "step"),
    [
        ("institution: test\n", "call: b"),
        ("institution: main\n", "{institution: test, call: b}"),
        (
            "institution: main\n",
            "{institution: test, for_each: {items: [1], steps: [{call: b}]}}",
        ),
    ],
)
def test_a_called_workflow_refuses_an_institution_of_another_environment(
    folder: Path, above: str, step: str
) -> None:
    write("almaflow.yaml", INSTITUTIONS)
    write("a.yaml", f"{above}steps:\n  - {step}\n")
    write("b.yaml", "environment: production\n" + STOP)

    [problem] = problems("a.yaml")

    assert (problem.code, problem.message) == (
        "wrong-environment",
        "b.yaml is for production, but it is called at `test`, which is a sandbox in "
        "almaflow.yaml, so almaflow refuses to run it there.",
    )


@pytest.mark.parametrize(
    "step",
    [
        "call: b",
        '{institution: "{{ run.name }}", call: b}',
        "{institution: test, call: c}",
        "{institution: test, call: d}",
    ],
)
def test_where_a_called_workflow_may_run_nothing_is_said(folder: Path, step: str) -> None:
    write("almaflow.yaml", INSTITUTIONS)
    write("a.yaml", f"institution: main\nsteps:\n  - {step}\n")
    write("b.yaml", "environment: production\n" + STOP)
    write("c.yaml", "environment: production\ninstitution: main\n" + STOP)
    write("d.yaml", "environment: any\n" + STOP)

    assert problems("a.yaml") == []


def test_a_simulation_needs_no_institutions_for_what_is_called(folder: Path) -> None:
    write("almaflow.yaml", INSTITUTIONS)
    write("a.yaml", "institution: test\n" + call("b"))
    write("b.yaml", "environment: production\nsteps: [{notify: {to: gone, message: x}}]\n")

    loaded = load_workflow(Path("a.yaml"), project(), simulated=True)

    assert list(loaded.calls) == ["b"]


# --- outputs --------------------------------------------------------------------------------------


def test_outputs_of_a_called_workflow_have_their_types(folder: Path) -> None:
    write(
        "a.yaml",
        "steps:\n  - {id: b, call: b}\n"
        "  - check: steps.b.count == 'x'\n"
        "  - check: steps.b.name > 1\n"
        "  - check: steps.b.all[0].steps.found.member_count == 'x'\n"
        "  - check: steps.b.part.what.deep > 1\n"
        "  - check: steps.b.any > 1 and steps.b.any == 'x'\n",
    )
    write(
        "b.yaml",
        "inputs: {list: {type: list}}\n"
        "steps:\n"
        "  - id: all\n"
        "    for_each: {items: [a], steps: [{id: found, find_set: {name: x}}]}\n"
        "outputs:\n"
        "  count: '{{ steps.all.results | length }}'\n"
        "  name: '{{ run.name }}'\n"
        "  all: '{{ steps.all.results }}'\n"
        "  part: {what: {deep: x}}\n"
        "  any: '{{ inputs.list[0] }}'\n".replace("{type: list}", "{type: list, default: []}"),
    )

    found = problems("a.yaml")

    assert [(one.code, one.location.line) for one in found] == [
        ("text-compared-with-number", 3),
        ("text-compared-with-number", 4),
        ("text-compared-with-number", 5),
        ("text-compared-with-number", 6),
    ]


def test_many_calls_of_one_file_read_it_once(folder: Path) -> None:
    write("part.yaml", "steps:\n" + "  - find_set: {name: x}\n" * 200)
    write("few.yaml", "steps:\n" + "  - call: part\n" * 20)
    write("many.yaml", "steps:\n" + "  - call: part\n" * 200)

    assert problems("many.yaml") == []
    few = calls_made_by(lambda: problems("few.yaml"))
    assert calls_made_by(lambda: problems("many.yaml")) < 5 * few
