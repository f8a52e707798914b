"""The project: the folder with `almaflow.yaml`, and what is looked up in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from almaflow.document import MAX_BYTES, Document, PathTo, read_document
from almaflow.errors import DocumentsInvalid, LinesWanted, RequestWrong
from almaflow.json_data import copied
from almaflow.late_dataclasses import dataclass
from almaflow.model_validation import validate
from almaflow.problems import Problem, did_you_mean
from almaflow.settings.found_file import check_target, find_settings_file
from almaflow.settings.institution import InstitutionConfig
from almaflow.settings.limits import InstitutionLimits, LimitSettings
from almaflow.settings.literals import hide_literals, with_starred_lines, without_values
from almaflow.settings.models import Environment, InstitutionSettings, Settings
from almaflow.settings.paths import FILE_NAME, PathRefused, data_path, path_inside
from almaflow.settings.references import SecretRef, SecretSource
from almaflow.settings.store_settings import STORE, StoreSettings
from almaflow.text_files import FileUnreadable, display_path, read_bytes
from almaflow.visible import one_line

LOG_CHANNEL = "log"
"""The channel that is always there."""

_LINES = """\
institutions:
  {name}:
    region: eu                  # na, eu, ap, aps, ca or cn
    api_key: env:ALMA_API_KEY   # the variable that holds the key
"""


@dataclass(frozen=True)
class Project:
    """A folder with its settings; without a file, *document* is None and all is default."""

    folder: Path
    settings: Settings
    document: Document | None

    @property
    def institutions(self) -> Mapping[str, InstitutionSettings]:
        """The entries of almaflow.yaml."""
        return self.settings.institutions

    @property
    def default_institution(self) -> str | None:
        """The name of the institution that counts when none is named; None when none is clear."""
        names = list(self.institutions)
        return self.settings.default_institution or (names[0] if len(names) == 1 else None)

    @property
    def workflows(self) -> Path:
        """The folder of the workflow files."""
        return self.folder / self.settings.workflows

    def institution(self, name: str | None = None) -> InstitutionConfig:
        """Return the institution called *name*, else the default one.

        Raises:
            RequestWrong: there is none; shows the lines to write.
        """
        institution = name or self.default_institution
        if institution is None and self.institutions:
            names = ", ".join(f"`{known}`" for known in self.institutions)
            raise RequestWrong(
                f"No institution is specified, and {self._file} has several ({names}) and no "
                "default. Specify one in the workflow (`institution: …`), or write "
                "`default_institution: …`."
            )
        entry = self.institutions.get(institution or "")
        if entry is None or institution is None:
            raise LinesWanted(self._how_to_write(institution))
        return copied(
            InstitutionConfig,
            entry,
            name=institution,
            base_url=entry.address,
            limits=InstitutionLimits.of(
                self._limit_settings(institution),
                self.settings.timezone,
                is_sandbox=entry.environment is Environment.SANDBOX,
            ),
            account=_account(institution, entry),
            folder=self.folder,
        )

    @property
    def webhook_accounts(self) -> frozenset[str]:
        """The accounts of the institutions that have a webhook."""
        return frozenset(
            _account(name, entry)
            for name, entry in self.institutions.items()
            if entry.webhook_secret is not None
        )

    @property
    def store_settings(self) -> StoreSettings:
        """The part that commands need that only read the store."""
        return StoreSettings(
            self.folder,
            None if self.document is None else self.document.file,
            self.settings.timezone,
            self.settings.store,
            tuple(self.references()),
        )

    @property
    def store_url(self) -> str:
        """The store's address; Raises: RequestWrong, as `StoreSettings.url` does."""
        return self.store_settings.url

    def secret(self, name: str) -> str:
        """Return the value of `secrets.<name>`.

        Raises:
            RequestWrong: almaflow.yaml has no such secret, or its place is empty.
        """
        reference = self.settings.secrets.get(name)
        if reference is None:
            hint = did_you_mean(name, self.settings.secrets)
            raise RequestWrong(
                f"There is no secret `{name}`{hint or '.'} Add it to {self._file}: `secrets: "
                f"{{{name}: env:NAME}}`."
            )
        return reference.resolve(self.folder, f"secrets.{name}")

    def known_secrets(self, *, strict: bool = True) -> list[str]:
        """Return the values of all secrets, as `StoreSettings.known_secrets` does.

        Raises:
            SecretWeak: one of them is too short or too common to be hidden.
        """
        return self.store_settings.known_secrets(strict=strict)

    @property
    def _file(self) -> str:
        return self.document.file if self.document else FILE_NAME

    def references(self) -> Iterator[tuple[str, SecretRef]]:
        """Yield where almaflow.yaml names a secret, such as `secrets.ftp`, and its place."""
        for name, institution in self.institutions.items():
            yield f"institutions.{name}.api_key", institution.api_key
            if institution.webhook_secret is not None:
                yield f"institutions.{name}.webhook_secret", institution.webhook_secret
        for key in ("channels", "secrets", "pings"):
            for name, reference in getattr(self.settings, key).items():
                yield f"{key}.{name}", reference
        for name, connection in self.settings.connections.items():
            if connection.password is not None:
                yield f"connections.{name}.password", connection.password
        if self.settings.serve is not None:
            yield from self.settings.serving.references()
        if self.settings.store_is_reference:
            yield STORE, SecretRef.read(self.settings.store)

    def missing_secrets(self) -> Iterator[tuple[str, str]]:
        """Yield where almaflow.yaml names a secret that is not on this host, and why it is not.

        A keyring may ask a person to open it, so what is in one is left out.
        """
        for used_as, reference in self.references():
            if reference.origin is not SecretSource.KEYRING:
                try:
                    reference.read_value(self.folder)
                except RequestWrong as error:
                    yield used_as, str(error)

    def _how_to_write(self, name: str | None) -> str:
        name = name and one_line(name)
        lines = _LINES.format(name=name or "main")
        if self.document is None:
            place = f"There is no {FILE_NAME} in {self.folder} or a folder above it"
            effect = f", so the institution `{name}` is not known" if name else ""
            return (
                f"{place}{effect}. Create a project with `almaflow init`, or the file with these "
                f"lines, or use `--simulate`:\n\n{lines}"
            )
        what = f"no institution `{name}`" if name else "no institution"
        hint = did_you_mean(name, self.institutions) if name else ""
        return f"{self._file} has {what}{hint or '.'} Add these lines:\n\n{lines}"

    def _limit_settings(self, name: str) -> LimitSettings:
        account = _account(name, self.institutions[name])
        shared = (
            entry.limits
            for other, entry in self.institutions.items()
            if _account(other, entry) == account and entry.limits is not None
        )
        return next(shared, None) or LimitSettings()


