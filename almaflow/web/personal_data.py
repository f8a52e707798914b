"""Values that belong to a person do not appear on pages: names, barcodes, addresses, user ids.

    by name     a parameter, input, output or field whose name says so (`barcode`, `user_id`,
                `emailAddress`, `members`), also in JSON, XML and addresses inside a text
    by form     e-mail addresses, phone numbers, national identity numbers, in every text
    by value    what was hidden by its name is hidden in the other texts of the page, too

`Border` decides once per request who sees what; `HIDING` hands it to templates (`render`), to
documents of the API (`answer`) and to refusals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field, fields, is_dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.web.identity_numbers import NUMBERS, is_identity_number

HIDDEN = "(hidden)"
"""What replaces a value that belongs to a person."""

# Words of a name, one after another, that make its value a person's.
_HIDE: Sequence[str] = (
    *("barcode", "barcodes", "email", "emails", "e mail", "mail address", "phone", "telephone"),
    *("mobile number", "fax", "address", "addresses", "street", "postal code", "zip code"),
    *("primary id", "primary ids", "user", "users", "patron", "patrons", "borrower", "borrowers"),
    *("user id", "user ids", "userid", "username", "requester", "requesters", "reader id"),
    *("first name", "middle name", "last name", "full name", "given name", "family name"),
    *("surname", "firstname", "lastname", "birth", "birthday", "birthdate", "gender", "password"),
    *("pin", "pin number", "national id", "identity number", "identification number", "ssn"),
    *("ahv", "passport", "iban", "external id", "member", "members", "matriculation", "student"),
    *("personal", "proxy for", "card number", "orcid", "salutation", "job title"),
)
# Longer names that have one of these words and are not a person's.
_SHOW: Sequence[str] = (
    *("user group", "user groups", "user type", "user types", "user account type", "user status"),
    *("users updated", "users processed", "users deleted", "users failed", "users added"),
    *("user block", "user role", "user roles", "member count", "members count", "ip address"),
    *("record type", "users total", "number of users", "number of members", "number of barcodes"),
    *("patron type", "patron group", "user set", "users set", "set type", "id type"),
)
_WORDS = late_pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_EMAIL = late_pattern(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = late_pattern(r"(?<![\w+])\+[1-9][0-9]{0,2}(?:[ ()/.-]{0,2}[0-9]){7,12}(?![\w])")
_OF_USER = late_pattern(r"(/users/)([^/?#\s\"'<>`]+)")
_PAIR = late_pattern(r"\b([A-Za-z_][\w.-]{1,60})(=|~)([^&\s\"'<>`;,]+)")
_JSON = late_pattern(r"\"([A-Za-z_][\w.-]{1,60})\"(\s*:\s*)\"((?:[^\"\\]|\\.)*)\"")
_XML = late_pattern(r"<([A-Za-z_][\w.-]{1,60})((?:\s[^<>]*)?)>([^<>]+)(?=</)")
_TOKEN = late_pattern(r"[^\s\"'`´‘’“”«»<>,;:=&?/(){}\[\]|]+")
# Shorter values are words of sentences too often, and larger documents are not searched.
_SHORTEST, _MOST_VALUES, _MOST_PHRASES, _MOST_NODES = 4, 50_000, 200, 200_000
# Characters of a name that are looked at, and names whose answers are kept.
_LONGEST_NAME, _MOST_ANSWERS = 200, 10_000
# A counter with so many digits counts something; a longer number may be an id.
_COUNT = late_pattern(r"\s*[0-9][0-9.,' ]{0,8}\s*%?\s*|true|false|")


@dataclass(frozen=True)
class PersonalData:
    """The rule: which names hold a person's data, after the settings of the project."""

    hide: tuple[tuple[str, ...], ...]
    show: tuple[tuple[str, ...], ...]
    answers: dict[str, bool] = field(default_factory=dict, compare=False)
    """By name, what `hides` has returned: a page asks for the same names thousands of times."""

    def hides(self, name: str) -> bool:
        """Whether what is called *name* belongs to a person."""
        name = name[:_LONGEST_NAME]
        answer = self.answers.get(name)
        if answer is None:
            if len(self.answers) >= _MOST_ANSWERS:
                self.answers.clear()
            answer = self.answers[name] = _hides(self, name)
        return answer

    def value(self, value: Any, name: str = "", known: Known | None = None) -> Any:
        """Return JSON-able *value*, called *name*, with hidden parts replaced."""
        if name and self.hides(name):
            return _all_hidden(value)
        if isinstance(value, str):
            return self.text(value, known)
        if isinstance(value, Mapping):
            called = _called(value)
            return {
                key: self.value(one, called if called and key == "value" else str(key), known)
                for key, one in value.items()
            }
        if isinstance(value, list | tuple):
            pair = _pair_name(value)
            if pair:
                return [value[0], self.value(value[1], pair, known)]
            return [self.value(one, "", known) for one in value]
        return value

    def text(self, text: str, known: Known | None = None) -> str:
        """Return *text* without what can be recognised in it as a person's."""
        if known is not None:
            text = known.without(text)
        if "@" in text:
            text = _EMAIL.sub(HIDDEN, text)
        if "+" in text:
            text = _PHONE.sub(HIDDEN, text)
        if "/users/" in text:
            text = _OF_USER.sub(rf"\1{HIDDEN}", text)
        if "=" in text or "~" in text:
            text = _PAIR.sub(self._of_pair, text)
        if '":' in text or '" :' in text:
            text = _JSON.sub(self._of_json, text)
        if "</" in text:
            text = _XML.sub(self._of_xml, text)
        return NUMBERS.sub(_of_number, text)

    def known(self, value: Any) -> Known:
        """Return the values in *value* that are hidden by their name, for the texts around."""
        collector = _Collector(self)
        collector.visit(value, "")
        return Known(frozenset(collector.found))

    def _of_pair(self, match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{HIDDEN}" if self.hides(match[1]) else match[0]

    def _of_json(self, match: re.Match[str]) -> str:
        return f'"{match[1]}"{match[2]}"{HIDDEN}"' if self.hides(match[1]) else match[0]

    def _of_xml(self, match: re.Match[str]) -> str:
        return f"<{match[1]}{match[2]}>{HIDDEN}" if self.hides(match[1]) else match[0]


# What has nothing inside.
_PLAIN = frozenset({str, int, float, bool, type(None), datetime, timedelta})


class _Collector:
    """Finds the values that are hidden by their name, in pages of runs with many items."""

    def __init__(self, rule: PersonalData) -> None:
        self.found: set[str] = set()
        self._rule = rule
        self._nodes = 0
        self._visited: set[int] = set()

    def visit(self, value: Any, name: str) -> None:
        """Collect from *value*, which is called *name*."""
        if name and self._rule.hides(name):
            if len(self.found) <= _MOST_VALUES:
                self.found.update(text for text in _texts(value) if _is_telling(text))
            return
        # Boxes hold the steps of a run again; what is inside does not depend on the name.
        if type(value) in _PLAIN or id(value) in self._visited:
            return
        self._visited.add(id(value))
        self._nodes += 1
        if isinstance(value, Mapping):
            self._visit_mapping(value)
        elif isinstance(value, list | tuple):
            self._visit_list(value)
        else:
            for field_name in _fields_of(type(value)):
                # Its fields are ours; what people and Alma name is in mappings.
                self.visit(getattr(value, field_name), "")

    def _visit_mapping(self, value: Mapping[Any, Any]) -> None:
        called, answers = _called(value), self._rule.answers
        for key, one in value.items():
            if self._is_full():
                return
            name = called if called and key == "value" else str(key)
            # Most values are plain and have a name that hides nothing.
            if type(one) not in _PLAIN or answers.get(name) is not False:
                self.visit(one, name)

    def _visit_list(self, value: Sequence[Any]) -> None:
        pair = _pair_name(value)
        for number, one in enumerate(value):
            if self._is_full():
                return
            if pair or type(one) not in _PLAIN:
                self.visit(one, pair if number else "")

    def _is_full(self) -> bool:
        """Count one more value, and say whether that is more than a page is searched for."""
        self._nodes += 1
        return self._nodes > _MOST_NODES


_FIELDS: dict[type, tuple[str, ...]] = {}
"""By class, what `_fields_of` has returned; a page has few classes and many instances."""


def _fields_of(kind: type) -> tuple[str, ...]:
    """Return the fields of a data class of ours; none of other classes."""
    names = _FIELDS.get(kind)
    if names is None:
        is_ours = kind.__module__.startswith("almaflow.") and is_dataclass(kind)
        names = _FIELDS[kind] = tuple(one.name for one in fields(kind)) if is_ours else ()
    return names


@dataclass(frozen=True)
class Known:
    """Values that belong to persons, as they appear elsewhere on the same page."""

    values: frozenset[str]

    def without(self, text: str) -> str:
        """Return *text* with each of the values replaced."""
        if not self.values:
            return text
        phrases = [one for one in self.values if _TOKEN.fullmatch(one) is None]
        for phrase in sorted(phrases, key=len, reverse=True)[:_MOST_PHRASES]:
            text = text.replace(phrase, HIDDEN)
        return _TOKEN.sub(self._of_token, text)

    def _of_token(self, match: re.Match[str]) -> str:
        token = match[0]
        bare = token.rstrip(".!")
        return HIDDEN + token[len(bare) :] if bare in self.values else token


SHOWN = "personal"
"""The parameter of an address with which a person who may operate sees everything."""


@dataclass
class Page:
    """What is known while one page is made."""

    known: Known | None
    has_hidden: bool = False
    """Whether something has been hidden so far."""


HIDING: ContextVar[PersonalData | None] = ContextVar("HIDING", default=None)
"""The rule for the request that is being answered; None: everything is shown."""

_PAGE: ContextVar[Page | None] = ContextVar("_PAGE", default=None)


@lru_cache(maxsize=8)
def rule_of(hide: tuple[str, ...] = (), show: tuple[str, ...] = ()) -> PersonalData:
    """Return the rule with further names to *hide* and to *show*, which count before ours."""
    return PersonalData(
        tuple(_words(one) for one in (*hide, *_HIDE)), tuple(_words(one) for one in (*show, *_SHOW))
    )


def hidden_data(document: Any) -> Any:
    """Return JSON-able *document* as the person who asks may see it."""
    rule = HIDING.get()
    return document if rule is None else rule.value(document, known=rule.known(document))


def hidden_text(text: str) -> str:
    """Return *text* as the person who asks may see it."""
    rule = HIDING.get()
    if rule is None:
        return text
    page = _PAGE.get()
    shown = rule.text(text, None if page is None else page.known)
    if page is not None and HIDDEN in shown:
        page.has_hidden = True
    return shown


def has_hidden() -> bool:
    """Whether something has been hidden so far on the page that is being made."""
    page = _PAGE.get()
    return page is not None and page.has_hidden


@contextmanager
def hiding_on_page(values: Mapping[str, Any], *, is_action: bool) -> Iterator[None]:
    """Hide, while a page is made of *values*, also what they hold under a name that is hidden.

    The page of an action shows everything: who acts has to see what is sent.
    """
    rule = None if is_action else HIDING.get()
    known = None if rule is None else rule.known(list(values.values()))
    tokens = HIDING.set(rule), _PAGE.set(Page(known))
    try:
        yield
    finally:
        HIDING.reset(tokens[0])
        _PAGE.reset(tokens[1])


def hidden_value(value: Any, name: str = "") -> Any:
    """Return *value*, called *name*, as the person who asks may see it."""
    rule = HIDING.get()
    return value if rule is None else rule.value(value, name)


def _hides(rule: PersonalData, name: str) -> bool:
    words = _words(name)
    best = max((_length(words, one) for one in rule.hide), default=0)
    return best > max((_length(words, one) for one in rule.show), default=0)


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name: `userPrimary_id` is user, primary, id."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def _length(words: Sequence[str], phrase: Sequence[str]) -> int:
    """Return how many words *phrase* has if it is in *words*, else 0."""
    long = len(phrase)
    places = range(len(words) - long + 1)
    return long if any(tuple(words[at : at + long]) == tuple(phrase) for at in places) else 0


def _all_hidden(value: Any) -> Any:
    """Return *value* without its content; counts, true and false tell nothing about a person."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {key: _all_hidden(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [f"{HIDDEN[:-1]}: {len(value)} values)"] if value else []
    return value if _COUNT.fullmatch(str(value)) else HIDDEN


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value.strip()
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def _is_telling(text: str) -> bool:
    return len(text) >= _SHORTEST and not _COUNT.fullmatch(text)


def _called(value: Mapping[Any, Any]) -> str:
    """Return what a `{name, value}` or `{key, label, value}` names; empty for another mapping."""
    if "value" not in value:
        return ""
    name = value.get("name", value.get("key", ""))
    if isinstance(name, Mapping):
        name = name.get("value", "")
    return f"{name} {value.get('label', '')}" if isinstance(name, str) else ""


def _pair_name(value: Sequence[Any]) -> str:
    """Return the name in a pair of name and value, as queries have them; else nothing."""
    if len(value) == 2 and isinstance(value[0], str) and value[0].isidentifier():
        return value[0]
    return ""


def _of_number(match: re.Match[str]) -> str:
    return HIDDEN if is_identity_number(match[0]) else match[0]
