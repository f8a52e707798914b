"""A key that is not known where it is: what was meant by it, and where it belongs.

Four ways lead there: a slip of the pen, a letter of another alphabet, a word of another tool, and a
line that is indented too little or too much. Each message shows the right form with the values of
the file.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from almaflow.document import Document, PathTo
from almaflow.document.slips import TYPOGRAPHIC
from almaflow.durations import duration_meant
from almaflow.field_types import Plain
from almaflow.foreign_words import Advice, ForeignWord, advice_of, normal
from almaflow.lookalikes import latin, look_alike_advice
from almaflow.model_fields import alternatives, fields_of, models_of, place_of
from almaflow.one_cause import Mistake
from almaflow.problems import certainly_meant, nearest
from almaflow.unknown_keys import UnknownKey, WrongKey

# A list of keys longer than this does not help.
_LISTED = 24
# More places than this where a key could belong say nothing.
_MOST_PLACES = 3


def unknown_key(document: Document, model: type[BaseModel], path: PathTo) -> WrongKey:
    """Return what is wrong about the key at *path*, which *model* does not have there."""
    key = UnknownKey(document, model, path[:-1], str(path[-1]))
    return next(wrong for way in _WAYS if (wrong := way(key)))


def _misspelt(key: UnknownKey) -> WrongKey | None:
    """Only its letters or its spelling are wrong."""
    if advice := look_alike_advice(key.name, key.known):
        return key.wrong(f"; {advice}", Mistake.MISSPELT, latin(key.name))
    same = next((one for one in key.known if normal(one) == normal(key.name)), "")
    if same and _is_label_of_missing(key):
        return None
    advice = f"; did you mean `{same}`?"
    return key.wrong(advice, Mistake.MISSPELT, same, fix=same) if same else None


def _quoted_in_braces(key: UnknownKey) -> WrongKey | None:
    """Typographic quotes around a value in braces: the text behind its comma is no key."""
    data = key.data.get(key.name)
    marks = [one for one in key.name if one in TYPOGRAPHIC]
    if not marks or not (isinstance(data, Plain) and data.is_empty):
        return None
    advice = (
        f". `{marks[0]}` is typographic and does not quote in YAML: put the whole value in "
        'straight quotes (`"`).'
    )
    return key.wrong(advice, Mistake.MISSPELT)


def _joined_to_braces(key: UnknownKey) -> WrongKey | None:
    """The `: ` in front of a mapping in braces is missing, so its first key is a part of this."""
    match = re.fullmatch(r"(\w+):?\s*\{\s*(\w+)", key.name)
    if match is None or match[1] not in key.known:
        return None
    value = str(getattr(key.data[key.name], "text", key.data[key.name])).removesuffix("}").strip()
    pair = f"{match[1]}: {key.shown({match[2]: value})}"
    return key.wrong(f". A `: ` is missing. Write `{pair}`.", Mistake.MISSPELT, match[1])


def _joined_to_value(key: UnknownKey) -> WrongKey | None:
    """In braces, the space after the `:` is missing."""
    name, colon, value = key.name.partition(":")
    data = key.data.get(key.name)
    if not colon or name not in key.known or not (isinstance(data, Plain) and data.is_empty):
        return None
    shown = key.shown(value.strip().strip("\"'"))
    pair = f"{name}: {shown}"
    advice = f". A space is missing after `{name}:`. Write `{pair}`."
    return key.wrong(advice, Mistake.MISSPELT, name)


def _is_label_of_missing(key: UnknownKey) -> bool:
    """Whether the key is a label of Alma's screens, `Job name`, and the `job` itself is missing."""
    owner = normal(key.name).removesuffix("_name")
    given = {normal(one) for one in key.data}
    return " " in key.name.strip() and owner in key.known and owner not in given


def _anchor(key: UnknownKey) -> WrongKey | None:
    if not key.name.startswith(("x-", ".", "_")):
        return None
    advice = (
        ". A separate place for anchors is not needed: write `&name` at the first use of the "
        "value. What all steps have in common is written under `defaults`."
    )
    return key.wrong(advice, Mistake.FOREIGN_WORD, about="")


