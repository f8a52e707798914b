"""`almaflow new`: from the wizard's panel to a workflow that is valid, tested and short."""

from __future__ import annotations

import io
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from almaflow.alma.payload import parse_payload, read_payload
from almaflow.alma.wire import JobParameter
from almaflow.authoring.new_workflow.parameters import MOST_SHOWN, divide
from almaflow.authoring.new_workflow.schedule_words import cron_of
from almaflow.cli.commands import new
from almaflow.document import parse_document
from almaflow.errors import RequestWrong
from almaflow.operations.pasted_steps import quoted
from almaflow.snapshot.files import write_snapshot
from almaflow.snapshot.model import JobEntry, Section, Snapshot
from almaflow.snapshot.place import SNAPSHOT_FILE
from tests.cli.conftest import ROOT, Almaflow, Write

SCREENS = ROOT / "tests" / "screens"

URL = "https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/{job}?op=run"


def payload(*pairs: tuple[str, str]) -> str:
    lines = (
        f"<parameter><name>{name}</name><value>{value}</value></parameter>" for name, value in pairs
    )
    return f"<job><parameters>{''.join(lines)}</parameters></job>"


EXPORT = payload(
    ("task_ExportBibParams_outputFormat_string", "MARC21_XML"),
    ("task_ExportBibParams_maxSize_string", "0"),
    ("set_id", "38205478040009276"),
    ("job_name", "Export"),
)
PANEL = f"POST {URL.format(job='M44')}\n{EXPORT}\n"


@pytest.fixture(autouse=True)
def project(write: Write) -> Path:
    return write(
        "almaflow.yaml",
        "timezone: Europe/Zurich\ninstitutions: {main: {region: eu, api_key: env:ALMA_API_KEY}}\n",
    )


def check_all(almaflow: Almaflow) -> None:
    """Everything that was written is valid, and its tests pass."""
    checked = almaflow("validate", "--strict")
    assert checked.code == 0, checked.out
    tested = almaflow("test")
    assert tested.code == 0, tested.out + tested.err


def sent_parameters(almaflow: Almaflow, name: str) -> list[tuple[str, str]]:
    planned = almaflow("plan", name, "--json").json
    bodies = [
        request["body"]
        for step in planned["steps"]
        for request in step["requests"]
        if "op" in dict(request["query"])
    ]
    return [(one["name"]["value"], one["value"]) for one in bodies[0]["parameter"]]


def test_a_panel_becomes_a_workflow_that_runs(almaflow: Almaflow, write: Write) -> None:
    write("panel.txt", PANEL)

    made = almaflow("new", "weekly", "panel.txt", "--schedule", "sunday 04:00")

    assert made.code == 0, made.err
    assert "weekly: succeeded" in made.out
    check_all(almaflow)
    sent = dict(sent_parameters(almaflow, "weekly"))
    assert sent["task_ExportBibParams_outputFormat_string"] == "MARC21_XML"
    assert sent["set_id"] == "38205478040009276"
    assert "0 4 * * sun" in Path("workflows/weekly.yaml").read_text()


@pytest.mark.parametrize(
    "panel",
    [
        f"Methode: POST\nURL (Adresse): {URL.format(job='M44')}\nNutzdaten [XML]:\n{EXPORT}\n",
        f"Méthode : POST\nURL : {URL.format(job='M44')}\nDonnées (XML) {{copier}}\n{EXPORT}\n",
        f"Información de la API\nPOST {URL.format(job='M44')}\nDatos <XML>:\n\n{EXPORT}\n",
        f"{EXPORT}\nURL: {URL.format(job='M44')}\n",
        f"URL: {URL.format(job='M44')}\n{EXPORT}\n[Annuler] <Retour>\n",
        f"מידע API\n{URL.format(job='M44')}\n{EXPORT}",
        f"URL: {URL.format(job='M44')}\nJSON [kopieren]\n"
        '{"parameter": [{"name": {"value": "q"}, "value": "1"}, '
        '{"name": {"value": "set_id"}, "value": "38205478040009276"}]}',
    ],
)
def test_a_panel_is_read_in_any_language(almaflow: Almaflow, write: Write, panel: str) -> None:
    write("panel.txt", panel)

    made = almaflow("new", "weekly", "panel.txt", "--json")

    assert made.code == 0, made.err
    assert "workflows/weekly.yaml" in made.json["written"]


