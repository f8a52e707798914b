"""`almaflow schema`: the JSON Schemas for completion and checks in editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from almaflow.cli.render.terminal import emit_document, emit_json, emit_lines
from almaflow.errors import AlmaflowError, RequestWrong


def schema(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write all schemas (workflow, project, scenario, tests, catalog) into this "
            "folder instead; it is created if necessary.",
        ),
    ] = None,
    project: Annotated[
        bool, typer.Option("--project", help="Print the schema of almaflow.yaml instead.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --output: print the files as JSON.")
    ] = False,
) -> None:
    """Print the JSON Schema of workflow files, or write the schemas into a folder.

    An editor with the YAML language server reads it when the file begins with the line
    `# yaml-language-server: $schema=../schemas/workflow.schema.json`.
    """
    from almaflow import json_schema as schemas

    if output is None:
        made = schemas.project_schema() if project else schemas.workflow_schema()
        emit_document(schemas.schema_text(made).rstrip("\n"))
        return
    if project:
        raise RequestWrong(
            "`--output` writes all schemas. Use only one of `--output` and `--project`."
        )
    if output.exists() and not output.is_dir():
        raise RequestWrong(f"{output} is a file. Specify a folder.")
    from almaflow.cli.schemas import other_schemas

    try:
        files = [str(file) for file in schemas.write_schemas(output, other_schemas())]
    except OSError as error:
        raise AlmaflowError(
            f"The schemas cannot be written to {output}: {error.strerror or error}. Specify a "
            "folder that is writable and has space."
        ) from error
    if as_json:
        emit_json({"written": files})
    else:
        emit_lines(f"Wrote {file}." for file in files)
