"""Texts on a terminal: their width, cutting, tables that fit."""

from __future__ import annotations

import pytest

from almaflow.cli.render.terminal import wrapped
from almaflow.cli.render.text_layout import cut, on_one_line, padded, table, width

ROWS = [
    ("20261101-013000-k7x2q", "a-workflow-with-a-long-name", "an error that goes on and on and on"),
    ("20261101-013000-aaaaa", "書架", ""),
]


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("é", 1), ("e\u0301", 1), ("書架", 4), ("\t", 1)]
)
def test_the_width_is_in_columns_of_the_terminal(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "cut_to"),
    [
        ("short", 5, "short"),
        ("longer text", 8, "longer…"),
        ("書架書架", 5, "書架…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_what_is_too_wide_is_cut_with_an_ellipsis(text: str, columns: int, cut_to: str) -> None:
    assert cut(text, columns) == cut_to


def test_one_line_has_nothing_that_moves_the_cursor() -> None:
    assert on_one_line("a\n  b\x1b[2J\u202e") == "a b\\x1b[2J\\u202e"


def test_padding_counts_columns_not_characters() -> None:
    assert padded("書", 4) + "|" == "書  |"


def test_a_table_is_as_wide_as_it_gets_where_nothing_limits_it() -> None:
    lines = table(("RUN", "NAME", "REMARK"), ROWS, columns=None, flexible=(1, 2))

    assert lines == [
        "RUN                    NAME                         REMARK",
        "20261101-013000-k7x2q  a-workflow-with-a-long-name  an error that goes on and on and on",
        "20261101-013000-aaaaa  書架",
    ]


def test_a_table_fits_by_cutting_the_widest_of_what_may_be_cut() -> None:
    lines = table(("RUN", "NAME", "REMARK"), ROWS, columns=60, flexible=(1, 2))

    assert lines[1] == "20261101-013000-k7x2q  a-workflow-with-…  an error that goe…"
    assert all(width(line) <= 60 for line in lines)


def test_ids_are_never_cut() -> None:
    lines = table(("RUN", "NAME", "REMARK"), ROWS, columns=20, flexible=(1, 2))

    assert lines[1] == "20261101-013000-k7x2q  a-workf…  an erro…"


def test_a_table_with_nothing_to_cut_stays_as_it_is() -> None:
    assert table(("RUN",), [("abcdef",)], columns=3) == ["RUN", "abcdef"]


def test_text_for_a_terminal_breaks_between_words_and_keeps_its_indentation() -> None:
    text = "  Alma refused the request:\n\n    api_key: env:ALMA_API_KEY_MAIN_LIBRARY_ONE"

    assert wrapped(text, 22) == (
        "  Alma refused the\n  request:\n\n    api_key:\n    env:ALMA_API_KEY_MAIN_LIBRARY_ONE"
    )
    assert wrapped(text, None) == text