def test_of_many_parameters_those_that_were_chosen_are_in_the_workflow(
    almaflow: Almaflow, write: Write
) -> None:
    pairs = [(f"task_{number}", "" if number % 3 else f"value {number}") for number in range(171)]
    pairs += [("repeated", "a"), ("repeated", "b"), ("flag", "false"), ("set_id", "382054780400")]
    write("panel.txt", f"POST {URL.format(job='M18')}\n{payload(*pairs)}")

    made = almaflow("new", "many", "panel.txt")

    assert made.code == 0, made.err
    text = Path("workflows/many.yaml").read_text()
    assert text.count("task_") == MOST_SHOWN
    assert len(text.splitlines()) < 80
    check_all(almaflow)
    assert sent_parameters(almaflow, "many")[: len(pairs)] == pairs


def test_the_order_is_kept_when_the_set_comes_first(almaflow: Almaflow, write: Write) -> None:
    pairs = [("set_id", "382054780400"), ("task_a", "x & <y>"), ("task_b", "{{ z }}")]
    written = [(name, value.replace("&", "&amp;").replace("<", "&lt;")) for name, value in pairs]
    write("panel.txt", f"POST {URL.format(job='M18')}\n{payload(*written)}")

    made = almaflow("new", "first", "panel.txt")

    assert made.code == 0, made.err
    assert sent_parameters(almaflow, "first")[: len(pairs)] == pairs


@pytest.mark.parametrize(
    "options",
    [
        ("--set", 'Neue "Bücher": {{ 2026 }}'),
        ("--query", 'BIB_MMS where BIB_MMS ((title CONTAIN "x"))'),
        ("--members", "ids.csv", "--column", "barcode", "--content", "Physical items"),
    ],
)
def test_each_kind_of_set_runs(almaflow: Almaflow, write: Write, options: tuple[str, ...]) -> None:
    write("panel.txt", PANEL)
    write("ids.csv", "barcode\n39031000000001\n39031000000002\n")
    if "{{" in options[1]:
        options = (options[0], options[1].replace("{{ 2026 }}", "2026"))

    made = almaflow("new", "weekly", "panel.txt", *options)

    if options[0] == "--members":
        # The ids of items are no titles for this job.
        assert made.code in (0, 1)
    else:
        assert made.code == 0, made.err
        check_all(almaflow)


def test_the_panel_is_read_from_standard_input(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(PANEL.encode()))
    monkeypatch.setattr(sys, "stdin", stream)

    assert almaflow("new", "weekly").code == 0


def test_nothing_is_overwritten(almaflow: Almaflow, write: Write) -> None:
    write("panel.txt", PANEL)
    ours = write("workflows/weekly.scenario.yaml", "sets: []\n")

    refused = almaflow("new", "weekly", "panel.txt")

    assert refused.code == 2
    assert "weekly.scenario.yaml" in refused.err
    assert ours.read_text() == "sets: []\n"
    assert not Path("workflows/weekly.yaml").exists()


