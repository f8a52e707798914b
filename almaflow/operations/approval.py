"""Replying to a step that waits for a person."""

from __future__ import annotations

from collections.abc import Mapping

from almaflow.errors import RequestWrong
from almaflow.operations.action_documents import ReplyGiven
from almaflow.operations.run_records import definition_of, is_worked_on, log_request
from almaflow.operations.typed_text import as_recorded
from almaflow.outcome import Status
from almaflow.problems import did_you_mean
from almaflow.runs.views import view_of
from almaflow.store import RunRecord, Store
from almaflow.store.locks import locks_of_decision
from almaflow.waiting import WaitingKind


def reply(
    store: Store, run: str, step: str | None, *, approved: bool, comment: str, by: str
) -> ReplyGiven:
    """Approve a step of a run, or reject it.

    *run* is any unique part of its id, or `last`; *step* is the step's path or id, None: the only
    one that waits.

    Raises:
        RequestWrong: no such step waits for an answer, or it has one.
    """
    record, path, _ = open_question(store, run, step)
    worked_on = is_worked_on(store, record)
    _refuse_second(store, record, path)
    comment = as_recorded(comment)
    value = {"approved": approved, "comment": comment}
    decision = "approved" if approved else "rejected"
    text = f"{by} {decision} step {path}{f': {comment}' if comment else '.'}"
    with store.batch(locks_of_decision(record.id)):
        log_request(store, record.id, text, by, asked="approve", step=path, **value)
        answer = store.add_answer(record.id, path, "approve", value, by)
    return ReplyGiven(record.id, path, approved, comment, answer.by, answer.at, worked_on)


def open_question(store: Store, run: str, step: str | None) -> tuple[RunRecord, str, str]:
    """Return the run, the path of the step that waits for a reply, and its question.

    Raises:
        RequestWrong: no such step waits for an answer.
    """
    record = store.find_run(run)
    if record.status is Status.FINISHED:
        raise RequestWrong(
            f"Run {record.id} is finished ({record.outcome}), so none of its steps is "
            f"waiting for an answer. Run `almaflow show {record.id}` to see the result."
        )
    questions = open_questions(store, record, worked_on=is_worked_on(store, record))
    path = _chosen(record, step, questions)
    return record, path, questions[path]


def open_questions(store: Store, record: RunRecord, *, worked_on: bool) -> dict[str, str]:
    """Return the questions that wait for a person, by the path of the step that asks."""
    entries = store.journal(record.id)
    view = view_of(record, definition_of(store, record), entries, [], worked_on=worked_on)
    return {
        step.path: step.waiting.text
        for step in view.steps
        if step.waiting is not None and step.waiting.kind is WaitingKind.PERSON
    }


def _chosen(record: RunRecord, step: str | None, waiting: Mapping[str, str]) -> str:
    """Return the path of the step to reply to; Raises: RequestWrong."""
    asks = "; ".join(f"`{path}` ({question})" for path, question in waiting.items())
    if not waiting:
        reason = f": it is waiting for something else ({record.reason})"
        raise RequestWrong(
            f"No step of run {record.id} is waiting for an "
            f"answer{(reason if record.reason else '')}. `almaflow why {record.id}` explains "
            "what the run is waiting for."
        )
    if step is None:
        if len(waiting) == 1:
            return next(iter(waiting))
        raise RequestWrong(
            f"Several steps of run {record.id} are waiting for an answer: {asks}. Specify one."
        )
    if step in waiting:
        return step
    matches = [path for path in waiting if path.rsplit("/", 1)[-1] == step]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = ", ".join(f"`{path}`" for path in matches)
        raise RequestWrong(
            f"Several steps with the id `{step}` are waiting for an answer: {listed}. Specify "
            "one of these paths."
        )
    raise RequestWrong(
        f"No step `{step}` of run {record.id} is waiting for an "
        f"answer{did_you_mean(step, waiting) or '.'} Waiting: {asks}."
    )


def _refuse_second(store: Store, record: RunRecord, path: str) -> None:
    """Raise `RequestWrong` when the step has a reply that no process has applied yet."""
    questions = [
        one for one in store.journal(record.id) if (one.path, one.effect) == (path, "asked")
    ]
    after = questions[-1].value["after"] if questions else 0
    for answer in store.answers([record.id], after):
        if (answer.path, answer.kind) == (path, "approve"):
            decision = "approved" if answer.value["approved"] else "rejected"
            raise RequestWrong(
                f"Step {path} of run {record.id} was already {decision} by {answer.by}. The run "
                "continues as soon as a process executes it."
            )
