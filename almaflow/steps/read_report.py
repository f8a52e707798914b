"""`read_report`: a report of Alma Analytics, all its pages. Only reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from almaflow.alma.analytics import ReportPage, first_page, next_page
from almaflow.alma.errors import AlmaRefused, ResponseLost
from almaflow.alma.value_parsing import normal_name
from almaflow.expressions import NUMBER, TEXT, ListType, RecordType, Type
from almaflow.field_types import Template, Text, refused
from almaflow.problems import did_you_mean
from almaflow.steps.base import Kind
from almaflow.steps.output_size import LARGEST_OUTPUT, fitting, too_large
from almaflow.steps.report_path import literal_path_problem, path_problem
from almaflow.steps.result import StepFailed, StepResult
from almaflow.waiting import Waiting, WaitingKind

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

# Each look at a report that has no rows yet comes this much later than the one before.
_GROWTH = 1.5

# How often in a row Analytics may refuse to continue a report, which it does when it runs out
# of time, before the refusal counts; and the wait after that and after errors of the server.
_REFUSALS, _AFTER_TROUBLE = 3, timedelta(seconds=10)

# What to do about a report that is too large.
_LESS = "Keep fewer of its `columns`, or omit rows with `filter`."


class ReadReport(Kind):
    """Read all pages of a report of Alma Analytics, as rows or as one column.

    The API key needs the area Analytics. Values are text; a cell without a value is empty text.
    The rows of a report without a sort order may come in a different order each time.
    """

    key = "read_report"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:READ_REPORT"
    short: ClassVar[str | None] = "path"
    outputs: ClassVar = {
        "rows": ListType(RecordType({}, "column of the report", open=True)),
        "count": NUMBER,
    }
    example = """\
- id: report
  read_report:
    path: /shared/My Library/Reports/Discarded items
    column: Barcode
