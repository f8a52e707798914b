"""Ids that can never be ids, and texts that were meant as expressions.

Alma's ids are numbers. A fixed `set: steps.titles.set_id` or `set: Reserve collection` would be
sent as it is, and Alma's response ("Mandatory parameter value is empty") does not help.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from almaflow.check.collector import ProblemCollector
from almaflow.check.placeholders import placeholders, template_of
from almaflow.check.traversal import data_at, sources
from almaflow.check.value_shapes import (
    around_templates,
    bare_expression,
    by_name,
    digits_meant,
    dollar_templates,
    is_file_name,
    of_other_systems,
    saved_as_csv,
    several_ids,
    shell_words,
    typographic_quotes,
    variable_meant,
    without_templates,
)
from almaflow.document import PathTo
from almaflow.field_types import IdTemplate, MemberId, Message, Template, TemplateText
from almaflow.late_patterns import late_pattern
from almaflow.problems import Severity
from almaflow.rounded_numbers import ends_in_zeros
from almaflow.steps.base import StepBase
from almaflow.yaml_in_line import in_line

NOT_AN_ID = "not-an-id"
"""The code of a problem about a text that can never be an id."""

MEANT_AS_TEMPLATE = "meant-as-template"
EXACT_NAME = "exact-name"
ID_ENDS_IN_ZEROS = "id-ends-in-zeros"
PLACEHOLDER_LEFT = "placeholder-left"
_MEMBER_KEYS = ("members", "add", "remove", "replace")
_JOB_ID = late_pattern(r"[SMO]\d*")
# Nothing but a step, or one of its outputs.
_STEP = late_pattern(r"\s*\{\{\s*steps\.(\w+)(?:\.(\w+))?\s*\}\}\s*")
# With a sign of other searches for any text.
_PATTERN = late_pattern(r"[*%]?[^*%]+[*%]")
# A file with the column that is meant.
_COLUMN_OF_FILE = late_pattern(r"([\w./ -]+\.(?:csv|tsv|txt))\s*[#:!]\s*(\w[\w ]*)", re.IGNORECASE)
_STRIPPED = late_pattern(r"^\W+|\W+$")
_NO_SET = ("none", "no", "-", "n/a", "nothing", "~", "kein", "keine", "keins", "aucun", "false")
_FOUND_BY_NAME = ("find_set", "set_members")
_LINK = late_pattern(r"/conf/(?:[\w/-]+/)?(sets|instances)/(\d+)/?(?:members/?)?(?:\?.*)?$")


def check_values(
    notes: ProblemCollector, path: PathTo, step: StepBase, steps: Mapping[str, StepBase]
) -> None:
    """Note the values of *step* that cannot be meant; *steps* are those with an id.

    What steps inside it hold is not checked.
    """
    inside = (*path, step.kind.key)
    for place, source in sources(step.kind, data_at(notes.document.data, inside), inside):
        if type(source) is IdTemplate:
            check_id(notes, place, source.text, steps)
        elif type(source) is MemberId:
            _check_member(notes, place, source.text, steps)
        elif type(source) in (Template, Message):
            _check_text(notes, place, source, steps)
            is_pattern = step.kind.key in _FOUND_BY_NAME and _PATTERN.fullmatch(source.text)
            if is_pattern and not any(placeholders(source.text)):
                notes.at(
                    place,
                    EXACT_NAME,
                    f"A set is found by its exact name, so `{source.text}` is only the set that is "
                    "called just that. Write the whole name.",
                    Severity.WARNING,
                )


def check_id(
    notes: ProblemCollector, path: PathTo, text: str, steps: Mapping[str, StepBase]
) -> None:
    """Note an id of Alma's with characters that no id has."""
    if _check_step(notes, path, text, steps):
        return
    around = around_templates(text)
    is_digits = around.isascii() and around.isdecimal()
    if is_digits and "{{" not in text:
        note_zeros(notes, path, around)
    if not around or is_digits or (path[-1] == "job" and _JOB_ID.fullmatch(around)):
        return
    if "{{" in without_templates(text):
        # A template that does not end: the expressions are checked elsewhere.
        return
    notes.at(path, NOT_AN_ID, f"{_subject(path)} {_id_advice(path, text, around, steps)}")


