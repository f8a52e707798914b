"""What a simulation makes up: sets, jobs, reports and counters that a workflow names.

Where everything exists (`everything_exists` in a scenario; always without a scenario), whatever a
caller names is there. What cannot be seen in a request (which set to look for, which columns a
report has, which counters a condition reads) the caller says beforehand as `Wanted`.
"""

from __future__ import annotations

import re
from datetime import timedelta

from almaflow.alma.simulator.alma_sets import AlmaSet
from almaflow.alma.simulator.institution import MOST_KEPT, Institution
from almaflow.alma.simulator.library import Effect, Job
from almaflow.alma.simulator.made_up_values import MadeUpValues, length
from almaflow.alma.simulator.records import Members, digest, id_types
from almaflow.alma.simulator.scenario import Report
from almaflow.alma.simulator.scenario_fields import fits
from almaflow.alma.simulator.wanted import Wanted

# Made-up sets are small enough to be looked through, and larger than one page.
_FEWEST_MEMBERS, _SPREAD = 20, 80
# Contents whose members have identifiers besides their ids.
_IDENTIFIED = ("ITEM", "BIB_MMS", "USER")
_ROWS = 12
_COLUMNS = ("Title", "MMS Id", "Barcode")
_AGE = timedelta(days=30)
_JOB_ID = re.compile(r"[SMO]\d+")


def named_set(institution: Institution, words: str) -> None:
    """Let the sets exist that a search by name for *words* can mean; `_` may be a space."""
    wanted = institution.wanted
    if wanted is None or not words:
        return
    for name in _names(wanted, words):
        if institution.set_named(name) is None and name not in institution.gone:
            _add_set(institution, name, None)


def _names(wanted: Wanted, words: str) -> list[str]:
    """Return the names among those wanted that *words* are a search for."""
    spaced = words.replace("_", " ")
    if any(fits(pattern.replace("_", " "), spaced) for pattern in wanted.own_sets):
        return []
    found: dict[str, None] = {}
    for pattern in wanted.sets:
        parts = pattern.split("*")
        if len(parts) == 1:
            if pattern.replace("_", " ").casefold() == spaced.casefold():
                found[pattern] = None
            continue
        expression = "(.*?)".join(re.escape(part.replace("_", " ")) for part in parts)
        if match := re.fullmatch(expression, spaced):
            # Alma's search does not tell `_` from a space, so either may be meant.
            filled = [spaced[slice(*match.span(group))] for group in range(1, len(parts))]
            literal = [words[slice(*match.span(group))] for group in range(1, len(parts))]
            for fills in (filled, literal):
                found["".join(_zipped(parts, fills))] = None
    return list(found)


def _zipped(parts: list[str], fills: list[str]) -> list[str]:
    return [piece for pair in zip(parts, [*fills, ""], strict=True) for piece in pair]


def set_with_id(institution: Institution, set_id: str) -> AlmaSet | None:
    """Return the set of that id; where everything exists, it is made unless it was deleted."""
    found, room = institution.sets.get(set_id), len(institution.sets) < MOST_KEPT
    made_up = room and institution.wanted is not None and set_id not in institution.gone
    if found is None and made_up:
        return _add_set(institution, f"Set {set_id}", set_id) if set_id.isdecimal() else None
    return found


def _add_set(institution: Institution, name: str, set_id: str | None) -> AlmaSet:
    count = institution.members_count(name, None, _FEWEST_MEMBERS + digest(name) % _SPREAD)
    wanted = institution.wanted
    content = (wanted.contents.get(set_id or name) if wanted else None) or "BIB_MMS"
    key = set_id or name
    logical = wanted is not None and key in wanted.logical
    made = institution.add_set(
        name,
        content,
        Members.computed(institution.records, content, name, count),
        created_at=institution.started_at - _AGE,
        created_by="exl_impl",
        query=f'{content} where {content} ((name EQUAL "{digest(name)}"))' if logical else "",
        private=False,
        set_id=set_id,
    )
    made.any_content = True
    return made


def suit(institution: Institution, alma_set: AlmaSet, content: str) -> None:
    """Let a made-up set hold *content*, which is what its use asks for."""
    if alma_set.any_content and content and alma_set.content != content:
        count = len(alma_set.members)
        alma_set.content = content
        alma_set.members = Members.computed(institution.records, content, alma_set.name, count)


def suit_id_type(institution: Institution, alma_set: AlmaSet, id_type: str) -> None:
    """Let a made-up set hold what has identifiers of this type."""
    if id_type not in id_types(alma_set.content):
        contents = (content for content in _IDENTIFIED if id_type in id_types(content))
        suit(institution, alma_set, next(contents, ""))


def job_with_id(institution: Institution, job_id: str) -> Job | None:
    """Return the job of that id; where everything exists, it is made."""
    found = institution.jobs.get(job_id)
    room = institution.wanted is not None and len(institution.jobs) < MOST_KEPT
    if found is None and room and _JOB_ID.fullmatch(job_id):
        found = made_up_job(job_id, f"Job {job_id}")
        institution.jobs[job_id] = found
    return found


def made_up_job(job_id: str, name: str) -> Job:
    """Return a job that takes any set."""
    manual = job_id.startswith("M")
    return Job(
        id=job_id,
        name=name,
        category="INFORMATION_UPDATE" if manual else "PUBLISHING",
        description=name,
        content="BIB_MMS" if manual else "",
        effect=Effect.CHANGE if manual else Effect.PUBLISH,
        seconds=120,
    )


def values_of(institution: Institution) -> MadeUpValues:
    """Return what makes up values of this institution."""
    return MadeUpValues(institution.records.form_of("BIB_MMS"), institution.started_at)


def report_at(institution: Institution, path: str) -> Report | None:
    """Return the report of that path with the columns wanted; None where it may be missing."""
    if institution.wanted is None or not path.startswith("/"):
        return None
    return wanted_report(institution, path)


def wanted_report(institution: Institution, path: str, fewest: int = _ROWS) -> Report:
    """Return a report with the columns and the rows that callers want, else *fewest* rows."""
    found = [wanted for wanted in institution.wants.reports if fits(wanted.path, path)]
    headings = tuple(dict.fromkeys(one for wanted in found for one in wanted.columns)) or _COLUMNS
    asked = next((wanted.rows for wanted in found if wanted.rows is not None), None)
    count = fewest if asked is None else length(asked, fewest)
    cells = asked.element.members if asked is not None and asked.element is not None else {}
    values = values_of(institution)

    def cell(heading: str, number: int) -> str:
        asked = cells.get(heading)
        made = "" if asked is None else str(values.value(asked, heading, number))
        return made if asked is not None and asked.bounds else _cell(values, heading, number)

    rows = tuple(tuple(cell(one, 1 + row) for one in headings) for row in range(count))
    return Report(path=path, columns=headings, rows=rows)


def _cell(values: MadeUpValues, heading: str, number: int) -> str:
    """Return a text that suits a column of that heading."""
    named = re.search(r"\b(title|name|author|description|note)\b", heading.casefold())
    return values.text(heading, number, "" if named else str(number))
