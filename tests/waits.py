"""What runs of tests wait for."""

from __future__ import annotations

from typing import Any

from almaflow.waiting import Waiting, WaitingKind


def wait(text: str, path: str = "", kind: WaitingKind = WaitingKind.OTHER, **more: Any) -> Waiting:
    """Return a wait of the step at *path*; without one, of the run as a whole."""
    return Waiting(kind, text, path, **more)


def question(text: str, path: str) -> Waiting:
    """Return the wait of an `approve` step."""
    return Waiting(WaitingKind.PERSON, text, path)


def following(job_id: str, path: str, instance_id: str = "12", detail: str = "") -> Waiting:
    """Return the wait for a job that Alma says is running."""
    text = f"job {job_id} is running in Alma as instance {instance_id}"
    return Waiting(WaitingKind.JOB, text, path, status="RUNNING", detail=detail)
