"""Integration and import profiles as an institution keeps them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IntegrationProfile:
    """How Alma talks to another system; its scheduled jobs name it as their profile."""

    id: str
    code: str
    name: str
    type: str
    system: str = "OTHER"
    created_by: str = "exl_impl"


@dataclass(frozen=True)
class ImportProfile:
    """How Alma loads records from files; it has one job."""

    id: str
    name: str
    job_id: str
