"""Expressions of every form, made by Hypothesis, most of which run well.

Each comes with all the expressions inside it, because `and`, `or`, `if` and `default` do not
evaluate each of them, while the checker reports what is wrong in any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from almaflow.expressions import (
    ANYTHING,
    BOOLEAN,
    COUNTERS,
    DATE,
    DURATION,
    INSTANT,
    NOTHING,
    NUMBER,
    TEXT,
    Counters,
    ListType,
    Period,
    RecordType,
)

ZURICH = ZoneInfo("Europe/Zurich")


@dataclass(frozen=True)
class Made:
    """An expression; *inner* are those inside it, *comparison* the two sides that it compares."""

    source: str
    inner: tuple[Made, ...] = ()
    comparison: tuple[str, str, str] | None = None

    def everything(self) -> list[Made]:
        """Return it and all that is inside it."""
        found, waiting = [], [self]
        while waiting:
            one = waiting.pop()
            found.append(one)
            waiting.extend(one.inner)
        return found


SCOPE = RecordType(
    {
        "text": TEXT,
        "digits": TEXT,
        "number": NUMBER,
        "share": NUMBER,
        "yes": BOOLEAN,
        "now": INSTANT,
        "today": DATE,
        "pause": DURATION,
        "gone": NOTHING,
        "counters": COUNTERS,
        "texts": ListType(TEXT),
        "numbers": ListType(NUMBER),
        "mixed": ListType(ANYTHING),
        "rows": ListType(RecordType({"n": NUMBER, "s": TEXT, "at": DATE}, "column")),
        "job": RecordType({"id": TEXT, "size": NUMBER, "done": BOOLEAN, "any": ANYTHING}, "output"),
        "open": RecordType({"known": TEXT}, "key", open=True),
        "it": ANYTHING,
        "other": ANYTHING,
    },
    "name",
)

_NAMES: Mapping[str, Any] = {
    "text": "2026-03",
    "digits": "0012",
    "number": 3,
    "share": 0.5,
    "yes": True,
    "now": datetime(2026, 3, 29, 1, 30, tzinfo=ZURICH),
    "today": date(2026, 3, 31),
    "pause": Period(days=1, elapsed=timedelta(hours=2)),
    "gone": None,
    "counters": Counters([{"key": "k", "label": "K", "value": "7"}]),
    "texts": ["b", "a", "2026-03"],
    "numbers": [3, 1.5, -2],
    "mixed": ["a", 1],
    "rows": [{"n": 1, "s": "é", "at": date(2026, 1, 1)}, {"n": 2, "s": "b", "at": date.max}],
    "job": {"id": "M1", "size": 2, "done": False, "any": ["x"]},
    "open": {"known": "a", "more": 7},
}
_UNKNOWN: list[tuple[Any, Any]] = [
    ("2026-03", "2026-03"),
    (2, 3),
    ([1, 2], [3]),
    (["a", "b"], 1),
    ("a,b", 1),
    ({"k": "v"}, "k"),
    (date(2026, 3, 1), date(2026, 4, 1)),
    (None, "x"),
    (True, False),
]

ENVIRONMENTS: list[dict[str, Any]] = [
    {**_NAMES, "it": it, "other": other} for it, other in _UNKNOWN
]
"""Names with values that have the types of `SCOPE`; those of unknown type have every kind."""

_LEAVES: Mapping[str, list[str]] = {
    "text": ["text", "digits", "job.id", "rows[0].s", "texts[1]", "open.known", "'a'", "'%Y'"],
    "number": ["number", "share", "job.size", "rows[1].n", "numbers[0]", "2", "1.5", "-7"],
    "boolean": ["yes", "job.done", "true", "false"],
    "instant": ["now"],
    "date": ["today", "rows[0].at", "now.date()"],
    "duration": ["pause", "hours(3)", "days(1)", "months(2)"],
    "nothing": ["none", "gone"],
    "counters": ["counters"],
    "list": ["texts", "numbers", "mixed", "rows", "[1, 2]", "['a']"],
    "mapping": ["job", "open", "rows[0]", "{'k': 1}"],
    "unknown": ["it", "other", "job.any", "open.more", "mixed[0]"],
}
# Form with `@` for each part → kinds of the parts, by the kind of the whole.
_FORMS: Mapping[str, list[tuple[str, str]]] = {
    "text": [
        ("@ + @", "text text"),
        ("@ ~ @", "scalar scalar"),
        ("'-' * @", "small"),
        ("'%s' % @", "scalar"),
        ("@[1:]", "text"),
        ("@[:@]", "text small"),
        ("@[0]", "text"),
        ("@ | string", "scalar"),
        ("@ | upper", "scalar"),
        ("@ | default(@)", "text text"),
        ("@ | first", "text"),
        ("@ | reverse", "text"),
        ("@ | replace('a', @)", "text scalar"),
        ("@ | tojson", "any"),
        ("@ | date('%Y-%m')", "when"),
        ("@.isoformat()", "when"),
        ("@ | join(@)", "list text"),
        ("@.strip()", "text"),
        ("@.ljust(@)", "text small"),
        ("counters.text('k')", ""),
        ("counters.text('no', @)", "text"),
    ],
    "number": [
        ("@ + @", "number number"),
        ("@ * @", "number number"),
        ("-@", "number"),
        ("@ | int", "text"),
        ("@ | int(@)", "text number"),
        ("@ | float", "number"),
        ("@ | length", "sized"),
        ("@ | round", "number"),
        ("@ | abs", "number"),
        ("@ | sum", "list"),
        ("@.find('a')", "text"),
        ("@.year", "when"),
        ("@ | epoch_ms", "when"),
        ("counters.number('k')", ""),
        ("rows | sum('n')", ""),
        ("rows | sum(attribute='n', start=@)", "number"),
    ],
    "boolean": [
        ("@ == @", "any any"),
        ("@ != @", "unknown any"),
        ("@ < @", "text text"),
        ("@ <= @", "number number"),
        ("@ > @", "unknown scalar"),
        ("@ in @", "any sized"),
        ("not @", "boolean"),
        ("@ and @", "boolean boolean"),
        ("@ or @", "boolean boolean"),
        ("@ is none", "any"),
        ("@ is odd", "small"),
        ("@ is in @", "any list"),
        ("@ is lt(@)", "number number"),
        ("@ is eq(@)", "any any"),
        ("it is defined", ""),
        ("@.startswith('a')", "text"),
    ],
    "instant": [("@ + @", "instant duration"), ("@ - @", "instant duration")],
    "date": [("@ + days(1)", "date"), ("@.date()", "instant"), ("@ - months(1)", "date")],
    "duration": [
        ("@ - @", "instant instant"),
        ("@ - @", "date date"),
        ("@ * 2", "duration"),
        ("-@", "duration"),
    ],
    "list": [
        ("[@, @]", "any any"),
        ("@ + @", "list list"),
        ("@[1:]", "list"),
        ("@[::-1]", "list"),
        ("@ | list", "sized"),
        ("@ | sort", "list"),
        ("@ | reverse", "list"),
        ("@ | unique", "list"),
        ("@ | batch(2)", "list"),
        ("@ | map('string')", "list"),
        ("@ | map('default', @)", "list any"),
        ("@ | map('int', @)", "list any"),
        ("@ | select('eq', @)", "list any"),
        ("rows | map(attribute='s')", ""),
        ("rows | map(attribute='n', default=@)", "any"),
        ("rows | selectattr('n', 'gt', 1)", ""),
        ("@.split('-')", "text"),
        ("@ | items", "mapping"),
        ("@ | dictsort", "mapping"),
    ],
    "counters": [("@[:2]", "counters")],
    "mapping": [("{'a': @, 'b': @}", "any any"), ("{'a': @, (@): @}", "any text any")],
    "nothing": [],
    "unknown": [
        ("@ | default(@)", "any any"),
        ("@ | first", "list"),
        ("@ | last", "unknown"),
        ("@ | max", "list"),
        ("@ | one", "list"),
        ("@[0]", "unknown"),
        ("@[:2]", "unknown"),
        ("@[0]", "list"),
        ("@ + @", "unknown any"),
        ("@ | reverse", "unknown"),
        ("@ | int(@)", "text any"),
        ("@ | int(default=@)", "text any"),
        ("@ | float(@)", "text any"),
        ("counters.number('no', @)", "any"),
        ("@.a", "mapping"),
        ("@['a']", "mapping"),
        ("open[@]", "text"),
        ("@ if @ else @", "any boolean any"),
        ("@ or @", "any any"),
        ("@ and @", "any any"),
        ("(none.x) | default(@)", "any"),
    ],
}
_ANY = [kind for kind in _LEAVES if kind != "nothing"]
_GROUPS: Mapping[str, list[str]] = {
    "any": [*_ANY, "nothing", "unknown"],
    "scalar": ["text", "number", "boolean", "instant", "date", "unknown"],
    "sized": ["text", "list", "counters", "mapping", "unknown"],
    "when": ["date", "instant"],
    "small": ["small"],
}
_COMPARISONS = ("==", "!=", "<=", "<", ">", "in", "is in", "is lt", "is eq")


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> Made:
    """Expressions of any kind, at most *depth* forms within each other."""
    return _made(draw, draw(st.sampled_from(_GROUPS["any"])), depth)


def _made(draw: st.DrawFn, kind: str, depth: int) -> Made:
    if kind == "small":
        return Made(draw(st.sampled_from(["1", "2", "number", "job.size"])))
    if kind in _GROUPS:
        kind = draw(st.sampled_from(_GROUPS[kind]))
    if draw(st.integers(0, 9)) == 0:
        kind = "unknown"
    forms = _FORMS[kind]
    if depth == 0 or not forms or draw(st.integers(0, 3)) == 0:
        return Made(draw(st.sampled_from(_LEAVES[kind])))
    form, kinds = draw(st.sampled_from(forms))
    return _filled(form, [_made(draw, one, depth - 1) for one in kinds.split()])


def _filled(form: str, parts: list[Made]) -> Made:
    source = form
    for part in parts:
        source = source.replace("@", _bracketed(part.source), 1)
    comparison = next(
        (
            (sign, parts[0].source, parts[1].source)
            for sign in _COMPARISONS
            if len(parts) == 2 and form.startswith(f"@ {sign}")
        ),
        None,
    )
    return Made(f"({source})", tuple(parts), comparison)


def _bracketed(source: str) -> str:
    return f"({source})" if source.startswith("-") else source
