from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from almaflow.cli.render.problem_formats import ProblemFormat, format_problems
from almaflow.document import MAX_BYTES, Document, parse_document, read_document
from almaflow.document.mistakes import explain
from almaflow.document.parser_failures import Mistake, ParserFailure
from almaflow.document.scalars import source_offsets
from almaflow.errors import DocumentsInvalid
from almaflow.field_types import Plain
from almaflow.problems import Location, Problem
from tests.golden import documents, expected
from tests.work import calls_made_by


def parse(text: bytes | str) -> Document:
    return parse_document(text, "w.yaml")


def refused(text: bytes | str) -> tuple[Problem, ...]:
    with pytest.raises(DocumentsInvalid) as caught:
        parse(text)
    return caught.value.problems


def refusal(text: bytes | str) -> tuple[str, str]:
    """Return line:column and code of the one problem of *text*."""
    (problem,) = refused(text)
    return f"{problem.location.line}:{problem.location.column}", problem.code


def underlined(document: Document, location: Location) -> str:
    line = document.lines[location.line - 1]
    return line[location.column - 1 : location.column - 1 + location.length]


@pytest.mark.parametrize("path", documents("yaml"), ids=lambda path: path.stem)
def test_a_mistake_in_yaml_is_told_in_the_words_of_its_golden_file(path: Path) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        read_document(path, path.name)

    assert format_problems(caught.value.problems, ProblemFormat.TEXT) == expected(path)


def test_quoted_and_block_scalars_are_text_and_plain_ones_what_yaml_1_2_says() -> None:
    document = parse(
        "- 0012\n- 1e3\n- true\n- Null\n- ~\n-\n- 0x1F\n- 0o17\n- -.inf\n- .5\n- yes\n- text\n"
        "- '12'\n- \"true\"\n- |\n  12\n- 1_000\n- 12345678901234567\n- +1\n- 1.\n- 1e\n"
    )

    assert document.data == [
        Plain("0012", 12),
        Plain("1e3", 1000.0),
        Plain("true", True),
        Plain("Null", None),
        Plain("~", None),
        Plain("", None),
        Plain("0x1F", 31),
        Plain("0o17", 15),
        Plain("-.inf", float("-inf")),
        Plain(".5", 0.5),
        "yes",
        "text",
        "12",
        "true",
        "12\n",
        "1_000",
        Plain("12345678901234567", 12345678901234567),
        Plain("+1", 1),
        Plain("1.", 1.0),
        "1e",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-24",
        "2026-1-2",
        "2026-12-24T18:00",
        "2026-12-24 18:00:01.5 +01:00",
        "2026-12-24T18:00:00Z",
        "02:30",
        "1:02:03",
        "190:20:30.15",
    ],
)
def test_what_looks_like_a_date_or_a_time_keeps_its_characters_and_is_plain(text: str) -> None:
    assert parse(f"at: {text}").data == {"at": Plain(text, text)}


def test_a_number_too_long_for_python_stays_text() -> None:
    assert parse("id: " + "9" * 5000).data == {"id": "9" * 5000}


def test_keys_are_text_made_of_their_characters() -> None:
    assert list(parse("1: a\ntrue: b\n2026-12-24: c\n'': d\non: e\n~: f").data) == [
        *("1", "true", "2026-12-24", "", "on", "~"),
    ]


def test_an_empty_list_a_list_of_pairs_and_a_flow_mapping_without_values_are_read() -> None:
    assert parse("a: []\nb: [c: 1]\nd: {e, f}").data == {
        "a": [],
        "b": [{"c": Plain("1", 1)}],
        "d": {"e": Plain("", None), "f": Plain("", None)},
    }


def test_plain_gives_ordinary_values() -> None:
    assert parse("a: [1, x, {b: ~}]").plain() == {"a": [1, "x", {"b": None}]}


def test_a_value_is_placed_where_it_stands() -> None:
    document = parse(
        "name: x y\nsteps:\n  - wait: '10m'\n    id: a\n  -\n    on: [b, {c: d}]\nlast:\n"
    )

    assert underlined(document, document.location_of(("name",))) == "x y"
    assert underlined(document, document.location_of(("steps", 0, "wait"))) == "'10m'"
    assert underlined(document, document.location_of(("steps", 0))) == "wait"
    assert underlined(document, document.location_of(("steps",))) == "-"
    assert underlined(document, document.location_of(("steps", 1, "on"))) == "[b, {c: d}]"
    assert underlined(document, document.location_of(("steps", 1, "on", 1, "c"))) == "d"
    assert document.location_of(("steps", 1, "on", 0)) == Location("w.yaml", 6, 10, 1)
    assert document.location_of(()) == Location("w.yaml", 1, 1, 4)


