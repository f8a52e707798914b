"""`all` of `get`: the pages of one of Alma's lists, joined. Only reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from almaflow.alma.calls import PAGE, AlmaRequest
from almaflow.alma.directory import MOST_LISTED
from almaflow.late_dataclasses import dataclass
from almaflow.steps.output_size import LARGEST
from almaflow.steps.result import StepFailed

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

LARGEST_JOINED = 4 * LARGEST
"""Bytes of JSON of the pages that are joined, before `select` keeps a part of them."""

_LESS = "Request fewer entries with `query`."


async def read_all(context: StepContext, call: AlmaRequest[Any]) -> dict[str, Any]:
    """Return Alma's response to *call* with the entries of all its pages in its list.

    Each page is a read. `limit` of the call is the size of a page, the most that Alma allows if
    it has none.

    Raises:
        StepFailed: the response is not a list with pages, or is too long or too large.
    """
    size = _page_size(call)
    pages = _Pages(call.what)
    while True:
        answer = await context.read(_page(call, size, pages.offset))
        pages.add(answer)
        if pages.is_complete(size):
            return pages.joined()
        of = "" if pages.total is None else f" of {pages.total}"
        context.progress(f"reading all pages: {len(pages.entries)}{of} entries")


def _page_size(call: AlmaRequest[Any]) -> int:
    query = dict(call.query)
    if "offset" in query:
        raise StepFailed("With `all`, the query must not have an `offset`. Nothing was sent.")
    limit = query.get("limit", str(PAGE))
    if not limit.isascii() or not limit.isdigit() or not 0 < int(limit[:9]) <= PAGE:
        raise StepFailed(
            f"With `all`, `limit` is the size of a page, from 1 to {PAGE}, not `{limit}`. Nothing "
            "was sent."
        )
    return int(limit)


def _page(call: AlmaRequest[Any], size: int, offset: int) -> AlmaRequest[Any]:
    kept = tuple(pair for pair in call.query if pair[0] != "limit")
    return replace(call, query=(*kept, ("limit", str(size)), ("offset", str(offset))))


@dataclass
class _Pages:
    """The pages that were read so far."""

    what: str
    first: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    """The key of the list; empty as long as no page had entries."""
    entries: list[Any] = field(default_factory=list)
    offset: int = 0
    """How many entries Alma has sent, including those that came twice."""
    total: int | None = None
    _last: int = 0
    _before: set[str] = field(default_factory=set)
    _size: int = 0

    def add(self, answer: Any) -> None:
        """Take the next page; Raises: StepFailed."""
        found = self._list_in(answer)
        texts = [json.dumps(entry, sort_keys=True) for entry in found]
        # A list may shift between two pages: what the page before had too counts once.
        new = [one for one, text in zip(found, texts, strict=True) if text not in self._before]
        self.entries += new
        self._before = set(texts)
        self._last = len(new)
        self.offset += len(found)
        self._size += sum(map(len, texts))
        total = answer.get("total_record_count")
        self.total = total if isinstance(total, int) else None
        if max(len(self.entries), self.total or 0) > MOST_LISTED:
            raise StepFailed(
                f"Alma's responses to {self.what} list more than {MOST_LISTED:,} entries, the "
                f"most that almaflow reads. {_LESS}"
            )
        if self._size > LARGEST_JOINED:
            raise StepFailed(
                f"Alma's responses to {self.what} are together larger than "
                f"{LARGEST_JOINED // 1024**2} MiB. {_LESS}"
            )

    def _list_in(self, answer: Any) -> list[Any]:
        """Return the list of a page; Raises: StepFailed."""
        if not isinstance(answer, Mapping):
            raise self._no_list()
        lists = [key for key, value in answer.items() if isinstance(value, list)]
        if not self.first:
            self.first = answer
        if not self.key and len(lists) == 1:
            self.key = lists[0]
        # Alma omits the key of a list that is empty.
        if len(lists) > 1 or (not lists and "total_record_count" not in answer):
            raise self._no_list()
        return list(answer.get(self.key) or ())

    def _no_list(self) -> StepFailed:
        return StepFailed(
            f"Alma's response to {self.what} is not a list with pages, so its pages cannot be "
            "joined. Omit `all`."
        )

    def is_complete(self, size: int) -> bool:
        """Whether there is nothing more to read, by Alma's total or its last page."""
        if self.total is not None:
            return self.offset >= self.total or not self._last
        return self._last < size

    def joined(self) -> dict[str, Any]:
        """Return the first page with the entries of all pages, and Alma's last total."""
        whole = dict(self.first)
        if self.key:
            whole[self.key] = self.entries
        if self.total is not None:
            whole["total_record_count"] = self.total
        return whole