def _pair(key: UnknownKey) -> WrongKey | None:
    """In an entry that has `name` and `value`: the other one of them, or a pair."""
    if set(key.known) != {"name", "value"}:
        return None
    fix = certainly_meant(key.name, key.known)
    for meant, other in (("name", "value"), ("value", "name")):
        if other in key.data and meant not in key.data:
            pair = {meant: key.value, other: key.shown(key.data[other])}
            form = f". Write `{{name: {pair['name']}, value: {pair['value']}}}`."
            return key.wrong(form, Mistake.FOREIGN_WORD, meant, fix=fix)
    if "name" in key.data:
        return key.wrong(
            ". An entry has only `name` and `value`.", Mistake.NOT_KNOWN, about="", fix=fix
        )
    advice = f". Write `{{name: {key.name}, value: {key.value}}}`, or all of them without `-`."
    return key.wrong(advice, Mistake.PAIR_AS_ENTRY, place=key.around[:-1], about="", fix=fix)


def _similar(key: UnknownKey) -> WrongKey | None:
    ends = [one for one in key.known if key.name.endswith(f"_{one}") or len(key.known) == 1]
    free = [one for one in key.known if one not in key.data]
    meant = nearest(key.name, free) or nearest(key.name, key.known) or next(iter(ends), "")
    fix = certainly_meant(key.name, key.known)
    advice = f"; did you mean `{meant}`?"
    return key.wrong(advice, Mistake.MISSPELT, meant, fix=fix) if meant else None


def _only_missing(key: UnknownKey) -> WrongKey | None:
    """The only key that nobody knows is in place of the only one that is missing."""
    needed = [one for one, field in key.known.items() if field.is_required()]
    missing = [one for one in needed if one not in key.data]
    unknown = [one for one in key.data if one not in key.known]
    # Each is compared for each of them: of many, no one is the only one.
    if len(missing) != 1 or len(unknown) > _LISTED:
        return None
    if [one for one in unknown if not nearest(one, key.known)] != [key.name]:
        return None
    field, is_list = key.known[missing[0]], isinstance(key.data[key.name], list)
    takes_list = any(typing.get_origin(one) is list for one in alternatives(field))
    if is_list != takes_list and (is_list or models_of(field)):
        return None
    advice = f"; did you mean `{missing[0]}`, which is missing?"
    return key.wrong(advice, Mistake.MISSPELT, missing[0])


def _nowhere_known(key: UnknownKey) -> WrongKey:
    listed = ", ".join(f"`{name}`" for name in key.known)
    is_short = 0 < len(key.known) <= _LISTED
    return key.wrong(f"; the keys are {listed}." if is_short else ".", Mistake.NOT_KNOWN)


def _sibling(key: UnknownKey) -> WrongKey | None:
    """The key belongs inside a mapping next to it, in which it is known."""
    for other, field in key.known.items():
        models = models_of(field)
        if other not in key.data or len(models) != 1 or models[0] is key.model:
            continue
        if any(typing.get_origin(one) is list for one in alternatives(field)):
            # Nothing is indented into a list.
            continue
        inner = fields_of(models[0])
        if key.name in inner:
            moved = {
                one: key.data[one] for one in key.data if one in inner and one not in key.known
            }
            advice, place = _indented(key, other, models[0], moved), (*key.around, other)
            # That a mapping belongs there is a part of the advice.
            wrong = key.wrong(advice, Mistake.MISPLACED, *moved, place=place, about=other)
            missing = wrong.cause.missing | {place}
            return replace(wrong, cause=replace(wrong.cause, missing=missing))
    return None


def _indented(key: UnknownKey, other: str, model: type[BaseModel], moved: Mapping[str, Any]) -> str:
    """Return how the keys of *moved* are written inside of *other*."""
    inside = key.data[other]
    too = " and ".join(f"`{one}`" for one in moved if one != key.name)
    what, lines = (f", like {too}", "them") if too else ("", "it")
    if typing.get_origin(key.known[other].annotation) is dict:
        entry = ", ".join(f"{one}: {key.shown(value)}" for one, value in moved.items())
        return (
            f". It belongs to an entry of `{other}`{what}. Begin the entry with its name: "
            f"`{other}: {{main: {{{entry}}}}}`."
        )
    subject = f". It belongs to `{other}`{what}: indent {lines} more than `{other}:`"
    if isinstance(inside, dict):
        return f"{subject}, like the lines below that."
    forms = {one: key.shown(value) for one, value in moved.items()}
    short = getattr(model, "short", None)
    if not (isinstance(inside, Plain) and inside.is_empty):
        required = next((name for name, one in fields_of(model).items() if one.is_required()), None)
        first = short or required
        if first is None or first in moved:
            return f"{subject}."
        forms = {first: key.shown(inside), **forms}
    inner = ", ".join(f"{one}: {value}" for one, value in forms.items())
    return f"{subject}, as in `{other}: {{{inner}}}`."


