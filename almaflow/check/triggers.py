"""The `on` of a workflow: the inputs that its runs are given, and whether reports can arrive."""

from __future__ import annotations

from almaflow.check.collector import ProblemCollector
from almaflow.check.given_inputs import check_given_inputs
from almaflow.check.loader import CheckContext
from almaflow.check.status_codes import check_status
from almaflow.job_trigger import Triggers
from almaflow.problems import Severity
from almaflow.workflow import Workflow

_LACKING = (
    "No run could start when this job ends: {} has no default. Name what of the report it is here "
    "under `inputs`, such as `inputs: {{instance: instance_id}}`, or add a `default` to its "
    "declaration."
)


def check_triggers(
    triggers: Triggers, workflow: Workflow, notes: ProblemCollector, around: CheckContext
) -> None:
    """Check every entry of `on`."""
    for place, trigger in enumerate(triggers.job_ended):
        path = ("on", "job_ended", place)
        for at, code in enumerate(trigger.status):
            check_status(notes, (*path, "status", at), code)
        check_given_inputs(notes, path, trigger.inputs, workflow, lacking=_LACKING)
    if around.settings_count and not _has_webhook(workflow, around):
        notes.at(
            ("on",),
            "no-webhook",
            f"No report of Alma can start this workflow: its institution has no `webhook_secret` "
            f"in {around.file}. Create an integration profile of the type Webhooks in Alma, and "
            "write `webhook_secret: env:NAME` with the place of its secret.",
            Severity.WARNING,
        )


def _has_webhook(workflow: Workflow, around: CheckContext) -> bool:
    institutions = around.project.institutions
    given = workflow.institution
    if given is not None and "{{" in given.text:
        return any(entry.webhook_secret is not None for entry in institutions.values())
    name = given.text if given is not None else around.project.default_institution
    entry = institutions.get(name or "")
    # An institution that is not there is a separate problem.
    return entry is None or entry.webhook_secret is not None
