"""`csv_rows` and `group_by`: a file as rows, and the rows of one value together."""

from __future__ import annotations

from pathlib import Path

import pytest

from almaflow.steps.csv_rows import read_rows
from almaflow.steps.result import StepFailed
from tests.harness import Stage


@pytest.mark.parametrize(
    "text",
    [
        "barcode,institution\n0012,north\n0013,south\n",
        "barcode;institution\r\n0012;north\r\n\r\n0013;south\r\n",
        "barcode\tinstitution\n0012\t north\n0013\tsouth",
        'barcode,institution,\n0012,"north",\n0013,south,,\n',
    ],
)
def test_a_file_is_read_as_rows_by_heading(text: str) -> None:
    assert read_rows("a.csv", text, None) == [
        {"barcode": "0012", "institution": "north"},
        {"barcode": "0013", "institution": "south"},
    ]


def test_only_the_columns_that_are_asked_for_are_kept_and_missing_cells_are_empty() -> None:
    rows = read_rows("a.csv", "a,b,c\n1,2,3\n4\n", ["c", "a"])

    assert rows == [{"c": "3", "a": "1"}, {"c": "", "a": "4"}]


@pytest.mark.parametrize(
    ("text", "columns", "told"),
    [
        ("", None, "a.csv, line 1: "),
        ("\n1,2\n", None, "a.csv, line 1: "),
        ("a,a\n1,2\n", None, "a.csv, line 1: two columns have the heading `a`"),
        ("a,b\n1,2\n", ["c"], "a.csv has no column `c`; its columns are `a`, `b`."),
        ("a,b\n1,2\n3,4,5\n", None, "a.csv, line 3: the row has 3 values"),
        ("a,\n1,2\n", None, "a.csv, line 2: a value is in a column without a heading"),
        ('a,b\n1,2\n"3,4\n', None, "a.csv cannot be read as a CSV file, after line 2: "),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_line(
    text: str, columns: list[str] | None, told: str
) -> None:
    with pytest.raises(StepFailed) as failed:
        read_rows("a.csv", text, columns)

    assert str(failed.value).startswith(told)


@pytest.mark.parametrize(("bound", "value"), [("MOST_ROWS", 2), ("LARGEST_OUTPUT", 20)])
def test_a_file_with_too_much_in_it_fails(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    monkeypatch.setattr(f"almaflow.steps.csv_rows.{bound}", value)

    with pytest.raises(StepFailed):
        read_rows("a.csv", "a\n1\n2\n3\n", None)


def test_the_rows_of_a_file_make_a_set_for_each_value_of_a_column(stage: Stage) -> None:
    Path(stage.folder, "moved.csv").write_text(
        "barcode,library\n39001,north\n39002,south\n39003,north\n", "utf-8"
    )

    played = stage.run("""
        steps:
          - id: moved
            csv_rows: moved.csv
          - id: each
            for_each:
              items: steps.moved.rows | group_by('library')
              as: group
              steps:
                - id: them
                  create_set:
                    name: "moved {{ group.key }}"
                    content: ITEM
                    members: "{{ group['items'] | map(attribute='barcode') | list }}"
                    id_type: BARCODE
    """)

    assert (played.outcome, played.steps["moved"]["count"]) == ("succeeded", 3)
    results = played.steps["each"]["results"]
    counts = [one["steps"]["them"]["member_count"] for one in results]
    assert ([one["item"]["key"] for one in results], counts) == (["north", "south"], [2, 1])


def test_a_file_that_is_not_there_or_outside_of_the_project_fails(stage: Stage) -> None:
    for name in ("missing.csv", "../outside.csv"):
        played = stage.run("inputs: {name: }\nsteps: [{csv_rows: '{{ inputs.name }}'}]", name=name)

        assert played.outcome == "failed"
