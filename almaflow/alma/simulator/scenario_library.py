"""What a scenario file may say of the library: its jobs, sets and profiles."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from almaflow.alma.simulator.scenario_fields import (
    Duration,
    Few,
    MemberCount,
    MomentField,
    Part,
    Scoped,
    Texts,
)

# Files with more records are not loaded in one piece, and all of them can be downloaded.
MOST_RECORDS = 100_000


class ExtraJob(Scoped):
    """A job that the library has besides the built-in ones."""

    id: str = Field(
        pattern=r"^[SMO]\d+$",
        description="M and digits: manual; S and digits: scheduled; O and digits: other.",
    )
    name: str
    description: str = ""
    category: str = Field(
        default="", description="The job's category. Default: INFORMATION_UPDATE, or PUBLISHING."
    )
    content: str = Field(
        default="BIB_MMS",
        description="Content type of a manual job's sets; empty: it takes any set, or none.",
    )
    mandatory: Texts = Field(default=(), description="Mandatory parameters, in addition to set_id.")
    tasks: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Number of tasks; a job with more than 1 cannot be run by API (402231).",
    )
    duration: Duration | None = Field(default=None, description="How long a run takes.")


class ExtraSet(Scoped):
    """A set that the library has besides the built-in ones."""

    id: str | None = Field(default=None, description="The set's id. Default: a generated one.")
    name: str
    content: str = Field(default="BIB_MMS", description="Alma's content type, such as ITEM.")
    query: str | None = Field(
        default=None, description="Query of a logical set; without it the set is itemized."
    )
    members: MemberCount | Annotated[tuple[str, ...], Field(max_length=100_000)] = Field(
        default=25, description="Number of members, or a list of their ids."
    )
    private: bool = False
    created_by: str = Field(
        default="exl_impl", description="Who created the set; `exl_api`: created through the API."
    )
    created: MomentField | None = Field(
        default=None,
        description="When the set was created. Default: before the start of the simulation.",
    )


class ExtraIntegrationProfile(Scoped):
    """An integration profile and its scheduled jobs."""

    code: str
    name: str = Field(default="", description="The profile's name. Default: the code.")
    type: str = Field(
        default="REMOTE_STORAGE",
        description="The profile's type, from the code table IntegrationTypes.",
    )
    id: str | None = None
    jobs: Texts = Field(
        default=(),
        description="Names of the profile's jobs. Default: the names that the type defines.",
    )


class ExtraImportProfile(Scoped):
    """An import profile and its job."""

    name: str
    id: str | None = None
    records: Annotated[int, Field(ge=0, le=MOST_RECORDS)] = Field(
        default=120, description="Number of records in each import."
    )


class ExtraPublishingProfile(Scoped):
    """A publishing profile; its job is `Publishing Platform Job <name>`."""

    name: str
    id: str | None = None


class Place(Part):
    """A location or a circulation desk of a library."""

    code: str
    name: str = Field(default="", description="Default: the code.")


class Department(Place):
    """A department of a library."""

    type: str = Field(default="AcqWorkOrder", description="The department's type.")


class ExtraLibrary(Scoped):
    """A library of the institution, for clients that read more than jobs and sets."""

    code: str
    name: str = Field(default="", description="Default: the code.")
    locations: Few[Place] = (Place(code="STACKS", name="Open stacks"),)
    desks: Few[Place] = (Place(code="DEFAULT_CIRC_DESK", name="Circulation desk"),)
    departments: Few[Department] = ()


class Library(Part):
    """What the library has besides the built-in jobs and profiles."""

    jobs: Few[ExtraJob] = ()
    integration_profiles: Few[ExtraIntegrationProfile] = ()
    import_profiles: Few[ExtraImportProfile] = ()
    publishing_profiles: Few[ExtraPublishingProfile] = ()
    libraries: Few[ExtraLibrary] = ()
