"""The records of a simulated library: which ids exist, and the members of its sets.

Records are not stored. A record is a number, its id and barcode are made from it; only what
callers name themselves (barcodes, deleted records) is remembered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from almaflow.alma.simulator.library import TITLES
from almaflow.alma.simulator.scenario_fields import fits
from almaflow.alma.simulator.texts import USER_IDENTIFIER_TYPES

# How ids look, by content; %d is the record's number, {s} the institution's suffix.
_FORMS = {
    "BIB_MMS": "99%09d{s}",
    "ITEM": "23%09d000{s}",
    "HOLDING": "22%09d000{s}",
    "PORTFOLIO": "53%09d000{s}",
    "IEC": "81%09d000{s}",
    "IEPA": "61%09d000{s}",
    "USER": "user%06d",
    "PO_LINE": "POL-%d",
    "VENDOR": "VEN%05d",
}
_TITLES = (*TITLES, "IER")
_NUMBER = {"BIB_MMS": re.compile(r"\d{8,}"), "PO_LINE": re.compile(r"[A-Za-z0-9][\w-]{2,}")}
_NUMBER["USER"] = _NUMBER["VENDOR"] = re.compile(r"\S{2,}")
_OTHER_NUMBER = re.compile(r"\d{5,}")
# Letters, digits and what labels have between them; a space too.
_BARCODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/+$% -]{3,})[A-Za-z0-9._-]")
_POOL_BARCODE = re.compile(r"39031(\d{9})")
_BIB_IDENTIFIERS = {
    "SYSTEM_NUMBER": re.compile(r".{3,}"),
    "OCLC_NUMBER": re.compile(r"(\(OCoLC\))?(ocm|ocn|on)?\d{4,}", re.IGNORECASE),
    "ISBN": re.compile(r"(?:\d-?){9}(?:(?:\d-?){3})?[\dXx]"),
    "ISSN": re.compile(r"\d{4}-?\d{3}[\dXx]"),
}
# Numbers of records that callers name themselves begin here, above those of made-up members.
_NAMED = 500_000_000
_POOL = 20_011  # A prime: every stride visits all records of the pool.
_LARGE_POOL = 2_000_003  # For sets that are larger than the pool.

_FAMILY = ("Meier", "Okafor", "Rossi", "Nguyen", "Keller", "Silva", "Dubois", "Larsen")
_GIVEN = ("Anna", "Ben", "Chiara", "David", "Eva", "Farid", "Grace", "Hugo")


def digest(text: str) -> int:
    """Return a number that is the same for the same text, everywhere."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def is_title(content: str) -> bool:
    """Tell whether members of this content are named by MMS ids."""
    return content in _TITLES


def id_types(content: str) -> Iterable[str]:
    """Return the identifier types that members of this content may be named by."""
    if is_title(content):
        return _BIB_IDENTIFIERS
    if content == "ITEM":
        return ("BARCODE",)
    return USER_IDENTIFIER_TYPES if content == "USER" else ()


