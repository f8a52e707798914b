"""Both parsers make the same document of a text: libyaml's where it is asked, and ruamel.yaml's."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from almaflow.document import MAX_BYTES, Document, events, parse_document
from almaflow.document.events import Event, SyntaxWrong, events_of
from almaflow.document.source import Node
from almaflow.errors import DocumentsInvalid
from tests.examples import examples
from tests.fuzz.text_mutations import mutated_text

ROOT = Path(__file__).parent.parent
FILES = sorted(path for room in ("tests", "workflows") for path in (ROOT / room).rglob("*.yaml"))

IN_BRACKETS = [
    *("[", "]", "{", "}", "[]", "{}", ",", ":", ": ", " :", "?", "? ", "-", "- ", "[a", "{a: b"),
    *("a", "b", '"x"', "'y'", " ", "\n", "#c\n", " # c\n", "&a ", "*a", "*a ", "*a:", "!t ", "\t"),
]
IN_BLOCKS = [
    *("|", ">", "-", "+", "1", "2", "9", " ", "  ", "\n", "\r\n", "\r", "\n\n", "\n  ", "\n    "),
    *("x", "y z", "# c", " # c", "k: ", "k:\n", "- ", ": ", "? ", "&a ", "*a", "<<: *a\n", "!t "),
    *('"', "'", "''", "\\", "\\\n", "\\u00e9", "\\x41", "é", "😀", "\xa0", "~", "a:b", "a #b"),
    *(
        "...",
        "---",
        "\n---\n",
        "\n...\n",
        "--- ",
        "\n%",
        "@",
        "`",
        "\t",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *("{{ x }}", "[a, b]", "{a: b}", "\nk: v", "\n- v", "a\nb", '"a\n b"', "'a\n\n b'"),
]
BEGINS = ["", "[", "{", "a: [", "- {", "k: ", "- ", "k: |", "k: >", "a:\n  k: |", "- k: v\n  l: "]


def outcome(text: bytes | str) -> Any:
    try:
        document = parse_document(text, "w.yaml")
    except DocumentsInvalid as error:
        return error.problems
    return repr(document.data), shape(document.root), document.findings


def shape(root: Node) -> Iterable[object]:
    """Return everything about the nodes of a tree, in an order of their own."""
    return [
        (node.span, node.value, node.style, node.size, node.height, node.keys, list(node.children))
        for node in root.walk()
    ]


def outcome_of_ruamel(text: bytes | str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "_HAS_LIBYAML", False)
        return outcome(text)


def texts(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda begin, rest: begin + "".join(rest),
        st.sampled_from(BEGINS),
        st.lists(st.sampled_from(pieces), min_size=1, max_size=12),
    )


@given(texts(IN_BRACKETS) | texts(IN_BLOCKS))
@settings(max_examples=examples(400))
@example("[{a: b}: c]")
@example("[{}:[]]")
@example('["x":c]')
@example("{? }")
@example("{a: {?  :}}")
@example("*a:")
@example("- &a:\n- *a:\n")
@example("k: &a !t v\n")
@example("name: !!x!y z\n")
@example("k: |#\n  x\n")
@example("k: |\n \n   x\n")
@example("|\n---\nx\n")
@example(">\n# c\n")
@example("k:\n...\n...\n")
@example("a: 1\n---\nb: 2\n")
@example("k: v\t# c\n")
@example("k: a\u2028b\n")
@example("k:\n- \n-   # c\n-\nl:\n")
@example("[" * 101 + "@")
@example("k: " + "[" * 2000 + "@")
@example("k: '" + "[" * 2000 + "'")
@example("# " + "[" * 2000 + "\nk: v")
@example("- " * 101 + "[")
@example("\ufeffk: \ufeff")
def test_a_text_is_the_same_document_to_both_parsers(text: str) -> None:
    assert outcome(text) == outcome_of_ruamel(text)


@given(st.sampled_from(FILES), st.integers(min_value=0))
@settings(max_examples=examples(60))
def test_a_changed_file_is_the_same_document_to_both_parsers(path: Path, seed: int) -> None:
    lines = path.read_text("utf-8", "replace").splitlines(keepends=True)
    begin = random.Random(seed).randrange(len(lines) + 1)
    text = mutated_text("".join(lines[begin : begin + 40]), random.Random(seed))

    assert outcome(text) == outcome_of_ruamel(text)


def test_every_file_here_is_the_same_document_to_both_parsers() -> None:
    contents = [path.read_bytes() for path in FILES]

    assert [path for path, content in zip(FILES, contents, strict=True) if differs(content)] == []


def differs(content: bytes) -> bool:
    return bool(outcome(content) != outcome_of_ruamel(content))


def test_an_ordinary_file_is_read_without_ruamel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_events_of_ruamel", None)

    document = parse_document(
        "# A comment\n---\nname: w\nvars: &v {a: 1, b: [x, 'y']}\nmore:\n  <<: *v\n"
        'text: |\n  {{ a }}\n\nempty:\nsteps:\n- check: "a if b else c"\n-\n',
        "w.yaml",
    )

    assert isinstance(document, Document)
    assert list(document.data) == ["name", "vars", "more", "text", "empty", "steps"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[ " * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "[a, " * 100_000,
        "[" + "a," * 200_000,
        "- a\n" * 250_000,
        "&a " * 100_000,
        "'" + "\n" * 50_000,
        "#" * MAX_BYTES,
        "a: !" + "x" * 900_000 + " b\n",
        "a: |" + " " * 900_000 + "x\n",
        'a: "' + " | b" * 200_000 + '": c\n',
    ],
    ids=lambda text: text[:6],
)
def test_a_hostile_text_ends_soon_with_a_problem(text: str) -> None:
    with pytest.raises(DocumentsInvalid):
        parse_document(text, "w.yaml")


def test_lists_and_mappings_within_a_key_are_one_mistake() -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        parse_document("? " * 50 + "a\n", "w.yaml")

    assert [problem.code for problem in caught.value.problems] == ["yaml-key"]


def test_what_libyaml_refuses_is_explained_by_ruamel() -> None:
    found: list[Event] = []

    with pytest.raises(SyntaxWrong) as caught:
        found.extend(events_of("a: [1, 2\nb: 3\n"))

    assert caught.value.at == 10
    assert caught.value.context == 3
