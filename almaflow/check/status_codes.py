"""Alma's status codes and our outcomes where a workflow lists them: cases, `accept`, `retry`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from almaflow.alma.job_status import KNOWN_STATUSES, TERMINAL_STATUSES
from almaflow.check.collector import ProblemCollector
from almaflow.document import PathTo
from almaflow.late_patterns import late_pattern
from almaflow.outcome import Outcome
from almaflow.problems import Severity
from almaflow.steps.base import Retry, StepBase
from almaflow.steps.which_kind import is_approve, is_branch, is_job_step
from almaflow.workflow import Defaults

if TYPE_CHECKING:
    from almaflow.steps.branch import Branch

# An outcome of a run that never was; no step has it.
OUTCOMES = [str(outcome) for outcome in Outcome if outcome is not Outcome.MISSED]

# From this likeness on a code is treated as a known one with a typing error. COMPLETED_PARTIALLY
# is less like COMPLETED_FAILED and may be new in Alma.
SLIP = 0.82
# What a code that is not known yet may look like; of a case, upper and lower case do not count.
_CODE = late_pattern(r"[A-Z0-9_]+|[a-z0-9_]+")

# What other systems call an outcome of ours.
_OTHER_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("success", "successful", "ok", "completed", "done"), Outcome.SUCCEEDED),
    **dict.fromkeys(("error", "failure"), Outcome.FAILED),
    **dict.fromkeys(("aborted", "canceled"), Outcome.CANCELLED),
    "warn": Outcome.WARNING,
    "timeout": Outcome.TIMED_OUT,
}

# The outcomes after which there is no other attempt.
_NEVER_AGAIN: Mapping[str, str] = {
    Outcome.SUCCEEDED: "A step that succeeded is not retried.",
    Outcome.SKIPPED: "A skipped step is not retried.",
    Outcome.CANCELLED: "A cancelled step is not retried.",
    Outcome.UNKNOWN: "A step whose outcome is `unknown` is not retried. A person resolves it "
    "with `almaflow resolve`.",
}


def check_endings(
    notes: ProblemCollector, path: PathTo, step: StepBase, steps: Mapping[str, StepBase]
) -> None:
    """Check the codes that *step*, which is at *path*, lists; *steps* are those with an id."""
    kind = step.kind
    inside = (*path, kind.key)
    if is_job_step(kind):
        for place, code in enumerate(kind.accept):
            check_status(notes, (*inside, "accept", place), code)
    if is_branch(kind):
        _check_cases(notes, inside, kind, steps)
    check_retry(notes, (*path, "retry"), step.retry)
    written = notes.document.value((*path, "retry"))
    # Of what has other keys, it is not known what they mean.
    is_read = not isinstance(written, dict) or written.keys() <= Retry.model_fields.keys()
    if step.retry is not None and kind.starts_job and not step.retry.on and is_read:
        notes.at_key(
            (*path, "retry"),
            "retry-without-on",
            f"`retry` of {kind.key} needs `on`: the results after which the job may be "
            "submitted again, such as `on: [SYSTEM_ABORTED]`. Without `on`, a job that has run "
            "is never submitted again.",
        )


def check_patience(
    notes: ProblemCollector, path: PathTo, step: StepBase, defaults: Defaults
) -> None:
    """Note an `approve` that is to continue after its timeout, but has none."""
    kind = step.kind
    if not is_approve(kind) or kind.on_timeout == "fail":
        return
    if step.timeout is None and defaults.timeout is None:
        notes.at(
            (*path, kind.key, "on_timeout"),
            "no-timeout",
            "`on_timeout: continue` never applies, because the step has no `timeout`: it waits "
            "until the time limit of the whole run expires. Give the step a `timeout`, such as "
            "`timeout: 2d`.",
            Severity.WARNING,
        )


def check_retry(notes: ProblemCollector, path: PathTo, retry: Retry | None) -> None:
    """Check the endings that allow another attempt: outcomes and Alma's codes."""
    for place, code in enumerate(retry.on if retry else ()):
        here = (*path, "on", place)
        if code in _NEVER_AGAIN:
            notes.at(here, "never-again", _NEVER_AGAIN[code])
        elif code in KNOWN_STATUSES.keys() - TERMINAL_STATUSES:
            notes.at(
                here,
                "never-again",
                f"`{code}` is the status of a job that is still running, and a step is retried "
                "only after it has ended. Use a status such as `SYSTEM_ABORTED`.",
            )
        elif code not in OUTCOMES:
            check_status(notes, here, code, outcomes=True)


