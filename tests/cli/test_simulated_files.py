"""`fetch_files` in simulations: made-up files have what the workflow's steps read of them."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Almaflow, Typed, Write

FETCH = "{id: f, fetch_files: {folder: /srv, pattern: '%s', to: in}}, "

# One workflow a line: what is fetched, and the steps that read it.
FETCHED = {
    "rows": FETCH % "*.csv" + "{id: c, csv_rows: {file: '{{ steps.f.files[0] }}', "
    "columns: [barcode, Home library]}}, {check: steps.c.count > 0}, "
    "{check: \"steps.c.rows[0].barcode != ''\"}",
    "columns that expressions read": FETCH % "*.csv"
    + "{id: c, csv_rows: '{{ steps.f.files | first }}'}, {for_each: {items: steps.c.rows, as: row, "
    "steps: [{notify: '{{ row.mms_id }} {{ row.title }}'}]}}, "
    "{check: \"steps.c.rows | selectattr('status', 'equalto', 'LOST') | list | length > 3\"}",
    "groups": FETCH % "moved-?.csv" + "{id: c, csv_rows: {file: 'in/moved-1.csv'}}, "
    "{for_each: {items: \"steps.c.rows | group_by('library')\", as: group, steps: ["
    "{create_set: {name: 'moved {{ group.key }}', content: ITEM, id_type: BARCODE, "
    "members: \"{{ group['items'] | map(attribute='item barcode') | list }}\"}}]}}",
    "a column of members": FETCH % "x.csv" + "{id: s, create_set: {name: a, content: BIB_MMS, "
    "members: {file: in/x.csv, column: MMS Id}}}, {check: steps.s.member_count == 4}",
    "lines": FETCH % "x.txt" + "{id: s, create_set: {name: a, content: USER, "
    "members: {file: '{{ steps.f.files[0] }}'}}}, {check: steps.s.member_count > 50}",
    "every file": FETCH % "*.csv" + "{for_each: {items: steps.f.files, as: file, steps: ["
    "{id: c, csv_rows: '{{ file }}'}, {check: '(steps.c.rows[0].count | int) > 5'}]}}",
    "two readers": FETCH % "a.csv" + "{csv_rows: {file: in/a.csv, columns: [a, 'b;c']}}, "
    "{create_set: {name: a, content: ITEM, members: {file: './in/a.csv', column: d}}}",
    "a date in the name": FETCH.replace("'%s'", "\"x-{{ today | date('%Y') }}.csv\"")
    + "{csv_rows: {file: \"in/x-{{ today | date('%Y') }}.csv\", columns: [a]}}",
}  # fmt: skip


def simulated(almaflow: Almaflow, write: Write, steps: str) -> Typed:
    write("w.yaml", f"name: w\nsteps: [{steps}]\n")
    return almaflow("run", "w.yaml", "--simulate", "--json")


@pytest.mark.parametrize("name", FETCHED)
def test_a_made_up_file_has_what_is_read_of_it(almaflow: Almaflow, write: Write, name: str) -> None:
    typed = simulated(almaflow, write, FETCHED[name])

    assert [step["error"] for step in typed.json["steps"] if step["error"]] == []
    assert typed.code == 0


@pytest.mark.parametrize("name", ["rows", "groups", "a column of members", "lines", "two readers"])
def test_so_has_a_file_of_a_scenario_without_content(
    almaflow: Almaflow, write: Write, name: str
) -> None:
    names = ["x.csv", "moved-1.csv", "x.txt", "a.csv"]
    entries = ", ".join(f"{{name: {one}}}" for one in names)
    write("w.scenario.yaml", f"files: [{entries}]\n")

    typed = simulated(almaflow, write, FETCHED[name])

    assert [step["error"] for step in typed.json["steps"] if step["error"]] == []


def test_a_called_workflow_reads_the_file_that_the_caller_fetched(
    almaflow: Almaflow, write: Write
) -> None:
    write(
        "load.yaml",
        "inputs: {file: {type: string}}\n"
        "steps: [{id: c, csv_rows: '{{ inputs.file }}'}, {check: \"steps.c.rows[0].a == 'b'\"}]\n",
    )

    typed = simulated(
        almaflow,
        write,
        FETCH % "*.csv" + "{call: {workflow: load, inputs: {file: '{{ steps.f.files[0] }}'}}}",
    )

    assert typed.code == 0, typed.out