def test_a_key_has_a_place_of_its_own() -> None:
    document = parse('name: x\n"steps":\n  - wait: 10m\n')

    assert document.key_location(("name",)) == Location("w.yaml", 1, 1, 4)
    assert underlined(document, document.key_location(("steps",))) == '"steps"'
    assert underlined(document, document.key_location(("steps", 0, "wait"))) == "wait"
    assert document.key_location(("steps", 0)) == document.location_of(("steps", 0))


def test_what_does_not_exist_has_the_place_of_the_nearest_around_it() -> None:
    document = parse("steps:\n  - wait: 10m\n")

    assert document.location_of(("steps", 0, "wait", "for")) == document.location_of(
        ("steps", 0, "wait")
    )
    assert document.key_location(("steps", 0, "wait", "for")) == Location("w.yaml", 2, 5, 4)
    assert document.location_of(("steps", 7)) == document.location_of(("steps",))
    assert document.has(("steps", 0, "wait"))
    assert not document.has(("steps", 1))


def test_an_empty_value_is_shown_by_its_key() -> None:
    document = parse("name:\nsteps: [a, {b: }]\nlist:\n  -\n  - c\n")

    assert underlined(document, document.location_of(("name",))) == "name"
    assert underlined(document, document.location_of(("steps", 1, "b"))) == "b"
    assert document.location_of(("list", 0)) == Location("w.yaml", 4, 4, 1)


def test_a_value_of_several_lines_is_underlined_in_its_first() -> None:
    document = parse("a: [b,\n  c]\nd: one\n  two\ne: |\n  text\n")

    assert underlined(document, document.location_of(("a",))) == "[b,"
    assert underlined(document, document.location_of(("d",))) == "one"
    assert underlined(document, document.location_of(("e",))) == "|"


def test_places_through_a_reference_point_to_where_the_value_is_written() -> None:
    document = parse("poll: &poll\n  first: 10s\nsteps:\n  - *poll\n  - &id  # a comment\n    x\n")

    assert document.data["steps"][0] == {"first": "10s"}
    assert document.location_of(("steps", 0, "first")) == Location("w.yaml", 2, 10, 3)
    assert document.key_location(("steps", 0, "first")) == Location("w.yaml", 2, 3, 5)
    assert underlined(document, document.location_of(("steps", 1))) == "x"


def test_a_merge_fills_in_what_is_not_written_and_its_places_point_to_the_source() -> None:
    document = parse(
        "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  z: 5\n  <<: [*a, *b]\nd: {<<: *a, x: 9}\n"
    )

    assert document.plain()["c"] == {"x": 1, "y": 2, "z": 5}
    assert list(document.data["c"]) == ["x", "y", "z"]
    assert document.plain()["d"] == {"y": 2, "x": 9}
    assert document.location_of(("c", "y")) == document.location_of(("a", "y"))
    assert document.key_location(("c", "y")) == document.key_location(("a", "y"))
    assert document.location_of(("c", "z")).line == 4


def test_a_merged_mapping_can_be_merged_again() -> None:
    document = parse("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}\n")

    assert document.plain()["c"] == {"x": 1, "y": 2}


def test_a_quoted_double_less_is_an_ordinary_key() -> None:
    assert parse('"<<": x').data == {"<<": "x"}


def test_an_anchor_may_be_set_again() -> None:
    assert parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\ne: &k f").plain() == {
        "a": 1,
        "b": 1,
        "c": 2,
        "d": 2,
        "e": "f",
    }


def test_a_key_with_an_anchor_can_be_referred_to_as_text() -> None:
    assert parse("? &k a\n: *k\n").data == {"a": "a"}


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_break_counts_as_one_line(line_break: str) -> None:
    document = parse(f"a: 1{line_break}{line_break}b: x{line_break}")

    assert document.location_of(("b",)) == Location("w.yaml", 3, 4, 1)
    assert underlined(document, document.location_of(("b",))) == "x"


def test_a_byte_order_mark_is_no_character_of_the_first_line() -> None:
    for content in ("\ufeffname: x", b"\xef\xbb\xbfname: x"):
        assert parse(content).location_of(("name",)) == Location("w.yaml", 1, 7, 1)


def test_columns_are_counted_in_characters() -> None:
    document = parse("äöü漢😀: {x: y}")

    assert document.location_of(("äöü漢😀", "x")) == Location("w.yaml", 1, 12, 1)


