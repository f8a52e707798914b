"""The project's settings: `almaflow.yaml`, its values, and where its secrets are stored.

The modules are imported when something of them is used: commands that only read the store need no
model of the settings as long as almaflow.yaml is unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from almaflow.late_names import late_names

if TYPE_CHECKING:
    from almaflow.settings.found_file import find_settings_file
    from almaflow.settings.institution import InstitutionConfig
    from almaflow.settings.limits import InstitutionLimits
    from almaflow.settings.models import REGIONS, Environment, InstitutionSettings, Settings
    from almaflow.settings.paths import FILE_NAME, PathRefused, check_link, data_path, path_inside
    from almaflow.settings.project import Project, find_project, load_project
    from almaflow.settings.references import SecretRef
    from almaflow.settings.store_settings import StoreSettings

__getattr__ = late_names(
    __name__,
    {
        "found_file": ("find_settings_file",),
        "institution": ("InstitutionConfig",),
        "limits": ("InstitutionLimits",),
        "models": ("REGIONS", "Environment", "InstitutionSettings", "Settings"),
        "paths": ("FILE_NAME", "PathRefused", "check_link", "data_path", "path_inside"),
        "project": ("Project", "find_project", "load_project"),
        "references": ("SecretRef",),
        "store_settings": ("StoreSettings",),
    },
)
