"""`create_set`: what is made in Alma, how it is filled, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.store import EntryState
from tests.harness import Process, Stage

BARCODES = [f"39031{number:09}" for number in range(1, 2503)]
QUERY = 'BIB_MMS where BIB_MMS ((all CONTAIN \\"{{ inputs.word }}\\"))'


def made(stage: Stage, name: str) -> int:
    """Return how many members the set of that name has."""
    return stage.alma.sets("main")[name]


def itemized(members: str, *more: str) -> str:
    lines = "\n".join(f"      {line}" for line in ("id_type: BARCODE", *more))
    return f"""
steps:
  - id: items
    create_set:
      name: ours
      content: ITEM
      members: {members}
{lines}
"""


def test_a_logical_set_is_made_of_its_query(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"members": [{"query": "*withdrawn*", "count": 321}]})

    played = stage.run(
        f"""
        inputs: {{word: {{type: string}}}}
        steps:
          - id: titles
            create_set:
              name: "titles {{{{ inputs.word }}}}"
              content: BIB_MMS
              query: "{QUERY}"
              description: "made by {{{{ run.id }}}}"
              private: true
        """,
        word="withdrawn",
    )

    assert played.ended == ("succeeded", "")
    titles = played.steps["titles"]
    assert (titles["name"], titles["member_count"], titles["rejected"]) == (
        "titles withdrawn",
        321,
        0,
    )
    alma_set = stage.alma.institution("main").sets[titles["set_id"]]
    assert (alma_set.query, alma_set.private) == (
        'BIB_MMS where BIB_MMS ((all CONTAIN "withdrawn"))',
        True,
    )
    assert alma_set.description == f"made by {played.record.id}"


def test_the_operators_of_a_query_may_be_in_lower_case(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - id: items
            create_set:
              name: ours
              content: ITEM
              query: >-
                ITEM Where ITEM ((a CONTAIN "this and that") and ITEM (b NOT_EMPTY) Or
                ITEM (c EQUAL "x"))
        """
    )

    assert played.outcome == "succeeded"
    alma_set = stage.alma.institution("main").sets[played.steps["items"]["set_id"]]
    assert alma_set.query == (
        'ITEM where ITEM ((a CONTAIN "this and that") AND ITEM (b NOT_EMPTY) OR ITEM (c EQUAL "x"))'
    )


def test_spaces_around_a_name_are_left_out_and_invisible_characters_refused(stage: Stage) -> None:
    text = """
        inputs: {{name: {{type: string}}}}
        steps:
          - create_set: {{name: "{{{{ inputs.name }}}}", content: ITEM, members: []}}
        """.replace("{{", "{").replace("}}", "}")

    assert stage.run(text, name=" ours ").outcome == "succeeded"
    refused = stage.run(text, name="the\u202eirs")

    assert "ours" in stage.alma.sets("main")
    assert "invisible character U+202E" in refused.record.error
    assert not [name for name in stage.alma.sets("main") if name.startswith("the\u202e")]


def test_a_value_may_not_bring_a_quotation_mark_into_a_query(stage: Stage) -> None:
    played = stage.run(
        f"""
        inputs: {{word: {{type: string}}}}
        steps:
          - create_set: {{name: ours, content: BIB_MMS, query: "{QUERY}"}}
        """,
        word='x") OR BIB_MMS (all CONTAIN "y',
    )

    assert played.ended == (
        "failed",
        'Step create_set-1: The value of a template in `query` contains a quotation mark ("), '
        "which would change the meaning of the query. Nothing was created.",
    )
    assert stage.sent("create_set") == 0


def test_members_of_a_list_are_added_without_blanks_and_repeats(stage: Stage) -> None:
    first, second = BARCODES[:2]

    played = stage.run(itemized(f'["{first}", " {second} ", "", "{first}"]'))

    assert played.outcome == "succeeded"
    assert played.steps["items"]["member_count"] == 2
    assert played.steps["items"]["rejected"] == 0
    assert made(stage, "ours") == 2
    assert stage.alma.institution("main").set_named("ours").private is False  # type: ignore[union-attr]


def test_no_members_make_an_empty_set(stage: Stage) -> None:
    played = stage.run(itemized("[]"))

    assert played.outcome == "succeeded"
    assert played.steps["items"]["member_count"] == 0
    assert made(stage, "ours") == 0
    assert stage.sent("edit_members") == 0


