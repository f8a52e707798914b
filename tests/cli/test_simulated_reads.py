"""`get` in simulations: whatever path a file names has what the file's expressions ask for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Almaflow, Typed, Write

# One workflow a line: steps that read something and use what they read.
READS = {
    "a user": "[{id: g, get: /users/jdoe}, {check: \"steps.g.body.first_name != ''\"}, "
    "{check: 'steps.g.body.user_group.value == \"STAFF\"'}]",
    "an unused vendor": "[{get: /acq/vendors/YBP}]",
    "funds": "[{id: g, get: {path: /acq/funds, query: {limit: '5'}, "
    'select: "fund[?available_balance.sum < `100`].code"}}, '
    "{for_each: {items: steps.g.value, steps: [{check: 'item is defined'}]}}, "
    "{check: (steps.g.value | length) > 2}]",
    "all pages": "[{id: g, get: {path: /acq/po-lines, all: true}}, "
    "{check: steps.g.body.total_record_count == 250}, "
    "{check: (steps.g.body.po_line | map(attribute='number') | unique | list | length) == 250}]",
    "all pages without a list": "[{get: {path: /acq/invoices, all: true}}]",
    "a bib of a loop": "[{id: r, read_report: {path: /shared/Lists/A, column: MMS Id}}, "
    "{for_each: {items: steps.r.rows, as: mms, steps: "
    "[{id: b, get: '/bibs/{{ mms }}/holdings'}, "
    "{check: \"steps.b.body.holding[0].library.value == 'MAIN'\"}]}}]",
    "items into a set": "[{id: g, get: {path: '/bibs/991/holdings/ALL/items', "
    "select: 'item[].item_data.barcode'}}, {create_set: {name: a, content: ITEM, "
    "id_type: BARCODE, members: '{{ steps.g.value }}'}}]",
    "an unknown library": "[{id: g, get: /conf/libraries/LAW}, "
    "{check: \"steps.g.body.campus.desc in ['North', 'South']\"}]",
    "what known resources lack": "[{id: g, get: {path: /conf/sets, query: {q: 'name~old'}, "
    "select: 'set[].id'}}, {for_each: {items: steps.g.value, steps: [{fail: 'x {{ item }}', "
    "if: item == 'zz'}]}}, {check: (steps.g.value | length) > 0}]",
    "a number": "[{id: g, get: {path: /courses, select: 'length(course)'}}, "
    "{check: steps.g.value >= 7}, {check: steps.g.value + 1 < 10}]",
    "an average": "[{id: g, get: {path: /users/x/loans, select: 'sum(item_loan[].fee)'}}, "
    "{check: steps.g.value > 1}]",
    "a flag": "[{id: g, get: /users/x}, {check: steps.g.body.active}, "
    "{check: steps.g.body.expired == false}, {notify: x, if: steps.g.body.blocked}]",
    "a branch": "[{id: g, get: {path: /acq/po-lines/POL-1, select: status.value}}, "
    "{branch: {on: steps.g.value, cases: {ACTIVE | SENT: [{notify: x}]}}}]",
    "a date": "[{id: g, get: /users/x}, {notify: \"{{ steps.g.body.expiry_date | date('%Y') }}\"}]",
    "a condition that is text": "[{id: g, get: {path: /users, select: "
    "\"user[?ends_with(primary_id, 'x')] | [0].{id: primary_id, name: last_name}\"}}, "
    "{check: steps.g.value.id == 'ax'}, {notify: '{{ steps.g.value.name }}'}]",
    "one of several": '[{id: g, get: /partners}, {check: "(steps.g.body.partner | '
    "selectattr('partner_details.code', '==', 'X1') | list | one).link != ''\"}]",
    "results of a loop": "[{id: l, for_each: {items: ['1', '2'], steps: "
    "[{id: b, get: '/bibs/{{ item }}'}]}}, "
    "{check: \"steps.l.results[0].steps.b.body.title != ''\"}]",
    "a path of an input": "[{id: g, get: '{{ inputs.path }}'}, {check: steps.g.body.x == 'y'}]",
    "a pasted path": "[{id: g, get: '/almaws/v1/users/x?view=full&expand=none'}, "
    "{check: steps.g.body.x == 3}]",
    "an account with a space": "[{id: g, get: /users/j doe@x.org}, {check: steps.g.body.a != ''}]",
    "an instance": "[{id: g, get: /conf/jobs/M44/instances/12345}, "
    "{check: steps.g.body.status.value == 'RUNNING'}]",
    "a path with encoded slashes": "[{get: '/analytics/paths/%2Fshared%2FOurs'}]",
    "an id that is read": "[{id: g, get: {path: /acq/things, select: 'thing[0].target'}}, "
    "{submit_job: {job: M48, set: '{{ steps.g.value }}'}}, "
    "{create_set: {name: c, content: ITEM, combine: {sets: ['{{ steps.g.value }}', '12']}}}]",
    "nested lists": "[{id: g, get: {path: /bibs/collections, "
    "select: 'collection[].sub_collection[].pid.value'}}, {check: steps.g.value | length >= 4}]",
    "a sum": "[{id: g, get: {path: /acq/invoices, all: true, "
    'select: "invoice[?total_amount > `100`].{n: number, t: total_amount}"}}, '
    "{check: \"(steps.g.value | sum(attribute='t')) > 50\"}]",
    "a variable": "[{id: g, get: /users/x}, {check: (steps.g.body.fees.value | int) > 12}]",
}


def simulated(almaflow: Almaflow, write: Write, steps: str) -> Typed:
    inputs = "inputs: {path: {type: string, default: /users/u1}}\n"
    write("w.yaml", f"name: w\n{inputs}steps: {steps}\n")
    return almaflow("run", "w.yaml", "--simulate", "--json")


def errors(typed: Typed) -> dict[str, Any]:
    steps = typed.json["steps"]
    return {
        one["path"]: one["error"] for one in steps if one["outcome"] not in ("succeeded", "skipped")
    }


@pytest.mark.parametrize("name", READS)
def test_a_read_has_what_the_file_asks_for(almaflow: Almaflow, write: Write, name: str) -> None:
    typed = simulated(almaflow, write, READS[name])

    assert errors(typed) == {}
    assert (typed.code, typed.json["outcome"]) == (0, "succeeded")


RESPONSES = """
responses:
  - path: /users/*
    json: {primary_id: jdoe, loans: 3, id: '0012', blocks: [], active: true}
  - path: /acq/funds
    query: {library: MAIN}
    json: {fund: [{code: A}, {code: B}, {code: C}]}
  - {path: /acq/*, text: no funds here, status: 400}
  - {path: /conf/libraries/MAIN, json: {name: Ours}}
"""


@pytest.mark.parametrize(
    "step",
    [
        "{id: g, get: /users/jdoe}, {check: steps.g.body.loans == 3}, "
        "{check: \"steps.g.body.id == '0012'\"}, {check: steps.g.body.active}",
        "{id: g, get: {path: /acq/funds, query: {library: MAIN, limit: '2'}, all: true, "
        "select: 'fund[].code'}}, {check: \"steps.g.value | join(',') == 'A,B,C'\"}",
        "{id: g, get: /conf/libraries/MAIN}, {check: \"steps.g.body.name == 'Ours'\"}",
    ],
)
def test_a_scenario_says_what_a_read_finds(almaflow: Almaflow, write: Write, step: str) -> None:
    write("w.scenario.yaml", RESPONSES)

    typed = simulated(almaflow, write, f"[{step}]")

    assert errors(typed) == {}


def test_a_scenario_can_let_a_read_be_refused(almaflow: Almaflow, write: Write) -> None:
    write("w.scenario.yaml", RESPONSES)

    (error,) = errors(simulated(almaflow, write, "[{get: /acq/vendors}]")).values()

    assert "HTTP 400" in error


@pytest.mark.parametrize(
    "entry", ["{path: users}", "{path: /x, method: POST}", "{path: /x, json: {}, text: a}"]
)
def test_responses_that_cannot_be_are_refused(almaflow: Almaflow, write: Write, entry: str) -> None:
    write("w.scenario.yaml", f"responses: [{entry}]\n")

    assert simulated(almaflow, write, "[{get: /users/x}]").code == 2


@pytest.mark.parametrize("path", ["/users/jdoe", "/acq/vendors/Y P", "/bibs/99/holdings"])
def test_without_a_response_a_read_names_the_line_that_has_it(
    almaflow: Almaflow, write: Write, path: str
) -> None:
    steps = f"[{{id: g, get: {path}}}, {{check: steps.g.body.a.b == 'c'}}]"
    write("w.scenario.yaml", "description: empty\n")
    (error,) = errors(simulated(almaflow, write, steps)).values()
    line = error[error.index("responses: [") : error.rindex("]") + 1]

    write("w.scenario.yaml", f"{line}\n")
    assert simulated(almaflow, write, steps).code == 0