@pytest.mark.parametrize(
    ("text", "piece", "line", "column"),
    [
        ("a: one two", "two", 1, 8),
        ("a: 'it''s two'", "two", 1, 11),
        ('a: "tab\\t\\u00e4\\x41 two"', "two", 1, 21),
        ('a: "one\n   two"', "two", 2, 4),
        ('a: "one\\\n   two"', "two", 2, 4),
        ('a: "one\n\n   two"', "two", 3, 4),
        ("a: one\n   two", "two", 2, 4),
        ("a: one\n\n\n   two", "two", 4, 4),
        ("a: |\n  one\n  two", "two", 3, 3),
        ("a: |2\n    one\n  two", "two", 3, 3),
        ("a: >-  # folded\n\n   one\n    more\n\n   two\n", "two", 6, 4),
        ("a: &x  two", "two", 1, 8),
        ("- a: |\r\n    one\r\n    two", "two", 3, 5),
    ],
)
def test_a_piece_of_a_scalar_is_found_in_the_source(
    text: str, piece: str, line: int, column: int
) -> None:
    document = parse(text)
    path: tuple[str | int, ...] = ("a",) if isinstance(document.data, dict) else (0, "a")
    value = document.data["a"] if isinstance(document.data, dict) else document.data[0]["a"]

    location = document.locate(path, value.index(piece), len(piece))

    assert location == Location("w.yaml", line, column, 3)


def test_a_piece_beyond_the_value_or_of_no_text_has_the_nearest_place() -> None:
    document = parse("a: abc\nb: [x]\nc: ''\nd: ''\n")

    assert document.locate(("a",), 99, 5) == Location("w.yaml", 1, 6, 1)
    assert document.locate(("a",), 1, 99) == Location("w.yaml", 1, 5, 2)
    assert document.locate(("b",), 0) == document.location_of(("b",))
    assert document.locate(("c",), 0) == document.location_of(("c",))
    assert document.locate(("b", 7), 0) == document.location_of(("b",))


def test_a_scalar_that_cannot_be_brought_together_with_its_source_is_placed_as_a_whole() -> None:
    document = parse('a: "x \x85 y"')

    assert document.locate(("a",), 2) == document.location_of(("a",))
    assert source_offsets("|", "|", "x") is None
    assert source_offsets("|\n  y", "|", "x") is None


def test_a_problem_shows_its_line_and_hides_what_it_must() -> None:
    document = parse("a: secret\nb: [secret,\n  secret]\n")
    document.hide_value(("a",))
    document.hide_value(("b",))

    problems = [
        document.problem(document.location_of(path), "code", "Message.")
        for path in ((("a",)), ("b",), ("b", 1))
    ]

    assert [problem.line_text for problem in problems] == ["a: ******", "b: ********", "*********"]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "none.yaml", "No such file or directory"),
        (tmp_path, "it is a folder, not a file"),
    ):
        with pytest.raises(DocumentsInvalid) as caught:
            read_document(path, "shown.yaml")

        assert str(caught.value) == (
            f"shown.yaml:1:1: error[unreadable]: The file cannot be read: {reason}."
        )


def test_a_file_is_called_by_its_path_when_nothing_else_is_said(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(b"name: x\r\n")

    document = read_document(path)

    assert document.file == str(path)
    assert document.data == {"name": "x"}


@pytest.mark.parametrize(
    ("content", "place", "code"),
    [
        ("name: ü".encode("utf-16"), "1:1", "not-utf-8"),
        ("name: x".encode("utf-16-le"), "1:1", "not-utf-8"),
        ("name: x".encode("utf-16-be"), "1:1", "not-utf-8"),
        ("name: x\ntext: für".encode("latin-1"), "2:8", "not-utf-8"),
        (b"name: x\n\x00", "2:1", "binary-file"),
        (b"\x89PNG\r\n\x00\xff", "1:1", "binary-file"),
        (b"PK\x03\x04\x00", "1:3", "control-character"),
        (b"name: \x1b[31m", "1:7", "control-character"),
        ("name: \ud800", "1:7", "control-character"),
        (b"", "1:1", "empty-file"),
        (b"\xef\xbb\xbf\n\n", "1:1", "empty-file"),
        (b"---\n", "1:1", "empty-file"),
        (b"x" * (MAX_BYTES + 1), "1:1", "yaml-limit"),
    ],
)
def test_what_is_no_text_for_people_is_refused_at_its_place(
    content: bytes | str, place: str, code: str
) -> None:
    assert refusal(content) == (place, code)


def test_a_line_that_is_not_utf_8_is_shown_with_replacement_characters() -> None:
    (problem,) = refused("name: für\x07 alle\nmore".encode("latin-1"))

    assert problem.line_text == "name: f�r� alle"
    assert problem.message == (
        "Byte 0xfc at position 7 is not UTF-8. Save the file as UTF-8 (in the editor: encoding "
        "“UTF-8”)."
    )


def test_a_file_larger_than_the_limit_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: x\n" * MAX_BYTES)

    with pytest.raises(DocumentsInvalid, match=r"larger than 1 MiB"):
        read_document(path)


@pytest.mark.parametrize("text", ["[" * 101, "a: " * 1 + "{a: " * 100, "- " * 101 + "x"])
def test_more_than_a_hundred_levels_are_refused(text: str) -> None:
    assert refusal(text)[1] == "yaml-limit"


def test_a_hundred_levels_are_read() -> None:
    assert parse("[" * 100 + "]" * 100).root.height == 100


def test_deep_nesting_is_refused_without_deep_recursion() -> None:
    assert refusal("[" * 500_000)[1] == "yaml-limit"


def test_levels_are_counted_through_references_and_merges() -> None:
    deep = "a: &a " + "[" * 60 + "]" * 60

    assert refusal(f"{deep}\nb: " + "[" * 40 + "*a" + "]" * 40)[1] == "yaml-limit"
    assert refusal(f"x: &x\n  {deep}\nb: " + "[" * 39 + "{<<: *x}" + "]" * 39)[1] == "yaml-limit"


def test_values_are_counted_through_references() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )

    place, code = refusal(bomb)

    assert code == "yaml-limit"
    assert place.startswith("5:")


