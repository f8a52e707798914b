"""The project's settings: `almaflow.yaml`, its values, and where its secrets are stored."""

from __future__ import annotations

from almaflow.settings.institution import InstitutionConfig
from almaflow.settings.limits import InstitutionLimits
from almaflow.settings.models import REGIONS, Environment, InstitutionSettings, Settings
from almaflow.settings.paths import FILE_NAME, PathRefused, check_link, data_path, path_inside
from almaflow.settings.project import Project, find_project, load_project
from almaflow.settings.references import SecretRef