@pytest.mark.parametrize(
    ("panel", "options", "named"),
    [
        ("", (), "empty"),
        ("Methode: POST\nURL: https://example.org\n", (), "neither XML nor JSON"),
        (PANEL.replace("</job>", ""), (), "end of the payload"),
        (PANEL.replace("MARC21_XML", "A & B"), (), "&amp;"),
        (EXPORT, (), "--job"),
        (EXPORT, ("--job", "44"), "M44"),
        (PANEL, ("--job", "M45"), "M45"),
        (PANEL.replace("M44", "S26054811740001121"), (), "run_profile"),
        (PANEL.replace("38205478040009276", ""), (), "--set"),
        (PANEL, ("--set", "a", "--query", "b"), "only one"),
        (PANEL, ("--column", "x"), "--members"),
        (PANEL, ("--members", "missing.csv"), "missing.csv"),
        (PANEL, ("--members", "../x.csv"), "outside"),
        (PANEL, ("--query", "x", "--content", "books"), "books"),
        (PANEL, ("--schedule", "now and then"), "now and then"),
        (PANEL, ("--notify", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    almaflow: Almaflow, write: Write, panel: str, options: tuple[str, ...], named: str
) -> None:
    write("panel.txt", panel)

    refused = almaflow("new", "weekly", "panel.txt", *options)

    assert refused.code == 2
    assert named in refused.err
    assert not Path("workflows").exists()


@pytest.mark.parametrize("name", ["../x", "last", "a/b", "con", " x", "20261101-013000-k7x2q"])
def test_a_name_that_no_workflow_can_have_is_refused(almaflow: Almaflow, name: str) -> None:
    assert almaflow("new", name, "panel.txt").code == 2


def test_the_name_of_the_file_is_meant_too(almaflow: Almaflow, write: Write) -> None:
    write("panel.txt", PANEL)

    made = almaflow("new", "weekly.yaml", "panel.txt")

    assert made.code == 0, made.err
    assert Path("workflows/weekly.yaml").is_file()


def test_a_job_that_works_on_a_set_needs_one_although_the_panel_lacks_it(
    almaflow: Almaflow, write: Write
) -> None:
    write("panel.txt", f"POST {URL.format(job='M44')}\n{payload(('a', '1'))}\n")

    refused = almaflow("new", "weekly", "panel.txt")
    made = almaflow("new", "weekly", "panel.txt", "--set", "Maps")

    assert refused.code == 2
    assert "--set NAME" in refused.err
    assert made.code == 0, made.err


def test_without_a_project_the_next_move_is_init(
    almaflow: Almaflow, write: Write, project: Path
) -> None:
    write("panel.txt", PANEL)
    project.unlink()

    refused = almaflow("new", "weekly", "panel.txt")

    assert refused.code == 2
    assert "almaflow init" in refused.err


@pytest.mark.parametrize(
    ("words", "cron"),
    [
        ("30 2 * * mon", "30 2 * * mon"),
        ("daily 02:30", "30 2 * * *"),
        ("every Sunday at 4:00", "0 4 * * sun"),
        ("weekdays 20.15", "15 20 * * mon-fri"),
        ("monthly 02:30", "30 2 1 * *"),
    ],
)
def test_a_timetable_may_be_words(words: str, cron: str) -> None:
    assert cron_of(words) == cron


@pytest.mark.parametrize("words", ["", "sunday 25:00", "someday 04:00", "* * *", "@reboot"])
def test_other_words_are_no_timetable(words: str) -> None:
    with pytest.raises(RequestWrong):
        cron_of(words)


def test_a_few_parameters_need_no_payload_file() -> None:
    parameters = [JobParameter("a", ""), JobParameter("b", "x"), JobParameter("set_id", "1")]

    divided = divide(parameters)

    assert divided.filed == ()
    assert list(divided.shown) == parameters[:2]


def test_the_payloads_of_the_examples_are_divided_without_loss() -> None:
    for file in (ROOT / "workflows/payloads").iterdir():
        parameters = parse_payload(file.read_bytes())
        divided = divide(parameters)
        names = {one.name for one in divided.filed or divided.shown}
        assert names >= {one.name for one in parameters} - {"set_id", "job_name"}


class Clipboard:
    """The package pyperclip, with a clipboard that holds a text or cannot be read."""

    class PyperclipException(RuntimeError):
        pass

    def __init__(self, text: str | None) -> None:
        self._text = text

    def paste(self) -> str:
        if self._text is None:
            raise self.PyperclipException
        return self._text


@pytest.mark.parametrize(
    ("clipboard", "code", "named"),
    [
        (Clipboard(PANEL), 0, ""),
        (Clipboard(None), 2, "cannot be read"),
        (Clipboard(PANEL.replace("</job>", "")), 2, "clipboard:"),
        (None, 2, "almaflow[clipboard]"),
    ],
)
def test_the_panel_is_read_from_the_clipboard(
    almaflow: Almaflow,
    monkeypatch: pytest.MonkeyPatch,
    clipboard: Clipboard | None,
    code: int,
    named: str,
) -> None:
    monkeypatch.setitem(sys.modules, "pyperclip", clipboard)

    made = almaflow("new", "weekly", "--clipboard")

    assert made.code == code
    assert named in made.err
    assert Path("workflows/weekly.yaml").exists() == (code == 0)


@pytest.mark.parametrize(("system", "key"), [("linux", "Ctrl-D"), ("win32", "Ctrl-Z")])
def test_a_person_learns_how_to_end_the_panel(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch, system: str, key: str
) -> None:
    monkeypatch.setattr(new, "can_be_asked", lambda: True)
    monkeypatch.setattr(new, "sys", SimpleNamespace(platform=system))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PANEL.encode())))
    # What is typed after the end of the panel.
    monkeypatch.setattr(typer, "prompt", lambda question, default: default)

    made = almaflow("new", "weekly")

    assert made.code == 0, made.err
    assert key in made.out


def typed(monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    monkeypatch.setattr(new, "can_be_asked", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))


def test_a_person_is_asked_what_the_options_leave_open(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new, "_payload", lambda *_: read_payload(PANEL))
    answers = ("con", "weekly-export", "Bücher (alt)", "2.500", "sometimes", "sunday 04:00")
    typed(monkeypatch, "\n".join(answers) + "\n")

    made = almaflow("new")

    assert made.code == 0, made.err
    text = Path("workflows/weekly-export.yaml").read_text("utf-8")
    assert text == (SCREENS / "new-answered.yaml.out").read_text("utf-8")
    check_all(almaflow)