def test_values_are_counted_through_merges() -> None:
    keys = ", ".join(f"k{n}: x" for n in range(1000))
    merges = "".join(f"m{n}: {{<<: *a}}\n" for n in range(100))

    assert refusal(f"a: &a {{{keys}}}\n{merges}")[1] == "yaml-limit"


def test_as_many_values_as_the_limit_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("almaflow.document.tree.MAX_VALUES", 100)

    assert len(parse("[" + "x," * 99 + "]").data) == 99
    assert refusal("[" + "x," * 100 + "]")[1] == "yaml-limit"


def test_problems_that_do_not_stop_the_reading_are_told_together_in_order() -> None:
    problems = refused("a: !x 1\na: 2\nb: *c\nd: {{ x }}\ne: 'open")

    assert [problem.code for problem in problems] == [
        *("yaml-tag", "duplicate-key", "yaml-unknown-anchor"),
        *("yaml-unquoted-template", "yaml-unclosed-quote"),
    ]


def test_the_work_of_reading_grows_in_proportion_to_the_length_of_a_file() -> None:
    step = "  - id: a\n    wait: {for: 10m}  # a comment\n"

    short = calls_made_by(lambda: parse("steps:\n" + step * 25))

    assert calls_made_by(lambda: parse("steps:\n" + step * 100)) < 5 * short


def check_places(text: str) -> None:
    """Check that *text* is read or refused with places that lie in it."""
    lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    try:
        document = parse(text)
        locations = [document.location_of(path) for path in paths(document.data)]
        locations += [document.key_location(path) for path in paths(document.data)]
        locations += [document.locate(path, 3, 4) for path in paths(document.data)]
    except DocumentsInvalid as error:
        locations = [problem.location for problem in error.problems]
    for location in locations:
        line = lines[location.line - 1]
        assert 1 <= location.column <= len(line) + 1
        assert location.column + location.length - 1 <= max(len(line), location.column)


def paths(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    entries: Any = ()
    if isinstance(data, dict):
        entries = data.items()
    elif isinstance(data, list):
        entries = enumerate(data)
    return [path, *(deeper for key, value in entries for deeper in paths(value, (*path, key)))]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_problems(content: bytes) -> None:
    try:
        problems = 0 * len(parse(content).lines)
    except DocumentsInvalid as error:
        problems = len(error.problems)

    assert problems in range(len(content) + 2)


@given(st.text(max_size=200))
@example('"\\U99999999"')
@example("%YAML 1." + "1" * 5000)
def test_any_text_is_read_or_refused_with_places_that_lie_in_it(text: str) -> None:
    check_places(text)


PIECES = st.sampled_from(
    [
        *("a", "b: ", ":", "\n", "\n  ", "\n- ", "- ", "{", "}", "[", "]", ", ", "{{ x }}", "&a "),
        *("*a", "<<: *a", "!x ", "!!str ", "|\n  ", ">-\n ", "'", '"', "\\", "\\U0", " # ", "\t"),
        *("%", "%YAML 1.1\n", "---", "\n---\n", "...", "? ", "@", "* * *", "\x85", "\u2028", "漢"),
        *("\ufeff", "\r\n", "\r", "0x1", "~", "2026-01-01", "\\ud800", "%TAG ! x", "=", " "),
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join))
@example("a: &a {{ x }}\n<<: *a")
@example("---a\nb: ")
def test_any_pieces_of_yaml_are_read_or_refused_with_places_that_lie_in_them(text: str) -> None:
    check_places(text)


def test_a_fault_of_the_parser_that_nobody_foresaw_is_told_in_its_own_words() -> None:
    fault = ParserFailure("while reading | something new", (0, 1), (0, 0))

    assert explain(["abc"], fault) == Mistake(
        "yaml-syntax", "This is not valid YAML: something new.", (0, 1)
    )