def _kind_in_value(key: UnknownKey) -> WrongKey | None:
    """A key such as `type` has the name of a kind of step as its value.

    The keys next to it that the kind has are put inside it.
    """
    wanted = key.data.get(key.name)
    if not isinstance(wanted, str):
        return None
    kind = next((one for one in key.kinds if normal(one) == normal(wanted)), "")
    if not kind:
        return _form_in_value(key, normal(wanted))
    inner = fields_of(models_of(key.kinds[kind])[0])
    settings = {
        one: value for one, value in key.data.items() if one in inner and one not in key.known
    } or {one: value for one, value in key.data.items() if one in inner and one != "id"}
    advice = f". The kind of a step is itself a key: write `{kind}: {key.shown(settings)}`."
    return key.wrong(advice, Mistake.KIND_AS_VALUE, kind, about="")


def _form_in_value(key: UnknownKey, wanted: str) -> WrongKey | None:
    """A key such as `type` has as its value which of a mapping's forms is meant."""
    forms = {one for at in place_of(key.model, key.around).models for one in _forms_of(at)}
    form = wanted.removesuffix("_profile")
    rest = {one: value for one, value in key.data.items() if one not in (key.name, *key.known)}
    if form not in forms or not rest:
        return None
    is_name = rest.keys() <= {"name", "code", "profile", "profile_name", "profile_code"}
    value = key.shown(next(iter(rest.values())) if is_name else rest)
    advice = f". Which form is meant is itself a key: write `{form}: {value}`."
    return key.wrong(advice, Mistake.KIND_AS_VALUE, form, about="")


def _forms_of(model: type[BaseModel]) -> Sequence[str]:
    return getattr(model, "one_of", ())


def _foreign(key: UnknownKey) -> WrongKey | None:
    """The key is a word of another tool."""
    tables = [advice_of(one) for one in place_of(key.model, key.around).models]
    words = next((one for one in tables if _word(key, key.name) in one), None)
    if words is None:
        return None
    word = words[_word(key, key.name)]
    if word.beside_kind and not key.kinds.keys() & key.data.keys():
        return None
    data = key.data[key.name]
    # What GitHub's `on` and the triggers of Kestra have inside.
    inner = data.get("schedule") if isinstance(data, dict) else None
    if isinstance(data, list) and len(data) == 1 and isinstance(data[0], dict):
        inner = data[0].get("cron")
    value = key.shown(data if inner is None else inner) or "…"
    whole = _joined(key, word, words) if word.words else ""
    advice = word.sentence.format(key=key.name, value=value, bare=value.strip("\"'"), whole=whole)
    about = word.words or key.name
    return key.wrong(f". {advice}", Mistake.FOREIGN_WORD, *word.meant.split(), about=about)


def _word(key: UnknownKey, name: str) -> str:
    """Return what tables have for the key *name*; for a label that is also a key, its last word."""
    word = normal(name)
    return word if name in key.known or word not in key.known else word.rpartition("_")[2]


def _joined(key: UnknownKey, word: ForeignWord, words: Advice) -> str:
    """Return the mapping with our keys that the words of the group of *word* mean."""
    meant: dict[str, Any] = {}
    for name, value in key.data.items():
        other = words.get(_word(key, name))
        if other is not None and other.words == word.words and other.inner:
            text = str(getattr(value, "text", value))
            is_duration = other.inner in ("delay", "max")
            meant[other.inner] = _with_unit(text) if is_duration else value
        elif name in key.known and word.meant == word.inner:
            meant[name] = value
    only = next(iter(meant)) if len(meant) == 1 else ""
    return key.shown(meant[only] if only in _ALONE else meant)


# Keys of a mapping that may be written alone in its place.
_ALONE = ("attempts", "id")


def _with_unit(text: str) -> str:
    """Return a duration as it is written, of other tools' in seconds or in words."""
    return f"{text}s" if text.isdecimal() else duration_meant(text) or text


def _one_further_out(key: UnknownKey) -> WrongKey | None:
    """The key belongs to the mapping around this one."""
    around = key.around
    if not around or not isinstance(around[-1], str) or key.name == around[-1]:
        return None
    is_alone = bool(key.data) and not key.known.keys() & key.data.keys()
    lacking = {
        (*around, one)
        for one, field in key.known.items()
        if field.is_required() and one not in key.data
    }
    # Of a mapping that has nothing of its own, or lacks just this, the key is meant for it.
    if is_alone and (wrong := _kind_in_value(key)):
        return wrong
    if (wrong := _foreign(key)) and (is_alone or wrong.cause.missing & lacking):
        return wrong
    is_known = key.name in place_of(key.model, around[:-1]).keys
    return _further_out(key) if is_known and len(around) >= len(("steps", 0)) else None


