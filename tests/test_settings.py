from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

import almaflow
from almaflow.alma.job_status import KNOWN_STATUSES
from almaflow.cli.render.problem_formats import ProblemFormat, format_problems
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.late_dataclasses import built
from almaflow.settings import (
    REGIONS,
    Environment,
    InstitutionLimits,
    InstitutionSettings,
    Project,
    SecretRef,
    Settings,
    find_project,
    load_project,
    path_inside,
)
from almaflow.settings.references import SecretWeak
from almaflow.settings.strength import weakness
from tests.golden import documents, expected

EXAMPLE = """\
default_institution: main
timezone: Europe/Zurich
workflows: workflows/
store: sqlite:///almaflow.db
institutions:
  main:
    region: eu
    code: 01ABC_INST
    api_key: env:ALMA_API_KEY_MAIN
    environment: production
    limits: {running_jobs: 2, starts_per_hour: 4, calls_per_second: 30, calls_per_minute: 900}
    settle: 15m
  sandbox:
    base_url: http://127.0.0.1:8080/almaws/v1/
    api_key: file:keys/sandbox
    environment: sandbox
    settle: never
calendars:
  closed: {country: CH, subdivision: ZH, dates: [2026-12-24/2027-01-02], ics: closing-days.ics}
channels:
  systems: env:ALMAFLOW_SYSTEMS_URL
secrets: {ftp: env:FTP_PASSWORD}
connections:
  exports:
    url: sftp://alma@files.example.edu/out
    password: env:SFTP_PASSWORD
    host_key: ssh-ed25519 AAAA
  open: {url: "ftp://files.example.edu"}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "almaflow.yaml"
    file.write_text(text, "utf-8")
    return file


def project(folder: Path, text: str) -> Project:
    return load_project(write(folder, text))


@pytest.fixture
def example(tmp_path: Path) -> Project:
    (tmp_path / "closing-days.ics").touch()
    return project(tmp_path, EXAMPLE)


@pytest.mark.parametrize("path", documents("settings"), ids=lambda path: path.stem)
def test_a_mistake_in_the_settings_is_told_in_the_words_of_its_golden_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)

    with pytest.raises(DocumentsInvalid) as caught:
        load_project(Path(path.name))

    shown = format_problems(caught.value.problems, ProblemFormat.TEXT)
    assert shown == expected(path)
    assert "l7xx" not in shown
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "line",
    [
        *("api_key:KEY", "api_key: 'KEY", 'api_key: "KEY', "api_key:\tKEY", "\tapi_key: KEY"),
        *("api_key: KEY: x", "api_key: @KEY", "api_key: %KEY", "api_key: `KEY`", "api_key: 'KEY'x"),
        *("api_key: *KEY", "api_key: !KEY", "api_key: [KEY", "api_key: {KEY", "api_key: {{ KEY }}"),
        *("apikey: KEY", "api-key: KEY", "api_key = KEY", "api_key:KEY-which-is-very-long-" * 3),
    ],
)
def test_no_mistake_shows_a_key(line: str, tmp_path: Path) -> None:
    text = f"institutions:\n  main:\n    region: eu\n    {line}\n"

    with pytest.raises(DocumentsInvalid) as caught:
        project(tmp_path, text.replace("KEY", "l7xxsecretsecret"))

    assert "l7xxsec" not in format_problems(caught.value.problems, ProblemFormat.TEXT)


def test_every_problem_of_literal_keys_is_free_of_them_in_every_format() -> None:
    (path,) = (path for path in documents("settings") if path.stem == "everything-wrong")
    with pytest.raises(DocumentsInvalid) as caught:
        load_project(path)

    for style in ProblemFormat:
        assert "l7xxsecret" not in format_problems(caught.value.problems, style)
    assert "l7xxsecret" not in repr(caught.value.problems)


def test_values_under_serve_are_shown_unless_they_may_be_secrets(tmp_path: Path) -> None:
    file = write(
        tmp_path, "serve: {users: {anna: {password: hunter22, role: no}}, digest: '25:00'}"
    )

    with pytest.raises(DocumentsInvalid) as caught:
        load_project(file)

    shown = "serve: {users: {anna: {password: ********, role: no}}, digest: '25:00'}"
    assert {problem.line_text for problem in caught.value.problems} == {shown}


def test_the_file_is_found_upwards_from_the_working_directory(tmp_path: Path) -> None:
    write(tmp_path, "timezone: Europe/Paris\n")
    inner = tmp_path / "workflows" / "deep"
    inner.mkdir(parents=True)

    found = find_project(inner)

    assert found.folder == tmp_path
    assert found.settings.timezone == "Europe/Paris"
    assert found.document is not None


def test_without_a_file_all_is_default_and_the_folder_is_where_one_stands(tmp_path: Path) -> None:
    found = find_project(tmp_path)

    assert found == Project(tmp_path, Settings(), None)
    assert found.settings.timezone == "UTC"
    assert found.workflows == tmp_path / "workflows"
    assert found.store_url == f"sqlite:///{tmp_path}/.almaflow/almaflow.db"
    assert found.default_institution is None
    assert found.known_secrets() == []


def test_a_file_is_shown_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, "timezone: x\n")

    for folder, shown in ((tmp_path, "almaflow.yaml"), (Path("/"), str(file).lstrip("/"))):
        monkeypatch.chdir(folder)
        with pytest.raises(DocumentsInvalid) as caught:
            find_project(tmp_path)
        assert caught.value.problems[0].location.file == shown

    monkeypatch.chdir(Path(__file__).parent)
    with pytest.raises(DocumentsInvalid) as caught:
        find_project(tmp_path)
    assert caught.value.problems[0].location.file == str(file)


def test_an_institution_is_ready_to_be_used(example: Project, tmp_path: Path) -> None:
    main = example.institution()
    sandbox = example.institution("sandbox")

    assert main.name == "main"
    assert main.base_url == "https://api-eu.hosted.exlibrisgroup.com"
    assert main.limits == InstitutionLimits(2, 4, 30, 900, 5000)
    assert main.settle == timedelta(minutes=15)
    assert sandbox.base_url == "http://127.0.0.1:8080"
    assert sandbox.environment is Environment.SANDBOX
    assert sandbox.settle is None
    assert sandbox.account == "sandbox"


def test_a_sandbox_has_limits_of_its_own_by_default(example: Project) -> None:
    assert example.institution("sandbox").limits == InstitutionLimits(3, 5, 8, 240, 5000)


def test_entries_with_the_same_code_share_limits_but_a_sandbox_does_not(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        "institutions:\n"
        "  a: {region: eu, api_key: env:A, code: 01X, limits: {running_jobs: 1}}\n"
        "  b: {region: eu, api_key: env:B, code: 01X}\n"
        "  c: {region: eu, api_key: env:C, code: 01X, environment: sandbox}\n",
    )

    a, b, c = (found.institution(name) for name in "abc")

    assert a.account == b.account != c.account
    assert a.limits == b.limits
    assert (b.limits.running_jobs, c.limits.running_jobs) == (1, 3)


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_every_region_has_its_address(region: str, tmp_path: Path) -> None:
    text = f"institutions: {{x: {{region: {region}, api_key: env:A}}}}"

    address = project(tmp_path, text).institution().base_url

    assert address.startswith(f"https://api-{region}.hosted.exlibrisgroup.com")
    assert address.endswith(".cn") == (region == "cn")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://alma.example.edu", "https://alma.example.edu"),
        ("https://alma.example.edu:8443/almaws/v1", "https://alma.example.edu:8443"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_is_scheme_and_host(address: str, kept: str, tmp_path: Path) -> None:
    text = f'institutions: {{x: {{base_url: "{address}", api_key: env:A}}}}'

    assert project(tmp_path, text).institution().base_url == kept


@pytest.mark.parametrize(
    "address",
    [
        "http://alma.example.edu",
        "http://10.0.0.1",
        "ftp://localhost",
        "https://alma.example.edu/other",
        "https://alma.example.edu?apikey=x",
        "https://alma.example.edu:port",
        "https://",
        "https://[::1",
        "https://alma example.edu",
        "https://{{ host }}",
        "https://alma..example.edu",
        "https://alma\\u0000.example.edu",
        "https://\\u202ealma.example.edu",
        "https://alma.example.edu\\r\\n",
        f"https://{'a' * 64}.example.edu",
    ],
)
def test_an_address_that_is_not_safe_or_not_almas_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        project(tmp_path, f'institutions: {{x: {{base_url: "{address}", api_key: env:A}}}}')

    assert [problem.code for problem in caught.value.problems] == ["bad-url"]


def test_an_only_institution_is_the_default(tmp_path: Path) -> None:
    found = project(tmp_path, "institutions: {x: {region: eu, api_key: env:A}}")

    assert found.institution().name == "x"


def test_several_institutions_without_a_default_have_to_be_named(tmp_path: Path) -> None:
    entry = "{region: eu, api_key: env:A}"
    found = project(tmp_path, f"institutions: {{x: {entry}, y: {entry}}}")

    with pytest.raises(RequestWrong) as caught:
        found.institution()

    assert "(`x`, `y`)" in str(caught.value)
    assert "`default_institution: …`" in str(caught.value)


def test_an_institution_that_is_not_there_shows_the_lines_to_write(
    example: Project, tmp_path: Path
) -> None:
    lines = (
        "institutions:\n"
        "  man:\n"
        "    region: eu                  # na, eu, ap, aps, ca or cn\n"
        "    api_key: env:ALMA_API_KEY   # the variable that holds the key\n"
    )

    with pytest.raises(RequestWrong) as caught:
        example.institution("man")
    assert str(caught.value) == (
        f"{tmp_path}/almaflow.yaml has no institution `man`; did you mean `main`? Add these "
        f"lines:\n\n{lines}"
    )

    empty = tmp_path / "empty"
    with pytest.raises(RequestWrong) as caught:
        find_project_without_file(empty).institution("man")
    assert str(caught.value) == (
        f"There is no almaflow.yaml in {empty} or a folder above it, so the institution `man` "
        "is not known. Create a project with `almaflow init`, or the file with these "
        f"lines, or use `--simulate`:\n\n{lines}"
    )


def find_project_without_file(folder: Path) -> Project:
    return Project(folder, Settings(), None)


def test_without_any_institution_the_lines_have_a_name_to_begin_with(tmp_path: Path) -> None:
    with pytest.raises(
        RequestWrong, match=r"folder above it\. Create a project with .*\n\n.*\n  main:"
    ):
        find_project_without_file(tmp_path).institution()
    with pytest.raises(RequestWrong, match=r"almaflow\.yaml has no institution\. Add these"):
        project(tmp_path, "timezone: UTC").institution()


def test_a_key_is_read_from_its_place_when_it_is_needed(
    example: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALMA_API_KEY_MAIN", " l7xx1234 ")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "sandbox").write_bytes(b"l8xx5678\r\n")

    assert example.institution("main").key() == "l7xx1234"
    assert example.institution("sandbox").key() == "l8xx5678"


@pytest.mark.parametrize("key", ["l7 xx", "l7\nxx", "l7äx"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(
    key: str, example: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALMA_API_KEY_MAIN", key)

    with pytest.raises(RequestWrong) as caught:
        example.institution("main").key()

    assert "institution `main` (`env:ALMA_API_KEY_MAIN`)" in str(caught.value)
    assert key not in str(caught.value)


def test_secrets_are_looked_up_by_name(example: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTP_PASSWORD", "hunter22")

    assert example.secret("ftp") == "hunter22"
    with pytest.raises(RequestWrong, match=r"no secret `ftpp`; did you mean `ftp`\? .*env:NAME"):
        example.secret("ftpp")
    with pytest.raises(RequestWrong, match=r"There is no secret `other`\. Add it"):
        example.secret("other")


def test_all_secrets_that_are_there_are_known_for_masking(
    example: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALMA_API_KEY_MAIN", raising=False)
    for name in ("FTP_PASSWORD", "SFTP_PASSWORD", "ALMAFLOW_SYSTEMS_URL"):
        monkeypatch.setenv(name, f"value of {name}")

    assert sorted(example.known_secrets()) == [
        "value of ALMAFLOW_SYSTEMS_URL",
        "value of FTP_PASSWORD",
        "value of SFTP_PASSWORD",
    ]


@pytest.mark.parametrize(
    ("address", "passwords"),
    [
        ("postgresql://alma:ge%40heim@db/alma", ["ge%40heim", "ge@heim"]),
        ("postgresql://alma@db/alma", []),
        ("postgresql://[alma:geheim@db/alma", ["geheim"]),
        ("postgresql://alma:ge@heim#wort@db/alma", ["ge@heim#wort"]),
        ("postgresql://alma@db/alma?password=geheim", ["geheim"]),
    ],
)
def test_the_password_in_an_address_is_a_secret_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, passwords: list[str]
) -> None:
    monkeypatch.setenv("STORE", address)

    secrets = [address, *passwords] if passwords else []
    assert project(tmp_path, "store: env:STORE\n").known_secrets() == secrets


@pytest.mark.parametrize(
    "address", ["postgresql://alma:geheim@db/alma", "postgresql://db/alma?password=geheim"]
)
def test_a_password_in_the_stores_address_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        project(tmp_path, f"store: {address}\n")

    assert [problem.code for problem in caught.value.problems] == ["literal-key"]
    assert "geheim" not in str(caught.value)


def test_a_stores_file_is_relative_to_the_project(example: Project, tmp_path: Path) -> None:
    assert example.store_url == f"sqlite:///{tmp_path}/almaflow.db"


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("sqlite:////var/lib/almaflow.db", "sqlite:////var/lib/almaflow.db"),
        ("sqlite://", "sqlite://"),
        ("postgresql://almaflow@db/almaflow", "postgresql://almaflow@db/almaflow"),
        ("env:STORE", "postgresql://almaflow:pw@db/almaflow"),
    ],
)
def test_other_addresses_of_a_store_stay_as_they_are(
    store: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE", "postgresql://almaflow:pw@db/almaflow\n")

    found = project(tmp_path, f"store: {store}\n")

    assert found.store_url == url
    assert ("pw" in "".join(found.known_secrets())) == (store == "env:STORE")


def test_a_secret_that_is_not_in_the_environment_is_named_with_the_next_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALMAFLOW_TEST", "")

    with pytest.raises(RequestWrong) as caught:
        SecretRef.read("env:ALMAFLOW_TEST").resolve(tmp_path)

    assert str(caught.value) == (
        "The environment variable `ALMAFLOW_TEST`, which almaflow.yaml uses, is not set or "
        "empty. Set it, for example with `export ALMAFLOW_TEST=…`, or write it into the file "
        "`.env` next to almaflow.yaml, and run the command again."
    )


def test_a_secret_in_the_environment_that_is_not_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALMAFLOW_TEST", os.fsdecode(b"l7xx\xff\xfeabcdefgh"))

    with pytest.raises(RequestWrong) as caught:
        SecretRef.read("env:ALMAFLOW_TEST").resolve(tmp_path)

    assert "not UTF-8" in str(caught.value)


def test_a_file_with_a_secret_keeps_all_but_its_last_line_break(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b" two\nlines \n\n")

    assert SecretRef.read(f"file:{file}").resolve(Path("/nowhere")) == " two\nlines \n"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff"])
def test_a_file_that_holds_no_secret_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(RequestWrong, match="is empty or not text"):
        SecretRef.read("file: key").resolve(tmp_path)


def test_a_file_that_is_not_there_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(RequestWrong, match="cannot be read: No such file or directory"):
        SecretRef.read("file:key").resolve(tmp_path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "it is a named pipe, not a regular file"),
        (os.mkdir, "it is a folder, not a file"),
        (lambda file: os.symlink("/dev/zero", file), "it is a device, not a regular file"),
        (lambda file: file.write_bytes(b"x" * 70_000), "it is larger"),
    ],
)
def test_a_secret_is_read_from_a_small_regular_file_only(
    make: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    make(tmp_path / "key")

    with pytest.raises(RequestWrong, match=f"cannot be read: {reason}"):
        SecretRef.read("file:key").resolve(tmp_path)


class KeyringError(Exception):
    """What the keyring package raises."""


def fake_keyring(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    def get_password(service: str, name: str) -> Any:
        assert (service, name) == ("alma", "main/eu")
        if isinstance(answer, Exception):
            raise answer
        return answer

    module = ModuleType("keyring")
    module.__dict__.update(
        get_password=get_password, errors=SimpleNamespace(KeyringError=KeyringError)
    )
    monkeypatch.setitem(sys.modules, "keyring", module)


def test_a_secret_may_lie_in_the_systems_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = SecretRef.read("keyring:alma/main/eu")

    fake_keyring(monkeypatch, "l7xx1234")
    assert reference.resolve(tmp_path) == "l7xx1234"

    fake_keyring(monkeypatch, None)
    with pytest.raises(RequestWrong, match="keyring set alma main/eu"):
        reference.resolve(tmp_path)

    fake_keyring(monkeypatch, KeyringError("locked"))
    with pytest.raises(RequestWrong, match="cannot be read for `keyring:alma/main/eu`: locked"):
        reference.resolve(tmp_path)


def test_without_the_keyring_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(RequestWrong, match=r"pip install 'almaflow\[keyring\]'"):
        SecretRef.read("keyring:alma/main").resolve(tmp_path)


def test_a_reference_reads_and_writes_itself() -> None:
    reference = SecretRef.read("env: NAME")

    assert str(reference) == "env:NAME"
    assert SecretRef.read(reference) is reference


def test_the_settings_can_be_written_as_json(example: Project) -> None:
    written = example.settings.model_dump(mode="json", by_alias=True)

    assert written["institutions"]["main"]["api_key"] == "env:ALMA_API_KEY_MAIN"
    assert written["institutions"]["main"]["settle"] == "15m"
    assert written["institutions"]["sandbox"]["settle"] == "never"
    assert Settings.model_validate(written) == example.settings
    assert Settings.model_validate(example.settings.model_dump()) == example.settings


def test_the_json_schema_accepts_the_example_and_documents_every_key(example: Project) -> None:
    schema = Settings.model_json_schema(by_alias=True)
    jsonschema: Any = importlib.import_module("jsonschema")

    assert example.document is not None
    jsonschema.Draft202012Validator(schema).validate(example.document.plain())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"institutions": {"x": {"region": "eu", "api_key": "l7xx"}}}, schema)
    for part in (schema, *schema["$defs"].values()):
        for key, field in part.get("properties", {}).items():
            assert field.get("description"), key


def test_a_path_stays_in_the_project(tmp_path: Path) -> None:
    inner = tmp_path / "workflows"
    inner.mkdir()
    (tmp_path / "link").symlink_to("/")
    (inner / "good").symlink_to(tmp_path / "file")

    base = tmp_path.resolve()
    assert path_inside(tmp_path, "a/../b.csv") == base / "b.csv"
    assert path_inside(tmp_path, "../b.csv", beside=inner) == base / "b.csv"
    assert path_inside(tmp_path, "good", beside=inner) == base / "file"
    assert path_inside(tmp_path, str(base / "b.csv")) == base / "b.csv"
    for name in ("..", "../b.csv", "/etc/passwd", "link/etc/passwd"):
        with pytest.raises(RequestWrong, match="is outside of the project folder"):
            path_inside(tmp_path, name)
    for name in ("", "a\0b"):
        with pytest.raises(RequestWrong, match=r"Specify a file|control character"):
            path_inside(tmp_path, name)


def test_settings_can_be_made_in_python_too() -> None:
    made = InstitutionSettings.model_validate(
        {"region": "eu", "api_key": SecretRef.read("env:A"), "settle": timedelta(hours=1)}
    )

    assert made.settle == timedelta(hours=1)
    assert made.address == REGIONS["eu"]


# --- secrets that cannot be hidden ----------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        *("failed", "short", "1234567", "2026-03-01T08:15:00+00:00", "38965090000541", "-" * 40),
        *("Succeeded", "COMPLETED_FAILED", "timed_out", "scheduled_at", "edule_id", "Passw0rd"),
    ],
)
def test_a_secret_that_would_be_found_in_harmless_text_is_refused_and_not_shown(
    value: str, example: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP_PASSWORD", value)

    with pytest.raises(SecretWeak, match=r"`secrets\.ftp` \(env:FTP_PASSWORD\)") as caught:
        example.secret("ftp")
    with pytest.raises(SecretWeak):
        example.known_secrets()

    assert value not in str(caught.value)
    assert value not in example.known_secrets(strict=False)


@pytest.mark.parametrize("value", ["hunter22", "correct horse battery staple", "l8xx-test"])
def test_a_secret_of_its_own_is_accepted(value: str) -> None:
    assert weakness(value) == ""


def words_of_records() -> Iterator[str]:
    """Yield the names of fields, the members of enumerations and Alma's statuses in almaflow."""
    for module in pkgutil.walk_packages(almaflow.__path__, "almaflow."):
        if "simulator" in module.name or module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if not isinstance(value, type) or not value.__module__.startswith("almaflow."):
                continue
            built(value)
            if issubclass(value, Enum):
                yield from (str(member.value) for member in value)
            elif is_dataclass(value):
                yield from (field.name for field in fields(value))
            elif issubclass(value, BaseModel):
                yield from value.model_fields
    yield from KNOWN_STATUSES


