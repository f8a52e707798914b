"""The query of a logical set, as far as it can be judged without Alma.

CONTENT where GROUP ((index OPERATOR "value") AND …)
"""

from __future__ import annotations

import re

from almaflow.expressions.parsed import replace_templates

_FORM = re.compile(r"\s*(\w+)\s+where\s", re.IGNORECASE)
_TYPOGRAPHIC = re.compile("[\u201c\u201d\u201e\u201f\u00ab\u00bb]")
_TEXT = re.compile(r'"[^"]*"')


def query_problem(query: str, content: str) -> str:
    """Return what is wrong with the *query* of a set of this *content*, as sentences, or nothing.

    What a template brings is not known; a query that begins with one is not judged.
    """
    text = replace_templates(query, "x")
    form = _FORM.match(text)
    if query.lstrip().startswith("{{"):
        return ""
    if form is None:
        is_word = len(text.split()) < 2
        return (
            ""
            if is_word
            else (
                f"The query does not begin with `{content} where`, so Alma would refuse it. Make "
                "the set once in Alma, show it with `almaflow sets show`, and copy its query."
            )
        )
    if form[1] != content:
        return (
            f"The query begins with `{form[1]}`, but `content` is `{content}`; Alma needs the same "
            f"in both. Write `content: {form[1]}`, or change the query."
        )
    if quote := _TYPOGRAPHIC.search(text):
        return (
            f"The query has the typographic quotation mark `{quote[0]}`. Write the straight one "
            '(`"`) around each value.'
        )
    return _unbalanced(_TEXT.sub("", text))


def _unbalanced(text: str) -> str:
    """Return which parenthesis of *text*, a query without its values, has no other, or nothing."""
    if '"' in text:
        return 'A quotation mark (`"`) of the query is not closed.'
    difference = text.count("(") - text.count(")")
    if not difference:
        return ""
    which = ")" if difference > 0 else "("
    return f"The query needs {abs(difference)} more `{which}`."