def test_members_come_from_the_column_of_a_file(stage: Stage) -> None:
    rows = "".join(f'{barcode};"a title; with ""quotes"""\n' for barcode in BARCODES[:3])
    stage.write("items.csv", "\ufeffbarcode ;title\n" + rows + "\n;no barcode\nshort\n")

    played = stage.run(itemized("{file: items.csv, column: barcode}", "on_invalid: skip"))

    assert played.outcome == "succeeded"
    assert made(stage, "ours") == 4


def test_members_come_from_the_lines_of_a_file(stage: Stage) -> None:
    stage.write("items.txt", "\n".join([*BARCODES[:3], "", BARCODES[0]]))

    played = stage.run(itemized("{file: 'items.{{ \"txt\" }}'}"))

    assert played.outcome == "succeeded"
    assert made(stage, "ours") == 3


@pytest.mark.parametrize(
    ("content", "column", "told"),
    [
        (
            b"title,year\n",
            "barcode",
            "items.csv has no column `barcode`; its columns are `title`, `year`.",
        ),
        (b'barcode\n"a"b\n', "barcode", "items.csv cannot be read as a CSV file: "),
        (
            b"barcode\n\xff\xfe\n",
            "barcode",
            "items.csv cannot be read: byte 0xff at position 8 is not UTF-8",
        ),
        (None, "barcode", "items.csv cannot be read: No such file or directory."),
    ],
)
def test_a_file_that_cannot_be_read_fails_the_step(
    stage: Stage, content: bytes | None, column: str, told: str
) -> None:
    file = stage.write("items.csv", "")
    if content is not None:
        file.write_bytes(content)
    stage.add(itemized(f"{{file: items.csv, column: {column}}}"))
    if content is None:
        file.unlink()

    played = stage.resume()

    assert played.outcome == "failed"
    assert told in played.record.error
    assert stage.sent("edit_members") == 0


def test_a_file_outside_the_project_is_not_read(stage: Stage) -> None:
    played = stage.run(itemized("{file: \"{{ '../' + 'x.txt' }}\"}"))

    assert played.outcome == "failed"
    assert "x.txt" in played.record.error
    assert stage.sent("edit_members") == 0


def test_an_empty_file_gives_an_empty_set(stage: Stage) -> None:
    stage.write("items.csv", "")

    played = stage.run(itemized("{file: items.csv, column: barcode}"))

    assert played.outcome == "succeeded"
    assert made(stage, "ours") == 0


def test_members_come_from_an_expression(stage: Stage) -> None:
    workflow = itemized('"{{ inputs.items }}"') + "inputs: {items: {type: list}}\n"

    played = stage.run(workflow, items=BARCODES[:4])

    assert played.outcome == "succeeded"
    assert made(stage, "ours") == 4


def test_text_that_an_expression_gives_is_one_member_a_line(stage: Stage) -> None:
    workflow = itemized('"{{ inputs.items }}"') + "inputs: {items: {type: string}}\n"

    played = stage.run(workflow, items="\n".join(BARCODES[:4]))

    assert made(stage, "ours") == 4
    assert played.outcome == "succeeded"


def test_an_expression_that_gives_no_list_fails_the_step(stage: Stage) -> None:
    workflow = itemized('"{{ inputs.items }}"') + "inputs: {items: {type: integer}}\n"

    played = stage.run(workflow, items=7)

    assert played.ended == (
        "failed",
        "Step items: `members` must be a list of ids, but this is int.",
    )


def test_more_than_a_thousand_members_go_in_batches(stage: Stage) -> None:
    stage.write("items.txt", "\n".join(BARCODES))

    played = stage.run(itemized("{file: items.txt}"))

    assert played.outcome == "succeeded"
    assert played.steps["items"]["member_count"] == 2502
    assert made(stage, "ours") == 2502
    sizes = [
        len(json.loads(one.body)["members"]["member"])
        for one in stage.alma.received("edit_members")
    ]
    assert sizes == [1000, 1000, 502]
    assert [played.state("items", f"add-{number}") for number in (1, 2, 3)] == (
        [EntryState.DONE] * 3
    )


