"""`validate --fix`: the smallest edits, that change nothing else and are whole or not at all."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.authoring.fixes.checking import checker
from almaflow.authoring.fixes.files import FileNotFixed, fix_file, write_fixed
from almaflow.authoring.fixes.rounds import Change, edited, edits_for
from almaflow.document import Document, parse_document
from almaflow.document.source import SourceText
from almaflow.problems import Location, Problem, has_errors
from almaflow.settings import Project, Settings
from tests.examples import examples

ROOT = Path(__file__).parent.parent.parent


def project_in(folder: Path) -> Project:
    return Project(folder, Settings(), None)


def fixed(folder: Path, content: str | bytes) -> tuple[bytes, list[str]]:
    """Return what a file of this content is after it was fixed, and the codes of what was."""
    file = folder / "w.yaml"
    data = content if isinstance(content, bytes) else content.encode()
    file.write_bytes(data)
    result = fix_file(file, checker(project_in(folder), []))
    if result is None:
        return data, []
    write_fixed(result)
    assert file.read_bytes() == result.after
    return result.after, [change.problem.code for change in result.fixed]


@pytest.mark.parametrize(
    ("wrong", "right", "code"),
    [
        ("find_set: {nmae: x}", "find_set: {name: x}", "unknown-key"),
        ("find_set: {Name: x}", "find_set: {name: x}", "unknown-key"),
        ("find_set: {name: “x y”}", 'find_set: {name: "x y"}', "typographic-quotes"),
        (
            "find_set: {name: {{ run.id }}}",
            'find_set: {name: "{{ run.id }}"}',
            "yaml-unquoted-template",
        ),
        ("wait:10m", "wait: 10m", "yaml-missing-blank"),
        ("wait: 10m  # almaflow: ignore[no-set]", "wait: 10m", "unused-ignore"),
        ("wait: 10m  # almaflow: ignore[no-set] as agreed", "wait: 10m", "unused-ignore"),
        (
            "submit_job: {job: M44}  # almaflow: ignore[no-set, space-at-end]",
            "submit_job: {job: M44}  # almaflow: ignore[no-set]",
            "unused-ignore",
        ),
        (
            "submit_job: {job: M44}  # almaflow: ignore[no-st]",
            "submit_job: {job: M44}  # almaflow: ignore[no-set]",
            "bad-ignore",
        ),
        ("submit_job: {job: M44, set: 38.5}", None, ""),
        (
            "update_set: {id: '1', add: [1e3], id_type: BARCODE}",
            "update_set: {id: '1', add: [\"1e3\"], id_type: BARCODE}",
            "id-unquoted",
        ),
    ],
)
def test_what_is_certain_is_fixed_and_nothing_else(
    wrong: str, right: str | None, code: str, tmp_path: Path
) -> None:
    before = f"# Bücher\nsteps:\n  - {wrong}\n"

    after, codes = fixed(tmp_path, before)

    assert after.decode() == (before if right is None else before.replace(wrong, right))
    assert codes == ([] if right is None else [code])


@pytest.mark.parametrize(
    "wrong",
    [
        "find_set: {neme: x, name: y}",  # the key is there already
        "create_set: {name: x, content: ITEM, from: '1'}",  # several keys begin so
        "find_set: {'nmae': x}",  # in quotes, so perhaps meant
        "find_set: {zzz: x}",
        "wait: 2026-13-45",
    ],
)
def test_what_may_be_meant_in_several_ways_is_left_alone(wrong: str, tmp_path: Path) -> None:
    before = f"steps:\n  - {wrong}\n".encode()

    assert fixed(tmp_path, before) == (before, [])


def test_line_ends_mark_anchors_and_comments_are_kept(tmp_path: Path) -> None:
    before = (
        "\ufeff# Überschrift\r\nshcedule:\r\n  - cron: * 6 * * mon   # früh\r\n"
        "steps:\r\n\r\n  - &a {id: x, find_set: {nmae: 'ü'}}   # why\r\n"
        "  # almaflow: ignore[no-set]\r\n  - wait: 1m\r\n"
    ).encode()

    after, _ = fixed(tmp_path, before)

    assert after.decode() == (
        '\ufeff# Überschrift\r\nschedule:\r\n  - cron: "* 6 * * mon"   # früh\r\n'
        "steps:\r\n\r\n  - &a {id: x, find_set: {name: 'ü'}}   # why\r\n"
        "  - wait: 1m\r\n"
    )


def test_of_two_that_touch_one_line_both_are_fixed(tmp_path: Path) -> None:
    after, codes = fixed(tmp_path, "steps:\n  - create_set: {nmae: “x”, contnet: ITEM, query: a}\n")

    assert after.decode() == 'steps:\n  - create_set: {name: "x", content: ITEM, query: a}\n'
    assert sorted(codes) == ["typographic-quotes", "unknown-key", "unknown-key"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("steps:\n  - wait: 1m\n  # almaflow: ignore[no-set]\n  - wait: 2m\n", "\n  - wait: 2m\n"),
        ("steps:\n  - wait: 1m\n  # almaflow: ignore[no-set]", "\n"),
    ],
)
def test_a_comment_that_hides_nothing_goes_with_its_line(
    before: str, after: str, tmp_path: Path
) -> None:
    assert fixed(tmp_path, before) == (
        f"steps:\n  - wait: 1m{after}".encode(),
        ["unused-ignore"],
    )


def test_the_first_of_edits_that_overlap_counts_and_spaces_are_not_doubled() -> None:
    source = SourceText("wait:  10m\n", "w.yaml")
    problems = [
        Problem(Location("w.yaml", 1, column, length), "x", "Wrong.", fix=fix)
        for column, length, fix in ((1, 5, "for: "), (3, 2, "zz"), (8, 3, "20m"))
    ]
    elsewhere = Problem(Location("v.yaml", 1, 1, 5), "x", "Wrong.", fix="no")

    edits = edits_for([*problems, elsewhere], source)

    assert [one.text for one in edits] == ["for:", "20m"]
    assert edited(source.text, edits) == "for:  20m\n"


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text("steps:\n  - wait:10m\n")
    result = fix_file(file, checker(project_in(tmp_path), []))
    file.write_text("steps: [{wait: 20m}]\n")

    assert result is not None
    with pytest.raises(FileNotFixed, match="was changed"):
        write_fixed(result)

    assert file.read_text() == "steps: [{wait: 20m}]\n"
    assert os.listdir(tmp_path) == ["w.yaml"]


def test_the_rights_of_a_file_and_a_link_to_it_are_kept(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text("steps: [{find_set: {nmae: x}}]\n")
    real.chmod(0o640)
    link = tmp_path / "w.yaml"
    link.symlink_to(real)

    result = fix_file(link, checker(project_in(tmp_path), []))
    assert result is not None
    write_fixed(result)

    assert link.is_symlink()
    assert real.read_text() == "steps: [{find_set: {name: x}}]\n"
    assert real.stat().st_mode & 0o777 == 0o640


TEXTS = [
    file.read_text("utf-8")
    for file in (
        *sorted((ROOT / "workflows").glob("*.yaml")),
        *sorted((ROOT / "tests/valid").glob("*.yaml")),
    )
    if ".scenario." not in file.name and ".tests." not in file.name
]


@settings(max_examples=examples(40), deadline=None)
@given(data=st.data())
def test_a_spoilt_file_is_the_same_again_or_still_has_its_problem(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fix")
    text = data.draw(st.sampled_from(TEXTS))
    lines = text.splitlines()
    places = data.draw(
        st.lists(st.integers(0, len(lines) - 1), min_size=1, max_size=4, unique=True)
    )
    for place in places:
        lines[place] = data.draw(st.sampled_from(SPOILERS))(lines[place])
    ends = data.draw(st.sampled_from(["\n", "\r\n"]))
    spoilt = ends.join(lines) + ends
    check = checker(project_in(folder), [])

    after, codes = fixed(folder, spoilt)

    again, more = fixed(folder, after)
    source, problems = check(folder / "w.yaml", after)
    _, before = check(folder / "w.yaml", spoilt.encode())
    assert (again, more) == (after, [])
    assert after.count(ends.encode()) == after.count(b"\n")
    assert bool(codes) or after == spoilt.encode()
    if has_errors(before) and not has_errors(problems):
        assert isinstance(source, Document)
        assert source.plain() == parse_document(text, "w.yaml").plain()


KEYS = {"schedule", "inputs", "steps", "finally", "create_set", "find_set", "submit_job", "content"}


def _slip(line: str) -> str:
    """Return *line* with a letter of its key left out; names that people choose stay."""
    key = line.strip().removeprefix("- ").partition(":")[0]
    return line.replace(key, key[:1] + key[2:], 1) if key in KEYS else line


def _no_space(line: str) -> str:
    """Return *line* without the space after its key."""
    key = line.strip().removeprefix("- ").partition(":")[0]
    return line.replace(": ", ":", 1) if key in {*KEYS, "id", "timeout"} else line


def _comment(line: str) -> str:
    """Return *line* with a comment, if it has a key; inside of a text it would be a part of it."""
    has_key = re.match(r"\s*(?:- )*\w+:(?: |$)", line) and "#" not in line
    return f"{line}  # almaflow: ignore[no-set]" if has_key else line


SPOILERS = [_slip, _no_space, _comment]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("nam", "name", "`nam` is `name` now."),
        ("  # almaflow: ignore[x]", "", "Removed `# almaflow: ignore[x]`."),
        ("", " ", "Added a space."),
        ("", "#", "Added `#`."),
        (" l7xx1234567890abcdef1234567890abcdef", '"a"', '`***` is `"a"` now.'),
    ],
)
def test_what_was_fixed_is_a_sentence(before: str, after: str, words: str) -> None:
    problem = Problem(Location("w.yaml"), "unknown-key", "…")

    assert Change(problem, before, after).words == words
