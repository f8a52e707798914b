"""The files of a new project: their names, and their texts with the answers filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from almaflow import __version__
from almaflow.authoring.new_files import way_to_schemas
from almaflow.authoring.new_project.answers import Answers
from almaflow.operations.pasted_steps import quoted
from almaflow.settings import FILE_NAME

EXAMPLE = "example-export"
"""The name of the example workflow."""

_SCHEMAS = "schemas"

# By the name in the project, `@workflows@` being the folder of the workflows: the file in
# `templates/`. There, names have no dot in front, so that no program takes them for its own.
_FILES: Mapping[str, str] = {
    FILE_NAME: "almaflow.yaml",
    f"@workflows@/{EXAMPLE}.yaml": "example-export.yaml",
    f"@workflows@/{EXAMPLE}.scenario.yaml": "example-export.scenario.yaml",
    f"@workflows@/tests/{EXAMPLE}.tests.yaml": "example-export.tests.yaml",
    ".env.example": "env.example",
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".github/workflows/almaflow.yml": "github.yaml",
    ".gitlab-ci.yml": "gitlab-ci.yaml",
    ".vscode/settings.json": "vscode-settings.json",
    ".vscode/extensions.json": "vscode-extensions.json",
    "requirements.txt": "requirements.txt",
    "README.md": "README.md",
}

CI_FILES = (".github/workflows/almaflow.yml", ".gitlab-ci.yml")
"""Those that services read only in the top folder of a repository."""


def project_texts(
    answers: Answers, schemas: Mapping[str, str], *, workflows: str = "workflows"
) -> dict[str, str]:
    """Return the text of each file by its name, folders divided by `/`.

    *schemas* are texts by the names of their files; *workflows* is the folder of the workflows.
    """
    values = {
        "institution": quoted(answers.institution),
        "region": answers.region,
        "environment": answers.environment,
        "timezone": answers.timezone,
        "workflows": workflows,
        "schemas": way_to_schemas(_SCHEMAS, workflows),
        "version": __version__,
    }
    texts = {
        _filled(name, values): _filled(_read(template), values) for name, template in _FILES.items()
    }
    return texts | {f"{_SCHEMAS}/{name}": text for name, text in schemas.items()}


def _read(template: str) -> str:
    return files(__package__).joinpath("templates", template).read_text("utf-8")


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"@([a-z]+)@", lambda match: values[match[1]], text)