def test_a_member_that_alma_does_not_know_fails_the_step(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"unknown_members": ["39031000000002"]})

    played = stage.run(itemized(json.dumps(BARCODES[:3])))

    assert played.outcome == "failed"
    assert "A member ID is not valid for the content and identifier (code 60120" in (
        played.record.error
    )
    assert "Check the ids, and check that `content` and `id_type` match them." in (
        played.record.error
    )
    assert played.steps["items"]["set_id"]


def test_a_member_that_alma_does_not_know_may_be_left_out(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"unknown_members": ["39031000000002", "39031000001500"]})
    stage.write("items.txt", "\n".join(BARCODES))

    played = stage.run(itemized("{file: items.txt}", "on_invalid: skip"))

    assert played.outcome == "succeeded"
    assert played.steps["items"]["member_count"] == 2500
    assert played.steps["items"]["rejected"] == 2


COPY = """
steps:
  - id: source
    create_set: {name: source, content: BIB_MMS, query: 'BIB_MMS where BIB_MMS ((all CONTAIN "x"))'}
  - id: copy
    create_set: {name: copy, content: BIB_MMS, from_set: "{{ steps.source.set_id }}"}
"""


def test_a_copy_of_a_set_is_waited_for_until_it_is_filled(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"members": [{"set": "source", "count": 3000}], "alma": {"fill_rate": 40}})

    played = stage.run(COPY)

    assert played.outcome == "succeeded"
    assert played.steps["copy"]["member_count"] == 3000
    assert 75 <= played.steps["copy"]["seconds"] <= 90
    assert any(told.startswith("Alma is filling the set: ") for told in played.said_waiting)


def test_a_copy_that_stands_still_counts_as_filled(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"members": [{"set": "source", "count": 3000}]})

    async def shrink(process: Process) -> None:
        await process.wait(seconds=1)
        copy = stage.alma.institution("main").set_named("copy")
        assert copy is not None
        copy.members.discard(list(copy.members)[:10])

    played = stage.run(COPY, beside=shrink)

    assert played.outcome == "succeeded"
    assert played.steps["copy"]["member_count"] == 2990
    assert 120 <= played.steps["copy"]["seconds"] <= 150


def twice(if_exists: str, second: str = "content: BIB_MMS") -> str:
    query = "query: 'BIB_MMS where BIB_MMS ((all CONTAIN \"x\"))'"
    if "ITEM" in second:
        query = "members: []"
    return f"""
steps:
  - id: first
    create_set: {{name: ours, content: BIB_MMS, query: 'BIB_MMS where BIB_MMS ((all CONTAIN "x"))'}}
  - id: second
    create_set: {{name: ours, {second}, {query}{if_exists}}}
"""


def test_a_set_of_the_same_name_fails_the_step(stage: Stage) -> None:
    played = stage.run(twice(""))

    assert played.ended == (
        "failed",
        f"Step second: A set named `ours` already exists ({played.steps['first']['set_id']}). "
        "Put `{{ run.id }}` into the name, or use `if_exists: reuse` or `if_exists: replace`.",
    )


def test_a_set_of_the_same_name_may_be_used(stage: Stage) -> None:
    played = stage.run(twice(", if_exists: reuse"))

    assert played.outcome == "succeeded"
    assert played.steps["second"]["set_id"] == played.steps["first"]["set_id"]
    assert played.steps["second"]["member_count"] == played.steps["first"]["member_count"]
    assert stage.done("create_set") == 1


def test_a_set_of_another_kind_is_not_used(stage: Stage) -> None:
    played = stage.run(twice(", if_exists: reuse", "content: ITEM"))

    set_id = played.steps["first"]["set_id"]
    assert played.ended == (
        "failed",
        f"Step second: A set named `ours` ({set_id}) exists, but its type and content are "
        "LOGICAL and BIB_MMS, not ITEMIZED and ITEM.",
    )


def test_a_set_of_the_same_name_may_be_replaced(stage: Stage) -> None:
    played = stage.run(twice(", if_exists: replace"))

    assert played.outcome == "succeeded"
    assert played.steps["second"]["set_id"] != played.steps["first"]["set_id"]
    assert list(stage.new_sets()) == ["ours"]
    assert (stage.done("create_set"), stage.done("delete_set")) == (2, 1)