def _account(name: str, entry: InstitutionSettings) -> str:
    # A sandbox has its production's code, but its own limits.
    return f"{entry.code}/{entry.environment}" if entry.code else name


def find_project(start: Path) -> Project:
    """Return the project that contains *start*: the nearest `almaflow.yaml` upwards counts.

    Raises:
        DocumentsInvalid: the file has problems, or others can write it, so it is not read.
    """
    start = start.absolute()
    file = find_settings_file(start)
    return Project(start, Settings(), None) if file is None else load_project(file)


def load_project(file: Path) -> Project:
    """Read the settings in *file*.

    Raises:
        DocumentsInvalid: the file has problems; no possible secret is shown.
    """
    check_target(file)
    try:
        document = read_document(file, display_path(file))
    except DocumentsInvalid as error:
        # Not chained: the first error holds the lines as they are.
        problems = with_starred_lines(without_values(error.problems, _text(file)))
    else:
        hide_literals(document)
        try:
            settings = validate(document, Settings)
        except DocumentsInvalid as error:
            problems = without_values(error.problems, document.text)
        else:
            project = Project(file.absolute().parent, settings, document)
            problems = sorted(_cross_checks(project, document))
            if not problems:
                return project
    raise DocumentsInvalid(problems)


def _text(file: Path) -> str:
    """Return the text of a file that could not be read as YAML, as far as it is text."""
    try:
        return read_bytes(file, MAX_BYTES).decode("utf-8", "replace")
    except FileUnreadable:
        return ""


def _checks_of_serve(
    settings: Settings, at: Callable[[PathTo, str, str], Problem]
) -> Iterator[Problem]:
    """Yield what is wrong between `serve` and the other parts of the file."""
    serve = settings.serving
    for key, what, named, known in (
        ("to", "channel", serve.to, {LOG_CHANNEL, *settings.channels}),
        ("ping", "ping", serve.ping, set(settings.pings)),
    ):
        if named is not None and named not in known:
            hint = did_you_mean(named, known)
            message = f"There is no {what} `{named}` under `{what}s`{hint or '.'}"
            yield at(("serve", key), f"unknown-{what}", message)
    if serve.digest is not None and serve.to is None:
        message = "`digest` needs `to`, the channel that it is sent to."
        yield at(("serve", "digest"), "choose-one", message)


def _cross_checks(project: Project, document: Document) -> Iterator[Problem]:
    """Yield what is wrong between the parts of the file, and with the paths it names."""

    def at(path: PathTo, code: str, message: str) -> Problem:
        return document.problem(document.location_of(path), code, message)

    settings = project.settings
    default = settings.default_institution
    if default is not None and default not in settings.institutions:
        hint = did_you_mean(default, settings.institutions)
        message = f"There is no institution `{default}` under `institutions`{hint or '.'}"
        yield at(("default_institution",), "unknown-institution", message)
    if LOG_CHANNEL in settings.channels:
        place = document.key_location(("channels", LOG_CHANNEL))
        message = "The channel `log` always exists. Give this one another name."
        yield document.problem(place, "reserved-name", message)
    if settings.serve is not None:
        yield from _checks_of_serve(settings, at)
    for name, entry in settings.institutions.items():
        if entry.limits is not None and project._limit_settings(name) != entry.limits:
            yield at(
                ("institutions", name, "limits"),
                "limits-differ",
                f"Entries with the code `{entry.code}` share their limits, but another entry "
                "has different ones. Write them once.",
            )
    try:
        path_inside(project.folder, settings.workflows)
    except PathRefused as error:
        yield at(("workflows",), error.code, str(error))
    for name, calendar in settings.calendars.items():
        if calendar.ics is None:
            continue
        try:
            target = data_path(project.folder, calendar.ics)
        except PathRefused as error:
            yield at(("calendars", name, "ics"), error.code, str(error))
            continue
        if not os.path.isfile(target):
            message = f"There is no file `{calendar.ics}` in the project folder."
            yield at(("calendars", name, "ics"), "no-such-file", message)
