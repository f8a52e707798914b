"""Values of a file as messages repeat them: to be pasted."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from almaflow.document import parse_document
from almaflow.yaml_in_line import in_line

_SIGNS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"))


@example('it\'s a "title"')
@example("a:")
@example("?")
@example("?0")
@given(st.text(st.one_of(st.sampled_from("'\"\\:#,-?[]{}&*!|>%@` aN1.~=<"), _SIGNS), max_size=40))
def test_a_repeated_text_means_the_same_when_it_is_pasted(text: str) -> None:
    for line in (f"key: {in_line(text)}", f"{{key: {in_line(text)}}}"):
        assert parse_document(line, "w.yaml").data == {"key": text}