class Records:
    """Which records an institution has."""

    def __init__(
        self,
        suffix: str,
        unknown: Sequence[str] = (),
        known: Sequence[str] = (),
        *,
        any_id: bool = False,
    ) -> None:
        self._suffix = suffix
        self._known = tuple(known)
        self._any_id = any_id
        self._unknown = tuple(unknown)
        self._named: dict[tuple[str, str], int] = {}
        self._names: dict[str, str] = {}
        self._gone: set[str] = set()

    def id_of(self, content: str, number: int) -> str:
        """Return the id of a record by its number."""
        return self.form_of(content) % number

    def above(self, record_id: str) -> tuple[str, str]:
        """Return the ids of the title and of the holdings that an item belongs to."""
        number = 1 + digest(record_id) % _POOL
        return self.id_of("BIB_MMS", number), self.id_of("HOLDING", number)

    def form_of(self, content: str) -> str:
        """Return the pattern of ids, in which `%` puts the record's number."""
        form = _FORMS["BIB_MMS"] if is_title(content) else _FORMS.get(content)
        return (form or "60%09d000{s}").format(s=self._suffix)

    def find(self, content: str, id_type: str, text: str) -> str | None:
        """Return the id of the record that *text* names, None when there is none."""
        known = any(fits(pattern, text) for pattern in self._known)
        if not known and any(fits(pattern, text) for pattern in self._unknown):
            return None
        any_id = known or self._any_id
        record_id = self._identified(content, id_type, text, any_id) if id_type else text
        if any_id and record_id:
            return None if record_id in self._gone else record_id
        kind = "BIB_MMS" if is_title(content) else content
        form = _NUMBER.get(kind, _OTHER_NUMBER)
        if not record_id or (not id_type and form.fullmatch(text) is None):
            return None
        return None if record_id in self._gone else record_id

    def _identified(self, content: str, id_type: str, text: str, any_id: bool) -> str | None:
        if content == "USER":
            return text if any_id or _NUMBER["USER"].fullmatch(text) else None
        form = _BARCODE if content == "ITEM" else _BIB_IDENTIFIERS[id_type]
        if not any_id and form.fullmatch(text) is None:
            return None
        if content == "ITEM" and (pooled := _POOL_BARCODE.fullmatch(text)):
            return self.id_of(content, int(pooled.group(1)))
        if id_type in ("ISBN", "ISSN"):
            text = text.replace("-", "").upper()
        number = self._named.setdefault((id_type, text), _NAMED + len(self._named))
        record_id = self.id_of(content, number)
        self._names[record_id] = text
        return record_id

    def describe(self, content: str, record_id: str) -> str:
        """Return a member's description: an item's barcode, a user's name, a title."""
        if content == "ITEM":
            made = self._names.get(record_id)
            return made or f"39031{record_id[2:11]:0>9}"
        number = digest(record_id)
        if content == "USER":
            return f"{_FAMILY[number % 8]}, {_GIVEN[number // 8 % 8]}"
        return f"Title of record {record_id}" if is_title(content) else f"Record {record_id}"

    def delete(self, record_ids: Iterable[str]) -> None:
        """Let records be gone: nothing finds them any more."""
        self._gone.update(record_ids)


class Members:
    """The members of one set, in order; those that Alma works out are listed only when needed."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids: dict[str, None] | None = dict.fromkeys(ids)
        self._rule: tuple[Records, str, int, int] | None = None

    @classmethod
    def computed(cls, records: Records, content: str, seed: str, count: int) -> Members:
        """Return *count* members that the text *seed* decides."""
        members = cls()
        members._ids = None
        members._rule = (records, content, digest(seed), count)
        return members

    def __len__(self) -> int:
        if self._ids is not None:
            return len(self._ids)
        return self._rule[3] if self._rule else 0

    def __contains__(self, record_id: str) -> bool:
        return record_id in self._listed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed())

    def page(self, offset: int, limit: int) -> list[str]:
        """Return some of the ids."""
        if self._ids is None:
            return list(self._computed(range(offset, min(offset + limit, len(self)))))
        return list(self._ids)[offset : offset + limit]

    def add(self, ids: Iterable[str]) -> None:
        """Put ids at the end; those that are there stay where they are."""
        self._listed().update(dict.fromkeys(ids))

    def discard(self, ids: Iterable[str]) -> None:
        """Take ids out; those that are not there do not matter."""
        listed = self._listed()
        for record_id in ids:
            listed.pop(record_id, None)

    def _listed(self) -> dict[str, None]:
        if self._ids is None:
            # From the size of the pool on, ids come again.
            self._ids = dict.fromkeys(self._computed(range(min(len(self), _LARGE_POOL))))
            self._rule = None
        return self._ids

    def _computed(self, indices: range) -> Iterator[str]:
        assert self._rule is not None  # only asked while nothing is listed
        records, content, seed, count = self._rule
        pool = _POOL if count <= _POOL else _LARGE_POOL
        stride = 1 + seed // pool % (pool - 1)
        form = records.form_of(content)
        return (form % (1 + (seed + index * stride) % pool) for index in indices)