def _check_step(
    notes: ProblemCollector, path: PathTo, text: str, steps: Mapping[str, StepBase]
) -> bool:
    """Note a step, or an output of it that is not an id, in place of the id that it gives."""
    match = _STEP.fullmatch(text)
    step = steps.get(match[1]) if match else None
    if match is None or step is None:
        return False
    outputs = step.kind.output_types()
    right = "set_id" if "set_id" in outputs else ""
    if match[2] is None:
        names = [right] if right else [one for one in outputs if one.endswith("_id")]
        write = " or ".join(f'`"{{{{ steps.{match[1]}.{one} }}}}"`' for one in names)
        why = f"{_subject(path)} is the whole step `{match[1]}`, not its id. "
        notes.at(path, NOT_AN_ID, f"{why}Write {write}." if write else f"{why}Write an id.")
        return True
    if not right or match[2] == right or match[2] not in outputs or not _is_of_set(path):
        return False
    notes.at(
        path,
        NOT_AN_ID,
        f"{_subject(path)} is the `{match[2]}` of a set, not its id. Write "
        f'`"{{{{ steps.{match[1]}.{right} }}}}"`.',
    )
    return True


def note_zeros(notes: ProblemCollector, path: PathTo, text: str, place: str = "") -> None:
    """Note the id *text*, at *place* of a file, if it ends as a spreadsheet leaves long numbers."""
    if not ends_in_zeros(text):
        return
    where = f"{place}: " if place else ""
    notes.at(
        path,
        ID_ENDS_IN_ZEROS,
        f"{where}`{text.strip()}` ends in zeros, as a spreadsheet such as Excel leaves them: it "
        "keeps 15 digits of a number. Compare it with the id in Alma. If it is right, write "
        f"`# almaflow: ignore[{ID_ENDS_IN_ZEROS}]`.",
        Severity.WARNING,
    )


def _id_advice(path: PathTo, text: str, around: str, steps: Mapping[str, StepBase]) -> str:
    """Return what to write instead of *text*, as the rest of a sentence."""
    expression = meant_expression(text, steps)
    if expression:
        return _braces_advice(text, expression)
    if meant := digits_meant(text) or _id_in_url(path, text):
        return f'needs an id of Alma\'s, which has only the digits 0 to 9. Write `"{meant}"`.'
    if "{{" in text:
        return (
            f"is an id, so nothing may be around the template; remove `{around}` and write only "
            "the part in double braces, in straight quotes."
        )
    if (step := _STRIPPED.sub("", text)) in steps:
        expression = f"steps.{step}.set_id"
        return (
            f'is the text `{text}`. To use the set of that step, write `"{{{{ {expression} }}}}"`.'
        )
    if name := variable_meant(text):
        return (
            f'is the text `{text}`, and nothing replaces it. Declare an input and write `"{{{{ '
            f'inputs.{name} }}}}"`.'
        )
    if not _is_of_set(path):
        return f"needs an id of Alma's, which has only digits; `{text}` is not an id."
    name = in_line(typographic_quotes(text) or text.strip())
    if path[-1] == "set" and text.strip().casefold() in _NO_SET:
        return f"needs the id of a set; `{text}` is not an id. If the job has no set, remove `set`."
    if is_file_name(text):
        return (
            f"needs the id of a set, and `{text}` is the name of a file. Make a set of it first: "
            f"put the step `- {{id: wanted, create_set: {{name: …, content: …, members: {{file: "
            f'{name}}}}}}}` before this one and write `"{{{{ steps.wanted.set_id }}}}"` here.'
        )
    if path[-1] == "id" and path[-2] in _FOUND_BY_NAME:
        return (
            f"needs the id of a set, which has only digits; `{text}` is not an id. If it is the "
            f"set's name, write `name: {name}`."
        )
    return f"needs the id of a set, which has only digits; `{text}` is not an id. {by_name(name)}"


def _id_in_url(path: PathTo, text: str) -> str:
    """Return the id at the end of a link to what *path* names; empty when *text* is no link."""
    match = _LINK.search(text)
    is_wanted = match is not None and (match[1] == "sets") is _is_of_set(path)
    return match[2] if match is not None and is_wanted else ""


def _is_of_set(path: PathTo) -> bool:
    """Whether the id at *path* is that of a set, not of a run, a job or a profile."""
    return path[-1] not in ("run", "job") and "from_run" not in path