def test_enter_accepts_what_the_panel_has(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("panel.txt", PANEL)
    typed(monkeypatch, "\n\n\n")

    made = almaflow("new", "asked", "panel.txt")
    unasked = almaflow("new", "unasked", "panel.txt", "--yes")

    assert (made.code, unasked.code) == (0, 0)
    asked_text = Path("workflows/asked.yaml").read_text().replace("asked", "unasked")
    assert asked_text == Path("workflows/unasked.yaml").read_text()
    questions = made.out.partition("\n\n")[0] + "\n"
    assert questions == (SCREENS / "new-asked.out").read_text("utf-8")


@pytest.mark.parametrize("lines", ["", "\n", "Titles\n100\n"])
def test_who_stops_at_a_question_has_written_nothing(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch, lines: str
) -> None:
    write("panel.txt", PANEL)
    typed(monkeypatch, lines)

    left = almaflow("new", "weekly", "panel.txt")

    assert left.code == 130
    assert "Nothing was written." in left.err
    assert not Path("workflows").exists()


def test_what_options_say_is_not_asked(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("panel.txt", PANEL)
    typed(monkeypatch, "")

    made = almaflow(
        "new", "weekly", "panel.txt", "--set", "Titles", "--max", "100", "--cron", "0 4 * * sun"
    )

    assert made.code == 0, made.err


def test_a_workflow_without_a_name_is_asked_for_on_a_terminal_only(almaflow: Almaflow) -> None:
    refused = almaflow("new")

    assert refused.code == 2
    assert "almaflow new weekly-export" in refused.err


@pytest.mark.parametrize(
    ("text", "is_plain"),
    [
        ("weekly-export", True),
        ("Run the job M44 (Export Bibliographic Records) of Alma.", True),
        ("Bücher - alt", True),
        ("a: b", False),
        ("a #b", False),
        ("a, b", False),
        ("- a", False),
        ("007", False),
        ("No", False),
        ("a ", False),
        ("{{ x }}", False),
        ("", False),
    ],
)
def test_a_text_is_quoted_only_if_yaml_needs_it(text: str, *, is_plain: bool) -> None:
    written = quoted(text)

    assert (written == text) is is_plain
    for line in (f"a: {written}", f"a: {{b: {written}}}", f"a: [{written}]"):
        read = parse_document(f"{line}\n", "w.yaml").data["a"]
        assert text in (read, read if isinstance(read, str) else list_of(read)[0])


def list_of(value: dict[str, str] | list[str]) -> list[str]:
    return list(value.values()) if isinstance(value, dict) else value


def test_a_value_with_the_line_break_of_an_editor_is_reported(
    almaflow: Almaflow, write: Write
) -> None:
    write("panel.txt", PANEL.replace("MARC21_XML", "\n  MARC21_XML\n"))

    made = almaflow("new", "weekly", "panel.txt")

    assert made.code == 0, made.err
    assert "task_ExportBibParams_outputFormat_string" in made.err
    assert "line break" in " ".join(made.err.split())


@pytest.mark.parametrize(
    ("options", "code"), [((), 2), (("--content", "ITEM"), 0), (("--content", "item"), 0)]
)
def test_what_a_set_of_an_unknown_job_holds_has_to_be_given(
    almaflow: Almaflow, write: Write, options: tuple[str, ...], code: int
) -> None:
    write("panel.txt", PANEL.replace("M44", "M990044"))

    made = almaflow("new", "weekly", "panel.txt", "--query", "x", *options, "--json")

    assert made.code == code
    assert ("--content" in made.err) == (code == 2)


def test_a_job_without_a_set_gets_none(almaflow: Almaflow, write: Write) -> None:
    write("panel.txt", f"POST {URL.format(job='M990044')}\n{payload(('task_a', 'x'))}")

    made = almaflow("new", "weekly", "panel.txt", "--json")

    assert made.code == 0, made.err
    assert "set:" not in Path("workflows/weekly.yaml").read_text()


@pytest.mark.parametrize("readable", [True, False])
def test_the_name_of_a_job_is_that_of_a_snapshot_that_can_be_read(
    almaflow: Almaflow, write: Write, folder: Path, readable: bool
) -> None:
    write("panel.txt", PANEL)
    entry = JobEntry("M44", "Our export of titles")
    section = Section("main", date(2026, 11, 2), jobs=(entry,))
    write_snapshot(folder / SNAPSHOT_FILE, Snapshot({"main": section}))
    if not readable:
        write(SNAPSHOT_FILE, "{")

    made = almaflow("new", "weekly", "panel.txt", "--json")

    assert made.code == 0, made.err
    assert ("Our export of titles" in Path("workflows/weekly.yaml").read_text()) == readable


def test_a_name_with_a_space_is_quoted_in_what_to_do_next(almaflow: Almaflow, write: Write) -> None:
    write("panel.txt", PANEL)

    made = almaflow("new", "weekly export", "panel.txt")

    assert made.code == 0, made.err
    assert 'almaflow run "weekly export"' in " ".join(made.out.split())