def test_a_replaced_set_that_is_gone_meanwhile_is_fine(set_stage: Callable[..., Stage]) -> None:
    # The answer of the deletion is lost; sent again, Alma says that there is no such set.
    stage = set_stage({"faults": [{"kind": "lose_answer", "call": "delete_set", "nth": 1}]})

    played = stage.run(twice(", if_exists: replace"))

    assert played.outcome == "succeeded"
    assert stage.sent("delete_set") == 2
    assert played.state("second", "remove") is EntryState.REFUSED


def test_another_refusal_of_the_deletion_fails_the_step(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "call": "delete_set", "status": 400, "code": "402282"}
    stage = set_stage({"faults": [fault]})

    played = stage.run(twice(", if_exists: replace"))

    assert played.outcome == "failed"
    assert "402282" in played.record.error
    assert stage.done("create_set") == 1


def test_a_name_that_only_alma_knows_of_is_explained(set_stage: Callable[..., Stage]) -> None:
    hidden = {"name": "ours", "private": True, "content": "ITEM"}
    played = set_stage({"sets": [hidden]}).run(itemized("[]"))

    assert played.ended == (
        "failed",
        "Step items: A set named `ours` already exists in Alma, but it does not appear in "
        "search results; it may be private. Choose a different name.",
    )


def test_another_refusal_of_the_creation_has_alma_s_words(set_stage: Callable[..., Stage]) -> None:
    played = set_stage().run(
        """
        inputs: {query: {default: "ITEM where ITEM ((all EMPTY))"}}
        steps:
          - create_set: {name: ours, content: BIB_MMS, query: "{{ inputs.query }}"}
        """
    )

    assert played.outcome == "failed"
    assert "code 402269, tracking id E01-" in played.record.error
    assert "Begin the query with the set's `content`." in played.record.error


def test_a_set_that_an_earlier_attempt_made_gives_way_to_a_new_one(
    set_stage: Callable[..., Stage],
) -> None:
    # The second batch of the first attempt is refused, so the first set is filled by half.
    fault = {"kind": "status", "call": "add_members", "nth": 2, "status": 400, "code": "60116"}
    stage = set_stage({"faults": [fault]})
    stage.write("items.txt", "\n".join(BARCODES))
    workflow = itemized("{file: items.txt}", "if_exists: reuse") + "    retry: {attempts: 2}\n"

    played = stage.run(workflow)

    assert played.outcome == "succeeded"
    assert played.steps["items"]["attempts"] == 2
    assert made(stage, "ours") == 2502
    assert (stage.done("create_set"), stage.done("delete_set")) == (2, 1)


def test_a_set_is_made_anew_only_where_the_earlier_attempt_made_one(
    set_stage: Callable[..., Stage],
) -> None:
    fault = {"kind": "status", "call": "create_set", "nth": 1, "status": 400, "code": "402265"}
    stage = set_stage({"faults": [fault]})

    played = stage.run(itemized(json.dumps(BARCODES[:3])) + "    retry: {attempts: 3}\n")

    assert played.outcome == "succeeded"
    assert (stage.done("create_set"), stage.sent("delete_set")) == (1, 0)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            "name: x, content: ITEM",
            "`create_set` needs exactly one of `query`, `members`, `from_set`, `from_run` and "
            "`combine`.",
        ),
        ("name: x, content: ITEM, members: [], from_set: '1'", "`create_set` needs exactly one of"),
        (
            "name: x, content: ITEM, from_set: '1', id_type: BARCODE",
            "`id_type` requires `members`.",
        ),
        (
            "name: x, content: ITEM, members: {column: a}",
            "`members` must be a list, `{file, column}` or",
        ),
        ("name: x, content: ITEM, members: {items: [], column: a}", "`column` requires `file`."),
        (
            "name: x, content: ITEM, members: [], id_type: ISBN",
            "Sets of ITEM do not support `id_type: ISBN`. Use `BARCODE`, or omit `id_type`",
        ),
        (
            "name: x, content: PO_LINE, members: [], id_type: BARCODE",
            "Sets of PO_LINE do not support `id_type: BARCODE`. Omit `id_type`.",
        ),
        (
            "name: x, content: ITEM, from_run: {run: '1', population: X}",
            "`from_run` creates a set of titles. Use `content: BIB_MMS`.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(stage: Stage, keys: str, told: str) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        stage.run(f"steps: [{{create_set: {{{keys}}}}}]")

    assert told in str(caught.value)