def _check_member(
    notes: ProblemCollector, path: PathTo, text: str, steps: Mapping[str, StepBase]
) -> None:
    expression = meant_expression(text, steps)
    note_zeros(notes, path, text)
    if expression:
        notes.at(path, NOT_AN_ID, f"A member {_braces_advice(text, expression)}")
    elif len(ids := several_ids(text)) > 1:
        notes.at(
            path,
            NOT_AN_ID,
            f"This is one text with {len(ids)} ids, and would be sent as one id. Write each as an "
            f'entry of the list: `["{ids[0]}", "{ids[1]}"{", …" if len(ids) > 2 else ""}]`.',
        )
    elif "{{" not in text and (name := variable_meant(text)):
        notes.at(
            path,
            NOT_AN_ID,
            f"A member is the text `{text}`, and nothing replaces it. Declare an input and write "
            f'`"{{{{ inputs.{name} }}}}"`.',
        )
    elif "://" in text:
        notes.at(
            path,
            NOT_AN_ID,
            f"`{text}` is an address, and members are not read from there. Save the ids in a file "
            "next to the workflow, and write `{file: ids.csv, column: …}`.",
        )
    elif column := _COLUMN_OF_FILE.fullmatch(text):
        key = next((one for one in reversed(path) if one in _MEMBER_KEYS), "members")
        notes.at(
            path,
            NOT_AN_ID,
            f"`{text}` would be sent as the id of a member. Write `{key}: {{file: {column[1]}, "
            f"column: {column[2]}}}`.",
        )
    elif "{{" not in text and is_file_name(text):
        key = next((one for one in reversed(path) if one in _MEMBER_KEYS), "members")
        text = text.strip().lstrip("@<")
        saved = saved_as_csv(text)
        workbook = f"Save the workbook as the CSV file {saved}. " if saved else ""
        notes.at(
            path,
            NOT_AN_ID,
            f"`{text}` is the name of a file, and here it would be sent as the id of a member. "
            f"{workbook}Write `{key}: {{file: {saved or text}, column: …}}` with the heading of "
            "the column that holds the ids; without `column`, every line of the file is an id.",
        )


def _check_text(
    notes: ProblemCollector, path: PathTo, source: TemplateText, steps: Mapping[str, StepBase]
) -> None:
    """Note texts that are certainly meant as templates; they may be sent as they are."""
    for offset in dollar_templates(source.text):
        notes.within(
            path,
            offset,
            1,
            MEANT_AS_TEMPLATE,
            "The `$` in front of `{{` is sent as a part of the text; other systems write templates "
            "so. Remove the `$`, or write `{{ '$' }}` before the template if you mean it.",
            Severity.WARNING,
        )
    for offset, length in shell_words(source.text):
        notes.within(
            path,
            offset,
            length,
            MEANT_AS_TEMPLATE,
            f"`{source.text[offset : offset + length]}` is sent as it is, because no shell runs "
            "here. Write a template: `{{ today }}` for a date, `{{ inputs.NAME }}` for a value of "
            "your own.",
            Severity.WARNING,
        )
    expression = meant_expression(source.text, steps)
    if not expression:
        _check_placeholders(notes, path, source.text)
    if expression and "{{" not in source.text:
        notes.at(
            path,
            MEANT_AS_TEMPLATE,
            f"{_subject(path)} {_braces_advice(source.text, expression)}",
            Severity.WARNING,
        )


def _check_placeholders(notes: ProblemCollector, path: PathTo, text: str) -> None:
    for offset, length, name in placeholders(text):
        notes.within(
            path,
            offset,
            length,
            PLACEHOLDER_LEFT,
            f"`{text[offset : offset + length]}` looks like a placeholder, and nothing replaces "
            f"it. Write the text itself, or a template: `{{{{ {template_of(name)} }}}}`.",
            Severity.WARNING,
        )


def meant_expression(text: str, steps: Mapping[str, StepBase]) -> str:
    """Return the expression that *text* was meant as; empty when it was not.

    `run.txt` or `steps.pdf` alone is a text: a step must be one of *steps*.
    """
    expression = of_other_systems(text, steps) or bare_expression(text)
    words = expression.replace("[", ".").split(".")
    if words[0] == "steps" and words[1] not in steps:
        return expression if text.strip() != expression else ""
    return "" if is_file_name(expression) else expression


def _braces_advice(text: str, expression: str) -> str:
    return (
        f"is the text `{text}`, not the value that it names. Write the expression in double braces "
        f'and quotes: `"{{{{ {expression} }}}}"`.'
    )


def _subject(path: PathTo) -> str:
    key = next((one for one in reversed(path) if isinstance(one, str)), "")
    return f"`{key}`"
