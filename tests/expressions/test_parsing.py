"""Reading expressions and templates: what is taken, what is refused, and where."""

from __future__ import annotations

import pytest

from almaflow.expressions import ExpressionSyntax, parse_expression, parse_template, render_text


def test_braces_around_the_whole_expression_make_no_difference() -> None:
    bare = parse_expression("inputs.limit > 3")
    braced = parse_expression("  {{ inputs.limit > 3 }} ")

    assert [piece.text for piece in bare.pieces] == [piece.text for piece in braced.pieces]


def test_a_text_without_braces_is_literal() -> None:
    parsed = parse_template("a } text }} with { brackets")

    assert parsed.literal
    assert not parsed.single
    assert render_text(parsed, {}) == "a } text }} with { brackets"


def test_an_empty_template_is_literal() -> None:
    parsed = parse_template("")

    assert parsed.literal
    assert render_text(parsed, {}) == ""


@pytest.mark.parametrize(
    ("source", "single"),
    [
        ("{{ x }}", True),
        ("{{ x }}\n", True),
        ("{{ {'a': {'b': 1}} }}", True),
        ("{{ '}}' }}", True),
        ("a {{ x }}", False),
        ("{{ x }}{{ y }}", False),
    ],
)
def test_a_template_is_single_when_it_is_nothing_but_one_expression(
    source: str, single: bool
) -> None:
    assert parse_template(source).single is single


def test_a_hyphen_at_the_braces_takes_the_blanks_away() -> None:
    parsed = parse_template("a  {{- 'b' -}}  c {{ 'd' -}} \n")

    assert render_text(parsed, {}) == "abc d"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (r"'a\'b\\c\n\t\x41\u00e9\U0001F600'", "a'b\\c\n\tAé😀"),
        (r"'\d{4}'", r"\d{4}"),
        (r"'\ud800 \UFFFFFFFF'", r"\ud800 \UFFFFFFFF"),
        ("'a' \"b\"", "ab"),
        ("'a\r\nb'", "a\r\nb"),
        ("0x1F + 0b11 + 0o7 + 1_000", "1041"),
        ("1.5e3 + 2e-1", "1500.2"),
    ],
)
def test_literals_mean_what_is_written(source: str, value: str) -> None:
    assert render_text(parse_template(f"{{{{ {source} }}}}"), {}) == value