"""

    path: Template = Field(
        description="The report's full path in the Analytics catalog, such as `/shared/My "
        "Library/Reports/Discarded items`."
    )
    filter: Template | None = Field(
        default=None, description="An XML filter expression for the report's prompted columns."
    )
    columns: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="The headings of the columns to keep; default: all. When two columns "
        "have the same heading, the second is `heading (2)`.",
    )
    column: Text | None = Field(
        default=None,
        description="The heading of one column. `rows` is then the list of its values.",
    )

    @field_validator("path")
    @classmethod
    def _literal_path(cls, template: Template) -> Template:
        if why := literal_path_problem(template.text):
            raise refused("bad_path", why)
        return template

    @field_validator("filter")
    @classmethod
    def _literal_filter(cls, template: Template | None) -> Template | None:
        if template is not None and "{{" not in template.text:
            why = _no_xml(template.text)
            if why:
                raise refused("bad_filter", why)
        return template

    @model_validator(mode="after")
    def _one_of_both(self) -> ReadReport:
        if self.columns is not None and self.column is not None:
            raise refused(
                "choose_one", "`read_report` allows either `columns` or `column`, not both."
            )
        return self

    def output_types(self) -> Mapping[str, Type]:
        row: Type = TEXT
        if self.column is None:
            columns = dict.fromkeys(self.columns or (), TEXT)
            row = RecordType(columns, "column of the report", open=self.columns is None)
        return {"rows": ListType(row), "count": NUMBER}

    async def perform(self, context: StepContext) -> StepResult:
        path = context.text(self.path)
        if why := path_problem(path, self.path.text):
            raise StepFailed(f"{why} Nothing was sent.")
        filter = "" if self.filter is None else context.text(self.filter)
        if filter and (why := _no_xml(filter)):
            raise StepFailed(f"{why} Nothing was sent.")
        kept = await self._all_pages(context, path, filter)
        found = {"rows": kept.rows, "count": len(kept.rows)}
        context.outputs.update(fitting(found, kept.what, _LESS))
        return StepResult()

    async def _all_pages(self, context: StepContext, path: str, filter: str) -> _Rows:
        """Read the report, from its beginning again when a page was lost on the way."""
        wait = context.poll.first
        while True:
            kept = _Rows(path, self.columns, self.column)
            try:
                await _Reader(context, path, filter).read(kept)
            except _PageLost as error:
                text = f"the response with a page of the report {path} was lost ({error})"
                await context.sleep(wait, Waiting(WaitingKind.ALMA, text))
                wait = min(wait * _GROWTH, context.poll.max)
            else:
                return kept


class _PageLost(Exception):
    """An answer with rows may be lost: Analytics gives the next ones to whoever asks next."""


class _Reader:
    """Asks for one page after the other, by path until there is a token, then by that."""

    def __init__(self, context: StepContext, path: str, filter: str) -> None:
        self._context = context
        self._path = path
        self._first = first_page(path, filter)
        self._token = ""
        self._has_rows = False
        self._trouble = ""
        """What was the matter with the last answer that was none; empty when all was well."""

    async def read(self, kept: _Rows) -> None:
        """Read page after page until Analytics says that it was the last.

        Raises:
            _PageLost: begin again.
            StepFailed, AlmaRefused: the report cannot be read.
        """
        wait = self._context.poll.first
        while True:
            page = await self._page()
            self._has_rows = self._has_rows or bool(page.rows)
            if page.rows and not (kept.named or page.headings) and self._trouble:
                # The headings come with the first rows.
                raise _PageLost(self._trouble)
            kept.add(page)
            if page.finished:
                return
            if not page.rows:
                text = f"Analytics is running the report {self._path}"
                await self._context.sleep(wait, Waiting(WaitingKind.ALMA, text))
                wait = min(wait * _GROWTH, self._context.poll.max)
                continue
            if not self._token:
                raise StepFailed(
                    f"The report {self._path} has more rows, but Analytics sent no token to "
                    "request them. Nothing was kept; try again later."
                )
            self._context.progress(f"{len(kept.rows)} rows of the report read")
            wait = self._context.poll.first

    async def _page(self) -> ReportPage:
        """Return the next page; what brings no rows for certain is asked again."""
        tries = 0
        while True:
            try:
                if self._token:
                    page = await self._context.read(next_page(self._token), again=False)
                else:
                    # Asked by its path it begins again, so this may be asked as often as need be.
                    page = await self._context.read(self._first)
            except ResponseLost as error:
                self._trouble = error.text.rstrip(".")
                if self._has_rows or error.http_status is None:
                    raise _PageLost(self._trouble) from error
            except AlmaRefused as error:
                tries += 1
                if tries > _REFUSALS or not self._may_go_on(error):
                    raise
                self._trouble = error.text.rstrip(".")
            else:
                # The token of the first answer stays the same for all pages.
                self._token = self._token or page.token
                return page
            why = f"Analytics cannot continue with the report ({self._trouble})"
            await self._context.sleep(_AFTER_TROUBLE, Waiting(WaitingKind.ALMA, why))

    def _may_go_on(self, error: AlmaRefused) -> bool:
        """Whether a refusal may only mean that the report takes long.

        That comes as HTTP 400, as a wrong path does, which the first call would have met.
        """
        timed_out = re.search(r"tim(e|ed)[ -]?out", error.text, re.IGNORECASE) is not None
        slow = bool(self._token) or timed_out
        return error.http_status == 400 and slow and not self._has_rows


class _Rows:
    """The rows of a report as they come, cut down to the columns that are asked for."""

    def __init__(self, path: str, columns: Sequence[str] | None, column: str | None) -> None:
        self.rows: list[Any] = []
        self._path = path
        self._wanted = [column] if column is not None else columns
        self._single = column
        self._names: dict[str, str] = {}
        self._size = 0

    @property
    def named(self) -> bool:
        """Whether the headings of the columns are known."""
        return bool(self._names)

    @property
    def what(self) -> str:
        """The rows as messages name them."""
        return f"The part to keep of the report {self._path}"

    def add(self, page: ReportPage) -> None:
        """Keep the rows of a page; Raises: StepFailed when they are too many."""
        if not self._names and page.headings:
            self._names = self._columns(page.headings)
        if page.rows and not self._names:
            raise StepFailed(f"Analytics sent the report {self._path} without column headings.")
        for cells in page.rows:
            row = {heading: cells.get(name, "") for heading, name in self._names.items()}
            texts = row.values() if self._single is not None else (*row, *row.values())
            # As JSON: each with quotes and what divides it from the next.
            self._size += sum(len(text.encode()) + 4 for text in texts)
            if self._size > LARGEST_OUTPUT:
                raise too_large(self.what, _LESS)
            self.rows.append(row if self._single is None else row[self._single])

    def _columns(self, headings: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return the names that the columns to keep have in the rows, by heading."""
        there = _unique_names(headings)
        if self._wanted is None:
            return there
        by_normal = {normal_name(heading): name for heading, name in there.items()}
        missing = [one for one in self._wanted if normal_name(one) not in by_normal]
        if missing:
            listed = ", ".join(f"`{heading}`" for heading in there)
            hint = did_you_mean(missing[0], there) or "."
            raise StepFailed(
                f"The report {self._path} has no column `{missing[0]}`{hint} Its columns are "
                f"{listed or 'none'}."
            )
        return {one: by_normal[normal_name(one)] for one in self._wanted}


def _unique_names(headings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the names of columns by heading, the second of a heading as `heading (2)`."""
    there: dict[str, str] = {}
    for name, heading in headings:
        if name in there.values():
            continue
        unique, number = heading, 1
        while unique in there:
            number += 1
            unique = f"{heading} ({number})"
        there[unique] = name
    return there


def _no_xml(text: str) -> str:
    """Return why *text* cannot be a filter; empty when it can."""
    # Most reports have no filter.
    from almaflow.alma.xmltree import XmlInvalid, parse_xml

    try:
        parse_xml(text)
    except XmlInvalid as error:
        # The prefixes of a filter may be declared where Analytics puts it.
        if "unbound prefix" not in str(error):
            return (
                f"`filter` is not valid XML: {error}, at line {error.line}, column "
                f"{error.column}. Copy the filter from the report's definition in Analytics."
            )
    return ""