def _check_cases(
    notes: ProblemCollector, path: PathTo, branch: Branch, steps: Mapping[str, StepBase]
) -> None:
    from almaflow.steps.branch import ENDING, split_case

    ending = ENDING.search(branch.on.text)
    step = steps.get(ending.group(1)) if ending else None
    of_job = step is not None and is_job_step(step.kind)
    seen: dict[str, int] = {}
    for values in branch.cases:
        place = (*path, "cases", values)
        for value in split_case(values):
            if ending:
                value = _in_its_case(value, ending.group(2))
            if not value and "|" in values:
                message = f"`{values}` has an empty value. Write `A | B` for either."
                notes.at_key(place, "bad-case", message)
            elif value in seen:
                message = (
                    f"There is already a case for `{value}` in line {seen[value]}. Keep one of "
                    "them."
                )
                notes.at_key(place, "duplicate-case", message)
            elif ending and ending.group(2) == "outcome":
                if message := outcome_problem(value):
                    notes.at_key(place, "unknown-outcome", message)
            elif ending and of_job and value:
                # The status is empty until Alma gives one, so there may be a case for that.
                check_status(notes, place, value, is_key=True)
            seen.setdefault(value, notes.document.key_location(place).line)


def _in_its_case(value: str, kind: str) -> str:
    """Return an outcome or status as it is written, whatever its case in the file."""
    if kind == "outcome":
        return value.lower() if value.lower() in OUTCOMES else value
    # `failed` is an outcome, and FAILED a status.
    return value.upper() if value.upper() in KNOWN_STATUSES and value not in OUTCOMES else value


def outcome_problem(value: str) -> str:
    """Return why no step ends as *value*, with the outcomes there are; empty: one may."""
    if value in OUTCOMES:
        return ""
    if value in KNOWN_STATUSES:
        advice = ", which is a status of Alma. Use `.status`, or choose one of "
    else:
        meant = _outcome_meant(value)
        advice = f"; did you mean `{meant}`? The outcomes are " if meant else ". The outcomes are "
    listed = ", ".join(f"`{outcome}`" for outcome in OUTCOMES)
    return f"No step ends as `{value}`{advice}{listed}."


def _outcome_meant(value: str) -> str:
    """Return the outcome that *value* resembles, nothing when it does not."""
    wanted = re.sub(r"[\s-]+", "_", value.strip()).casefold()
    if wanted in _OTHER_WORDS:
        return _OTHER_WORDS[wanted]
    near: list[str] = difflib.get_close_matches(wanted, OUTCOMES, n=1)
    return near[0] if near else ""


def check_status(
    notes: ProblemCollector,
    path: PathTo,
    code: str,
    *,
    is_key: bool = False,
    outcomes: bool = False,
) -> None:
    """Note a code that Alma is not known to use; with *outcomes*, ours are allowed too."""
    problem = status_problem(code, outcomes=outcomes)
    if problem is not None and code not in notes.statuses:
        note = notes.at_key if is_key else notes.at
        note(path, "unknown-status", *problem)


def status_problem(code: str, *, outcomes: bool = False) -> tuple[str, Severity] | None:
    """Return what is wrong with a code that Alma is not known to use: an error when it looks
    like a slip. None when it is known. With *outcomes*, almaflow's are allowed as well.
    """
    if code in KNOWN_STATUSES:
        return None
    severity = Severity.ERROR
    meant = _slip_of(code, outcomes)
    if code in OUTCOMES:
        message = (
            f"`{code}` is an outcome of almaflow, not a status of Alma. Use `.outcome`, or a "
            "status such as `COMPLETED_SUCCESS`."
        )
    elif meant:
        message = f"Alma has no status `{code}`; did you mean `{meant}`?"
    elif not _CODE.fullmatch(code):
        listed = ", ".join(f"`{known}`" for known in KNOWN_STATUSES if known in TERMINAL_STATUSES)
        message = (
            f"`{code}` is not a status of Alma: those are codes in capital letters, whatever the "
            f"language of the user interface. A job ends as {listed}."
        )
    else:
        severity = Severity.WARNING
        listed = ", ".join(f"`{known}`" for known in KNOWN_STATUSES)
        message = (
            f"`{code}` is not a known status of Alma, so this may never apply. Known statuses "
            f"are {listed}."
        )
    return message, severity


def _slip_of(code: str, outcomes: bool) -> str:
    """Return the known code that *code* resembles, nothing when it does not."""
    known: list[str] = [*(OUTCOMES if outcomes else ()), *KNOWN_STATUSES]
    if code.islower():
        known.reverse()
    folded = {one.casefold(): one for one in known}
    wanted = re.sub(r"[\s-]+", "_", code.strip()).casefold()
    near: list[str] = difflib.get_close_matches(wanted, folded, n=1, cutoff=SLIP)
    if near:
        return folded[near[0]]
    words = set(wanted.split("_"))
    part_of = [name for name in folded if words <= set(name.split("_"))]
    return folded[part_of[0]] if part_of else ""
