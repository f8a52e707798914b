"""A key that is not known where it is: what was meant by it, and where it belongs.

Four ways lead there: a slip of the pen, a letter of another alphabet, a word of another tool, and a
line that is indented too little or too much. Each message shows the right form with the values of
the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from almaflow.alma_keys import hide_keys
from almaflow.document import Document, PathTo
from almaflow.document.scalars import resolve
from almaflow.field_types import Plain
from almaflow.foreign_keys import normal
from almaflow.lookalikes import look_alike_advice
from almaflow.model_fields import fields_of, later_models_of, models_of, place_of
from almaflow.problems import certainly_meant, did_you_mean

KIND_IS_A_KEY = "The kind of a step is itself a key"
"""How the advice begins about a step whose kind is the value of a key such as `type`."""

# A list of keys longer than this does not help.
_LISTED = 24
# Characters of a value that a message repeats.
_LONGEST = 80
# More places than this where a key could belong say nothing.
_MOST_PLACES = 3
# Texts that begin so, or hold this, mean something else in YAML without quotes.
_NEEDS_QUOTES = ("{", "[", "*", "&", "!", "%", "@", "`", "'", '"', "|", ">", "#", "- ", "? ")


def unknown_key(document: Document, model: type[BaseModel], path: PathTo) -> str:
    """Return the message about the key at *path*, which *model* does not have there."""
    around, key = path[:-1], str(path[-1])
    known = place_of(model, around).keys
    subject = f"`{key}` is not a key {_where(around)}"
    if advice := look_alike_advice(key, known):
        return f"{subject}; {advice}"
    if same := next((one for one in known if normal(one) == normal(key)), ""):
        return f"{subject}; did you mean `{same}`?"
    if key.startswith(("x-", ".", "_")):
        return (
            f"{subject}. A separate place for anchors is not needed: write `&name` at the first "
            "use of the value. What all steps have in common is written under `defaults`."
        )
    for find in _WAYS:
        if advice := find(document, model, around, key):
            return f"{subject}. {advice}"
    if set(known) == {"name", "value"}:
        return f"{subject}. {_as_pair(model, key, document.value(around))}"
    hint = did_you_mean(key, known)
    if not hint and 0 < len(known) <= _LISTED:
        hint = f"; the keys are {', '.join(f'`{name}`' for name in known)}."
    return f"{subject}{hint or '.'}"


WITHOUT_HYPHENS = "or all of them without `-`"
"""In the advice about an entry of a list that is one pair of a mapping; said once of a list."""


def _as_pair(model: type[BaseModel], key: str, entry: Any) -> str:
    """Return how *entry*, a mapping with *key*, is written with `name` and `value`."""
    value = _example(model, entry[key])
    if "value" in entry and "name" not in entry:
        return f"Write `{{name: {value}, value: {_example(model, entry['value'])}}}`."
    if "name" in entry and "value" not in entry:
        return f"Write `{{name: {_example(model, entry['name'])}, value: {value}}}`."
    if "name" in entry:
        return "An entry has only `name` and `value`."
    return f"Write `{{name: {key}, value: {value}}}`, {WITHOUT_HYPHENS}."


def key_meant(document: Document, model: type[BaseModel], path: PathTo) -> str:
    """Return the one key that the unknown one at *path* is a slip of; empty: that is not certain.

    A key that the mapping has already is not meant.
    """
    around, key = path[:-1], str(path[-1])
    data = document.value(around)
    known = place_of(model, around).keys
    if not isinstance(data, dict) or look_alike_advice(key, known):
        return ""
    meant = next((one for one in known if normal(one) == normal(key)), "")
    if not meant and not any(find(document, model, around, key) for find in _WAYS):
        meant = certainly_meant(key, known)
    return "" if meant in data else meant


def beside_advice(
    document: Document, model: type[BaseModel], path: PathTo, missing: Sequence[str]
) -> str:
    """Return where one of the *missing* keys of the mapping at *path* is: next to it, not in it.

    Empty when it is not there.
    """
    owner = path[-1] if path else None
    beside = document.value(path[:-1])
    inside = document.value(path)
    if not isinstance(owner, str) or not isinstance(beside, dict):
        return ""
    # An `id` that a step may have is its own.
    key = next((one for one in reversed(missing) if one in beside and one != owner), "")
    is_own_id = key == "id" and in_line(beside[key]).isidentifier()
    if not key or is_own_id or (isinstance(inside, dict) and inside):
        return ""
    value = _example(model, beside[key])
    return f"If `{key}: {value}` belongs to it, indent that line: `{owner}: {{{key}: {value}}}`."


def _example(model: type[BaseModel], value: Any) -> str:
    """Return *value* as `in_line` does, unless what is in the file may be secret."""
    return in_line(value) if getattr(model, "shows_values", False) else "…"


def in_line(value: Any) -> str:
    """Return *value* in the form that YAML has for it in braces; what is long is cut with `…`."""
    match value:
        case Plain():
            return hide_keys(value.text)
        case str():
            return _quoted(value)
        case dict():
            inner = ", ".join(f"{key}: {in_line(one)}" for key, one in value.items())
            return f"{{{inner}}}" if len(inner) <= _LONGEST else "{…}"
        case list():
            inner = ", ".join(map(in_line, value))
            return f"[{inner}]" if len(inner) <= _LONGEST else "[…]"
    return str(value)


def _quoted(text: str) -> str:
    text = hide_keys(text)
    if len(text) > _LONGEST or "\n" in text:
        return "…"
    needs_quotes = (
        not text.strip()
        or text != text.strip()
        or text.startswith(_NEEDS_QUOTES)
        or any(one in text for one in (": ", " #", "{", "}", "[", "]", ","))
        or isinstance(resolve(text), Plain)
    )
    if not needs_quotes:
        return text
    return f'"{text}"' if '"' not in text and "\\" not in text else f"'{text}'"


def _where(around: PathTo) -> str:
    owner = around[-1] if around else None
    if not isinstance(owner, int):
        return "here" if owner is None else f"of {owner}"
    lists = [element for element in around if isinstance(element, str)]
    return f"of an entry of {lists[-1]}" if lists else "of an entry"


def _sibling(document: Document, model: type[BaseModel], around: PathTo, key: str) -> str:
    """Return that *key* belongs inside a mapping next to it, in which it is known."""
    data = document.value(around)
    for other, field in place_of(model, around).keys.items():
        models = models_of(field)
        if not isinstance(data, dict) or other not in data or len(models) != 1:
            continue
        if key not in fields_of(models[0]) or models[0] is model:
            continue
        forms = _example(model, data[other]), _example(model, data[key])
        return _indented(other, data[other], models[0], key, forms)
    return ""


def _indented(
    other: str, inside: Any, model: type[BaseModel], key: str, forms: tuple[str, str]
) -> str:
    """Return how *key* is written inside of *other*; *forms* are their values for people."""
    short_value, value = forms
    subject = f"It belongs to `{other}`: indent it more than `{other}:`"
    short = getattr(model, "short", None)
    if isinstance(inside, dict):
        return f"{subject}, like the lines below that."
    if isinstance(inside, Plain) and inside.is_empty:
        return f"{subject}, as in `{other}: {{{key}: {value}}}`."
    first = next((name for name, one in fields_of(model).items() if one.is_required()), short)
    if short is None and first is not None and first != key:
        return f"{subject}, as in `{other}: {{{first}: {short_value}, {key}: {value}}}`."
    if short is None:
        return f"{subject}."
    return f"{subject}, as in `{other}: {{{short}: {short_value}, {key}: {value}}}`."


def _kind_in_value(document: Document, model: type[BaseModel], around: PathTo, key: str) -> str:
    """Return the step that is meant by a key such as `type` with the name of a kind as its value.

    The keys next to it that the kind has are put inside it.
    """
    data = document.value(around)
    place = place_of(model, around)
    kinds = {one: field for one, field in place.keys.items() if [*later_models_of(field)]}
    wanted = data.get(key) if isinstance(data, dict) else None
    if not isinstance(wanted, str) or not isinstance(data, dict):
        return ""
    kind = next((one for one in kinds if normal(one) == normal(wanted)), "")
    if not kind:
        return ""
    inner = fields_of(models_of(kinds[kind])[0])
    settings = {one: value for one, value in data.items() if one in inner and one not in place.keys}
    return f"{KIND_IS_A_KEY}: write `{kind}: {_example(model, settings)}`."


def _foreign(document: Document, model: type[BaseModel], around: PathTo, key: str) -> str:
    """Return what to write for a word of another tool."""
    place = place_of(model, around)
    for one in place.models:
        sentence = getattr(one, "foreign", {}).get(normal(key))
        if sentence is not None:
            data = document.value((*around, key))
            # What GitHub's `on` and the like have inside.
            inner = data.get("schedule") if isinstance(data, dict) else None
            value = _example(model, data if inner is None else inner) or "…"
            bare = value.strip("\"'")
            return str(sentence.format(key=key, value=value, bare=bare))
    return ""


def _one_further_out(document: Document, model: type[BaseModel], around: PathTo, key: str) -> str:
    """Return what `_further_out` does when the mapping around this one is meant."""
    if not around or not isinstance(around[-1], str) or key == around[-1]:
        return ""
    data, known = document.value(around), place_of(model, around).keys
    is_alone = isinstance(data, dict) and not known.keys() & data.keys()
    # Of a mapping that has nothing of its own, the key is meant for it.
    if is_alone and (advice := _foreign(document, model, around, key)):
        return advice
    if key not in place_of(model, around[:-1]).keys or len(around) < len(("steps", 0)):
        return ""
    return _further_out(document, model, around, key)


def _id_as_key(document: Document, model: type[BaseModel], around: PathTo, key: str) -> str:
    """Return the step that is meant by its name as a key with the kind of the step below it."""
    value = document.value((*around, key))
    kinds = {
        one for one, field in place_of(model, around).keys.items() if [*later_models_of(field)]
    }
    if not isinstance(value, dict) or not kinds.intersection(value):
        return ""
    return f"The name of a step is its `id`: write `- {_example(model, {'id': key, **value})}`."


def _further_out(document: Document, model: type[BaseModel], around: PathTo, key: str) -> str:
    """Return that *key* belongs to a mapping around this one, which knows it."""
    for depth in range(len(around) - 1, -1, -1):
        inner = around[depth]
        if isinstance(inner, str) and inner != key and key in place_of(model, around[:depth]).keys:
            return (
                f"It belongs next to `{inner}`, not inside it: begin its line in the same column "
                f"as `{inner}:`."
            )
    return ""


def _further_in(document: Document, model: type[BaseModel], around: PathTo, key: str) -> str:
    """Return under which key of this mapping *key* belongs."""
    owners = [
        other
        for other, field in place_of(model, around).keys.items()
        if any(key in fields_of(one) for one in models_of(field) if one is not model)
    ]
    if not 0 < len(owners) <= _MOST_PLACES:
        return ""
    value = _example(model, document.value((*around, key)))
    known = place_of(model, around).keys
    steps = [one for one in owners if any(hasattr(it, "kind_keys") for it in models_of(known[one]))]
    if steps:
        return f"It is a kind of step: write `{steps[0]}: [{{{key}: {value}}}]`."
    forms = [f"`{owner}: {{{key}: {value}}}`" for owner in owners]
    return f"It belongs under another key: write {' or '.join(forms)}."


# In their order: the first that knows what is meant.
_WAYS = (
    *(_one_further_out, _sibling, _id_as_key, _kind_in_value),
    *(_foreign, _further_out, _further_in),
)
