"""What a scenario file may say of resources that the simulator does not have, such as users."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from almaflow.alma.simulator.scenario_fields import Glob, Scoped

_PREFIX = "/almaws/v1"
_LONGEST = 1_000_000


def _below(path: str) -> str:
    if not path.startswith(("/", "*")):
        raise ValueError("write a path that begins with `/`, such as /users/jdoe or /acq/funds*")
    return path.removeprefix(_PREFIX) or "/"


class ScenarioResponse(Scoped):
    """The response to a read, in place of the simulator's own."""

    path: Annotated[Glob, AfterValidator(_below)] = Field(
        description="Pattern of the path below `/almaws/v1`, without the query, such as "
        "`/users/jdoe` or `/bibs/*`."
    )
    query: dict[str, Glob] = Field(
        default_factory=dict,
        max_length=100,
        description="Patterns of query parameters that the request must have, by name.",
    )
    method: Literal["GET"] = Field(default="GET", description="Only reads have such responses.")
    status: int = Field(default=200, ge=200, le=599, description="HTTP status.")
    json_: Annotated[Any, WithJsonSchema({})] = Field(
        default=None,
        alias="json",
        description="The response's data. Values keep the type that they have in the file: "
        "`12` is a number, `'12'` is text. If it is a mapping with one list, `limit` and `offset` "
        "give its pages, and `total_record_count` is added.",
    )
    text: str | None = Field(
        default=None, max_length=_LONGEST, description="The response as text, such as XML."
    )

    @model_validator(mode="after")
    def _one_body(self) -> ScenarioResponse:
        if self.json_ is not None and self.text is not None:
            raise ValueError("write either `json` or `text`, not both")
        return self