def _name_as_key(key: UnknownKey) -> WrongKey | None:
    """The key is the name of the step whose kind is below it."""
    value = key.data.get(key.name)
    if not isinstance(value, dict) or not key.kinds.keys() & value.keys():
        return None
    step = key.shown({"id": key.name, **value})
    advice = f". The name of a step is its `id`: write `- {step}`."
    return key.wrong(advice, Mistake.FOREIGN_WORD)


def _further_out(key: UnknownKey) -> WrongKey | None:
    """The key belongs to a mapping around this one, which knows it."""
    around = key.around
    for depth in range(len(around) - 1, -1, -1):
        inner = around[depth]
        known = place_of(key.model, around[:depth]).keys
        if isinstance(inner, str) and inner != key.name and key.name in known:
            advice = (
                f". It belongs next to `{inner}`, not inside it: begin its line in the same column "
                f"as `{inner}:`."
            )
            return key.wrong(advice, Mistake.MISPLACED, key.name, place=around[:depth])
    return None


def _arm(key: UnknownKey) -> WrongKey | None:
    """The key is a case of a `branch` that has its arms without `cases` around them."""
    if "cases" not in key.known or not isinstance(key.data[key.name], list):
        return None
    advice = f". It is an arm: write `cases: {{{key.name}: […]}}`."
    return key.wrong(advice, Mistake.MISPLACED, "cases", about="cases")


def _entry_without_owner(key: UnknownKey) -> WrongKey | None:
    """The key is the name of an entry of a mapping that is missing around it."""
    data = key.data.get(key.name)
    if not isinstance(data, dict) or not data:
        return None
    for owner, field in key.known.items():
        models = models_of(field)
        is_mapping = typing.get_origin(field.annotation) is dict
        if owner in key.data or not is_mapping or len(models) != 1:
            continue
        if data.keys() <= fields_of(models[0]).keys():
            advice = f". It belongs under `{owner}`: write `{owner}: {{{key.name}: {key.value}}}`."
            return key.wrong(advice, Mistake.MISPLACED, owner)
    return None


def _step_above(key: UnknownKey, owner: str) -> WrongKey | None:
    """The key is the kind of the last step of *owner*, which has none, and begins too far left."""
    steps = key.data.get(owner)
    if not isinstance(steps, list) or not steps:
        return None
    last, place = steps[-1], (*key.around, owner, len(steps) - 1)
    kinds = UnknownKey(key.document, key.model, place, "").kinds
    if not isinstance(last, dict) or not last or kinds.keys() & last.keys():
        return None
    step = key.shown({**last, key.name: key.data[key.name]})
    advice = f". It belongs to the step above: begin it in the same column, as in `- {step}`."
    wrong = key.wrong(advice, Mistake.MISPLACED)
    return replace(wrong, cause=replace(wrong.cause, missing=frozenset({place})))


def _further_in(key: UnknownKey) -> WrongKey | None:
    """The key belongs under a key of this mapping."""
    owners = {
        other: models
        for other, field in key.known.items()
        for models in [[one for one in models_of(field) if one is not key.model]]
        if any(key.name in fields_of(one) for one in models)
    }
    if not 0 < len(owners) <= _MOST_PLACES:
        return None
    for owner, models in owners.items():
        if any(hasattr(one, "kind_keys") for one in models):
            if above := _step_above(key, owner):
                return above
            form = f"`{owner}: [{{{key.name}: {key.value}}}]`"
            return key.wrong(f". It is a kind of step: write {form}.", Mistake.MISPLACED, owner)
    forms = " or ".join(f"`{owner}: {{{key.name}: {key.value}}}`" for owner in owners)
    advice = f". It belongs under another key: write {forms}."
    return key.wrong(advice, Mistake.MISPLACED, *owners)


# In their order: the first that knows what is meant.
_WAYS: Sequence[Callable[[UnknownKey], WrongKey | None]] = (
    *(_misspelt, _quoted_in_braces, _joined_to_value, _joined_to_braces, _anchor),
    *(_one_further_out, _sibling, _name_as_key, _kind_in_value, _foreign, _further_out),
    *(_further_in, _entry_without_owner, _arm, _pair, _similar, _only_missing, _nowhere_known),
)