@pytest.mark.parametrize(
    ("source", "offset", "message"),
    [
        ("", 0, "An expression is missing here."),
        ("  ", 0, "An expression is missing here."),
        ("a = 1", 2, "`=` does not compare. Write `==`."),
        ("(a = 1)", 3, "`=` does not compare. Write `==`."),
        ("a -gt 1", 2, "`-gt` is not an operator here. Write `>`."),
        (
            "{a}",
            2,
            "`:` is expected here, not `}`. A template has two braces, `{{ … }}`, not three.",
        ),
        ("a && b", 2, "Write `and` here, not `&&`."),
        ("a || b", 2, "Write `or` here, not `||`."),
        ("!a", 0, "Write `not` here, not `!`."),
        ("a === b", 2, "Write `==` here, not `===`."),
        ("a => b", 2, "Write `>=` here, not `=>`."),
        ("a ? b : c", 2, "Write `b if a else c` here, not `a ? b : c`."),
        ("a == “b”", 5, "Put text in straight quotes: `'b'`."),
        (
            "$a",
            0,
            "`$` has no meaning here. Remove it; names are written as they are: `inputs.month`.",
        ),
        ("a \\ b", 2, "`\\` has no meaning in an expression."),
        ("a == 'b", 5, "The text that begins here does not end, because a `'` is missing."),
        ('a == "b', 5, 'The text that begins here does not end, because a `"` is missing.'),
        ("(a", 0, "The `(` that opens here is not closed."),
        ("a)", 1, "This `)` does not close anything."),
        ("(a]", 2, "`)` is expected here, not `]`."),
        (
            "a b",
            2,
            "`b` is not expected here. An operator such as `and`, `==` or `~` is missing "
            "before it.",
        ),
        (
            "a 'b'",
            2,
            "A text is not expected here. An operator such as `and`, `==` or `~` is missing "
            "before it.",
        ),
        ("a, b", 1, "`,` is not expected here. A list is written in brackets: `['a', 'b']`."),
        ("a +", 3, "The expression ends too early. Something is missing here."),
        ("a.", 2, "The expression ends too early. Something is missing here."),
        ("a | (b)", 4, "A name is expected here, not `(`."),
        ("[1 2]", 3, "`,` is expected here, not `2`."),
        ("a is b is c", 10, "`is` cannot follow `is`. Join the two tests with `and`."),
        ("a.'b'", 2, "A text is not expected here."),
        ("f(*a)", 1, "`*` and `**` in brackets are not allowed. Write each value."),
        ("007", 0, "`007` begins with a zero. Put it in quotes if it is an id or a code."),
        ("1e999", 0, "The number `1e999` is too large."),
        (
            "1 + " + "9" * 71,
            4,
            ("A number can have at most 70 digits. Put it in quotes if it is an id."),
        ),
        (
            "{% if a %}",
            0,
            "Statements (`{% … %}`) are not allowed. Use an expression, or a `branch` step.",
        ),
        (
            "{{ a }} > 3",
            10,
            "One expression is expected here. Put `{{ }}` around all of it, or leave it out.",
        ),
        (
            "{{ a }} and {{ b }}",
            12,
            "One expression is expected here. Put `{{ }}` around all of it, or leave it out.",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_place_and_advice(
    source: str, offset: int, message: str
) -> None:
    with pytest.raises(ExpressionSyntax) as caught:
        parse_expression(source)

    assert (caught.value.message, caught.value.offset) == (message, offset)
    assert caught.value.length >= 1


@pytest.mark.parametrize(
    ("source", "offset", "message"),
    [
        ("a {{ }}", 2, "An expression is missing here."),
        ("a {{ b", 2, "The `{{` that opens here is not closed."),
        ("a {{ b }", 7, "This `}` does not close anything. A template ends with two: `}}`."),
        ("a {{ b + }}", 8, "The expression ends too early. Something is missing here."),
        (
            "a {{ b }} {% c %}",
            10,
            "Statements (`{% … %}`) are not allowed. Use `{{ … }}`, or a `branch` or "
            "`for_each` step. A list in a text is written `{{ steps.each.results | "
            "map(attribute='item') | join(', ') }}`, a choice `{{ 'a' if … else 'b' }}`. To write "
            "it as text, use `{{ '{%' }}`.",
        ),
        (
            "a {# c #}",
            2,
            "Comments (`{# … #}`) are not allowed. Use a YAML comment. To write it as text, "
            "use `{{ '{#' }}`.",
        ),
        ("{{ a {# c #} }}", 5, "Comments (`{# … #}`) are not allowed. Use a YAML comment."),
    ],
)
def test_a_template_that_cannot_be_read_is_refused_with_its_place(
    source: str, offset: int, message: str
) -> None:
    with pytest.raises(ExpressionSyntax) as caught:
        parse_template(source)

    assert (caught.value.message, caught.value.offset) == (message, offset)


def test_what_looks_like_a_statement_can_be_written_as_text() -> None:
    parsed = parse_template("{{ '{%' }} and {{ '{#' }}")

    assert render_text(parsed, {}) == "{% and {#"


@pytest.mark.parametrize(
    "source",
    [
        "(" * 51 + "1" + ")" * 51,
        "[" * 3000 + "]" * 3000,
        "not " * 2000 + "a",
        "-" * 9000 + "1",
        "+".join("a" * 200),
        "a" + ".b" * 200,
        "a" + "|trim" * 200,
        "a if b else " * 500 + "c",
        "'a' + '" + "b" * 10_000 + "'",
    ],
)
def test_what_is_too_deep_or_too_long_is_refused(source: str) -> None:
    with pytest.raises(ExpressionSyntax, match=r"nested|at most 10,000"):
        parse_expression(source)


def test_fifty_brackets_and_a_long_chain_of_texts_are_taken() -> None:
    parse_expression("(" * 50 + "1" + ")" * 50)
    parsed = parse_expression(" ~ ".join(["'a'"] * 500))

    assert render_text(parsed, {}) == "a" * 500


def test_a_long_text_without_expressions_is_taken() -> None:
    assert parse_template("a" * 20_000).literal


def test_a_parsed_source_is_kept() -> None:
    assert parse_expression("a + 1") is parse_expression("a + 1")


@pytest.mark.parametrize(
    ("source", "spellings"),
    [
        ("9 ** 9 ** 7", ("(9 ** 9) ** 7", "9 ** (9 ** 7)")),
        ("1 + 2 ** a.b[0] ** -3 + 4", ("(2 ** a.b[0]) ** -3", "2 ** (a.b[0] ** -3)")),
        ("f(2**3**(4 + 5))", ("(2 ** 3) ** (4 + 5)", "2 ** (3 ** (4 + 5))")),
        ("2 ** 'a' | length ** 2", ("(2 ** 'a' | length) ** 2", "2 ** ('a' | length ** 2)")),
    ],
)
def test_powers_in_a_row_need_brackets(source: str, spellings: tuple[str, str]) -> None:
    with pytest.raises(ExpressionSyntax) as caught:
        parse_expression(source)

    assert all(f"`{one}`" in caught.value.message for one in spellings)
    assert source[caught.value.offset :].startswith("**")
    assert caught.value.offset == source.rindex("**")


@pytest.mark.parametrize("source", ["(2 ** 3) ** 2", "2 ** (3 ** 2)", "2 ** 3 * 2 ** 2", "2 ** -1"])
def test_powers_in_brackets_are_read(source: str) -> None:
    assert parse_expression(source).single