def test_every_word_of_a_record_is_too_common_to_be_a_secret() -> None:
    words = {word for word in words_of_records() if word.replace("_", "").isalpha()}

    assert len(words) > 300
    assert sorted(word for word in words if not weakness(word)) == []


@pytest.mark.parametrize(
    "text",
    [
        "institutions:\n  main: api_key:hunter2secret\n",
        "institutions:\n  main:\n    region: eu\n    api_key:hunter2secret\n    code: x\n",
        "institutions:\n  main: {region: eu, api_key: hunter2secret: x}\n",
        "institutions:\n  main:\n    api_key: 'hunter2secret' x\n",
        "secrets:\n  ftp: |\n hunter2secret\n",
        "institutions:\n  main:\n    api_key: hunter2secret\n   region: eu\n",
        "channels: {systems = hunter2secret}\n",
        "secrets: hunter2secret\n",
        "secrets: {ftp: @hunter2secret}\n",
        "secrets: {ftp: %hunter2secret}\n",
        'secrets: {ftp: "C:\\hunter2secret"}\n',
    ],
)
def test_no_message_about_the_settings_repeats_what_may_be_a_secret(
    text: str, tmp_path: Path
) -> None:
    file = tmp_path / "almaflow.yaml"
    file.write_text(text, "utf-8")

    with pytest.raises(DocumentsInvalid) as caught:
        load_project(file)

    assert "hunter2" not in format_problems(caught.value.problems, ProblemFormat.TEXT)


def test_a_word_without_end_is_searched_for_secrets_in_one_pass(tmp_path: Path) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        project(tmp_path, f'institutions: "{"null" * 100_000}"')

    assert "nullnull" not in "".join(problem.line_text for problem in caught.value.problems)
