"""Lints of files with errors: what is sound keeps its lints, and nothing broken makes one."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from almaflow.authoring.linted_files import lints_of
from almaflow.problems import Problem
from almaflow.settings import find_project
from almaflow.workflow_loader import ReadWorkflows, read_paths
from tests.examples import examples
from tests.golden import DOCUMENTS
from tests.linted import PROJECT, problems_in

ROOT = Path(__file__).parents[1]
FILES = sorted(
    file
    for folder in (ROOT / "workflows", ROOT / "tests" / "valid", DOCUMENTS / "lints")
    for file in folder.glob("*.yaml")
    if file.name != "almaflow.yaml" and ".scenario." not in file.name
)
COMMENTS = ("unused-ignore",)

_KEY = re.compile(r"(\s*(?:- )?)(\w\w+)(:.*)")
_REFERENCE = re.compile(r"\b(?:steps|inputs|vars)\.\w+(?:\.\w+)?")


def broken_lines(line: str) -> Iterator[str]:
    """Yield *line* with a slip in its key, with another value or key, and in what it refers to."""
    if match := _KEY.fullmatch(line):
        before, key, after = match.groups()
        yield f"{before}{key[:-1]}x{after}"
        yield f"{before}{key[1:]}{after}"
        # Without the reference in it, what it refers to would really be unused.
        if not _REFERENCE.search(after):
            yield f"{before}{key}: [[1]]"
            yield f"{before}zzz: 1"
    for reference in sorted(set(_REFERENCE.findall(line))):
        yield line.replace(reference, reference[:-1] + "q")
        yield line.replace(reference, reference.replace(".", "..", 1))
        yield line.replace(reference, reference[1:])


class Folder:
    """A copy of a folder of workflows in which one file is changed."""

    def __init__(self, file: Path, copy: Path) -> None:
        shutil.copytree(file.parent, copy)
        (copy / "almaflow.yaml").write_text(PROJECT, "utf-8")
        self.project = find_project(copy)
        self.file = copy / file.name
        self.lines = self.file.read_text("utf-8").split("\n")

    def lints(self, lines: list[str]) -> tuple[ReadWorkflows, set[tuple[str, int]]]:
        """Return what is read when the file has these *lines*, and its lints with their lines."""
        self.file.write_text("\n".join(lines), "utf-8", newline="")
        read = read_paths([self.file], self.project)
        found = {(one.code, one.location.line) for one in lints_of(read, self.project)}
        return read, {one for one in found if one[0] not in COMMENTS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_broken_line_makes_no_lint(file: Path, tmp_path: Path) -> None:
    folder = Folder(file, tmp_path / "w")
    sound = folder.lints(folder.lines)[1]
    choices = [
        (number, broken)
        for number, line in enumerate(folder.lines)
        for broken in broken_lines(line)
        if broken != line
    ]

    chance = random.Random(file.name)
    for number, broken in chance.sample(choices, min(len(choices), examples(3))):
        lines = [*folder.lines[:number], broken, *folder.lines[number + 1 :]]
        read, found = folder.lints(lines)

        if read.broken:
            assert found <= sound, f"line {number + 1}: {broken}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
@pytest.mark.parametrize("unrelated", ["zzz: 1", "outdated: true", "ping: [a, b]"])
def test_the_lints_of_what_is_sound_stay(file: Path, unrelated: str, tmp_path: Path) -> None:
    folder = Folder(file, tmp_path / "w")
    sound = folder.lints(folder.lines)[1]

    read, found = folder.lints([*folder.lines, unrelated])

    assert read.broken
    assert found == sound


SETS = """\
steps:
  - id: old
    create_set: {name: "Old {{ run.id }}", content: ITEM, query: x}
  - id: new
    create_set: {name: "New {{ run.id }}", content: ITEM, query: x}
"""


def codes(problems: list[Problem]) -> list[str]:
    return [one.code for one in problems]


@pytest.mark.parametrize(
    "broken",
    [
        '  - delete_set: "{{ steps.odl.set_id }}"\n',
        '  - delete_sett: "{{ steps.old.set_id }}"\n',
        '  - remove: "{{ steps.old }}"\n',
        'outputs: {old: "{{ steps.odl.set_id }}"}\n',
        'finaly: [{delete_set: "{{ steps.old.set_id }}"}]\n',
        "  - delete_set: {prefx: Old, older_than: 30d}\n",
    ],
)
def test_a_set_that_a_broken_part_may_delete_is_not_noted(broken: str, tmp_path: Path) -> None:
    found = problems_in(tmp_path, {"w.yaml": SETS + broken})

    assert found
    assert ("set-kept", 3) not in {(one.code, one.location.line) for one in found}


@pytest.mark.parametrize(
    "broken", ["  - find_sett: {name: x}\n", "  - {wait: 1m, retry: soon}\n", "overlap: never\n"]
)
def test_a_set_that_nothing_deletes_is_noted_next_to_an_error(broken: str, tmp_path: Path) -> None:
    found = codes(problems_in(tmp_path, {"w.yaml": SETS + broken}))

    assert found.count("set-kept") == 2
    assert len(found) == 3


@pytest.mark.parametrize("sweep", ["{prefx: Old}", "{prefix: Old, older_than: x}", "{prefix: [}"])
def test_a_workflow_with_errors_may_sweep(sweep: str, tmp_path: Path) -> None:
    files = {"w.yaml": SETS, "s.yaml": f"steps:\n  - delete_set: {sweep}\n"}

    found = codes(problems_in(tmp_path, files, whole=True))

    assert found
    assert "set-kept" not in found


@pytest.mark.parametrize("step", ["payload: payloads/b.xml, paylod: 1", "payload: payloads/b.xml]"])
def test_a_payload_of_a_workflow_with_errors_is_used(step: str, tmp_path: Path) -> None:
    payload = "<job><parameters/></job>"
    files = {
        "w.yaml": 'steps: [{submit_job: {job: M44, set: "1", payload: payloads/a.xml}}]\n',
        "v.yaml": f'steps: [{{submit_job: {{job: M44, set: "1", {step}}}}}]\n',
        "payloads/a.xml": payload,
        "payloads/b.xml": payload,
        "payloads/c.xml": payload,
    }

    found = problems_in(tmp_path, files, whole=True)

    unused = [Path(one.location.file).name for one in found if one.code == "unused-file"]
    assert unused == ["c.xml"]


def test_too_many_errors_leave_nothing_for_lints(tmp_path: Path) -> None:
    steps = "".join(f"  - {{wait: x{number}}}\n" for number in range(250))

    found = codes(problems_in(tmp_path, {"w.yaml": SETS + steps}))

    assert "more-problems" in found
    assert "set-kept" not in found


@pytest.mark.parametrize(("words", "noted"), [(20, ["unused-input"]), (300, [])])
def test_what_is_broken_in_very_many_words_may_use_every_name(
    words: int, noted: list[str], tmp_path: Path
) -> None:
    broken = " ".join(f"{number:x}" for number in range(10_000, 10_000 + words))
    text = (
        f"inputs: {{shelf: {{type: string, default: x}}}}\nodd: {broken}\nsteps: [{{wait: 1h}}]\n"
    )

    found = codes(problems_in(tmp_path, {"w.yaml": text}))

    assert [code for code in found if code == "unused-input"] == noted
