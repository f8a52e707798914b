"""Which members are read from lists and files, and which numbers are not ids."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from almaflow.rounded_numbers import rounded_number
from almaflow.steps.member_source import column_of
from almaflow.steps.result import StepFailed
from tests.harness import Stage


@pytest.mark.parametrize(
    "text",
    [
        *("3.9E+13", "3,9E+13", "3.9031E+13", " 1E+11 ", "3.90e13", "39031000200018.0"),
        *("123456789,00", "#REF!", "#N/A", "#NV", "#BEZUG!", "#NAME?", "#DIV/0!", "########"),
    ],
)
def test_a_number_that_a_spreadsheet_has_changed_is_recognised(text: str) -> None:
    assert rounded_number(text)


@pytest.mark.parametrize(
    "text",
    ["39031000200018", "", "A1E5", "12E3", "BC.123.0", "1.0", "2026-03-01", "3.9E+13A", "#1"],
)
def test_other_texts_may_be_ids(text: str) -> None:
    assert rounded_number(text) == ""


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("39031000200018\n3.9031E+13\n", None),
        ("Barcode;Title\n3,9031E+13;A\n", "Barcode"),
        ("Barcode\n3,9031E+13\n", "Barcode"),
        ("Barcode\n39031000200018,00\n", "Barcode"),
        ('Title,Barcode\n"A\nB",39031000200018.0\n', "Barcode"),
    ],
)
def test_the_line_of_a_rounded_number_is_named(text: str, column: str | None) -> None:
    last = len(text.splitlines())

    with pytest.raises(StepFailed, match=rf"m\.csv, line {last}: "):
        column_of("m.csv", text, column)


@pytest.mark.parametrize(
    "text",
    [
        "Barcode\n39031000200018\n",
        "barcode\n39031000200018\n",
        "BARCODE ,Title\n39031000200018,A\n",
        "sep=;\nBarcode;Title\n39031000200018;A\n",
        '"sep=;"\nBarcode;Title\n39031000200018;A\n',
        "Barcode,Title\n'39031000200018,A\n",
        'Barcode,Title\n"=""39031000200018""",A\n',
        'Barcode,Title\n="39031000200018",A\n',
        "Barcode\n\u200b39031000200018\u00a0\n",
        "Barcode|Title\n39031000200018|A\n",
        "Barcode;Title\n39.031.000.200.018;A\n",
        'Barcode,Title\n"39,031,000,200,018",A\n',
    ],
)
def test_a_column_is_read_as_spreadsheets_write_it(text: str) -> None:
    assert column_of("m.csv", text, "Barcode") == ["39031000200018"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("39031000200018\n39031000200026\n", "remove `column`"),
        ("Barcode,Barcode\n1,2\n", "2 columns `Barcode`"),
        ("barcode,BARCODE\n1,2\n", "2 columns `Barcode`"),
        ("Title\nA\n", "its columns are `Title`."),
        ("Items of 2026\n\nTitle;Barcode\nA;1\n", "`Barcode` in line 3"),
        ("<table><tr><td>Barcode</td></tr></table>", "save it as CSV (UTF-8)"),
        ('Title,Barcode\n"A "B" C",1\n', "is written twice"),
    ],
)
def test_a_column_that_cannot_be_chosen_is_refused(text: str, advice: str) -> None:
    with pytest.raises(StepFailed) as refused:
        column_of("m.csv", text, "Barcode")

    assert advice in str(refused.value)


@pytest.mark.parametrize(
    ("column", "heading"), [("2", "Barcode"), ("B", "Barcode"), ("a", "Title")]
)
def test_a_column_named_by_its_position_leads_to_its_heading(column: str, heading: str) -> None:
    with pytest.raises(StepFailed, match=f"`column: {heading}`"):
        column_of("m.csv", "Title,Barcode\nA,1\n", column)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Barcode;Title\n39031000200018;A\n", "`column: Barcode`"),
        ("39031000200018,A\n39031000200026,B\n", "`column: …`"),
        ('"MMS Id"\n"9912345678901234"\n', "`MMS Id` is a heading"),
    ],
)
def test_a_table_is_not_read_as_one_id_a_line(text: str, advice: str) -> None:
    with pytest.raises(StepFailed) as refused:
        column_of("m.csv", text, None)

    assert advice in str(refused.value)


def test_ids_in_lines_may_have_quotes_and_separators_at_their_ends() -> None:
    text = '"39031000200018"\n39031000200026,\n=39031000200034\nsmith\n'

    found = column_of("m.csv", text, None)

    assert found == ["39031000200018", "39031000200026", "39031000200034", "smith"]


@pytest.mark.parametrize("members", ["{file: m.csv, column: id}", "'{{ inputs.ids }}'"])
def test_a_rounded_number_is_refused_before_the_set_is_made(
    members: str, set_stage: Callable[..., Stage]
) -> None:
    stage = set_stage()
    (stage.folder / "m.csv").write_text("id\n3.9E+13\n")

    played = stage.run(
        f"""
        inputs: {{ids: {{type: list, default: ["3.9E+13"]}}}}
        steps:
          - create_set:
              name: ours
              content: ITEM
              id_type: BARCODE
              members: {members}
        """
    )

    assert played.ended[0] == "failed"
    assert "ours" not in stage.alma.sets("main")
