"""`append_file`: a row for each run, once, whatever dies, and never into a file of another form."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from almaflow.connectors import row_file
from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from almaflow.connectors.registry import LiveSystems
from almaflow.connectors.row_file import put_row
from tests.harness import Stage

WORKFLOW = """
inputs:
  note: {default: "first, \\"night\\""}
steps:
  - id: it
    append_file:
      file: lists/nights.csv
      row: {note: "{{ inputs.note }}", members: "{{ 2 + 1 }}"}
"""


@pytest.fixture
def live(stage: Stage) -> Stage:
    stage.outside = LiveSystems(stage.project)
    return stage


def rows(stage: Stage) -> list[str]:
    return (stage.folder / "lists" / "nights.csv").read_text().splitlines()


def test_each_run_adds_one_row_below_those_of_earlier_runs(live: Stage) -> None:
    first, second = live.run(WORKFLOW), live.run(WORKFLOW, note="Zürich")

    assert first.ended == second.ended == ("succeeded", "")
    assert rows(live) == [
        "run,step,note,members",
        f'{first.record.id},it,"first, ""night""",3',
        f"{second.record.id},it,Zürich,3",
    ]


@pytest.mark.parametrize("at", [*range(1, 9)])
@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_leaves_one_row(at: int, after: bool, live: Stage) -> None:
    crashed = live.crash(WORKFLOW, "commit", at, after=after)
    if crashed.interrupted:
        live.resume()

    assert len(rows(live)) == 2


def test_a_file_with_other_columns_is_refused_and_kept(live: Stage) -> None:
    (live.folder / "lists").mkdir()
    (live.folder / "lists" / "nights.csv").write_text("date,members\n2026-01-01,5\n")

    played = live.run(WORKFLOW)

    assert played.record.outcome == "failed"
    assert "`date`, `members`" in played.record.error
    assert rows(live) == ["date,members", "2026-01-01,5"]


def test_a_simulated_run_leaves_the_project_alone(stage: Stage) -> None:
    played = stage.run(WORKFLOW)

    assert played.ended == ("succeeded", "")
    assert not (stage.folder / "lists").exists()


# --- the file ------------------------------------------------------------------------------------


KEY = {"run": "r2", "step": "it"}


def put(file: Path, key: dict[str, str] = KEY, delimiter: str = ",", **row: str) -> bytes:
    put_row(file, file, key, row, delimiter)
    return file.read_bytes()


@pytest.mark.parametrize(
    "value",
    [
        *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1", "-", "--"),
        *("=cmd|' /C calc'!A0", "-2+3|cmd", "+A1", '=HYPERLINK("http://x")', "-1,2;=3"),
    ],
)
def test_no_spreadsheet_calculates_a_text_of_alma(tmp_path: Path, value: str) -> None:
    file = tmp_path / "a.csv"

    content = put(file, {"run": value, "step": value}, note=value)

    [_, cells] = csv.reader(io.StringIO(content.decode(), newline=""))
    kept = value if value in ("-", "--") else f"'{value}"
    assert cells == [kept] * 3
    assert put(file, {"run": value, "step": value}, note=value) == content


@pytest.mark.parametrize(
    "value", ["-5", "+5", "-1.5", "-1,234.50", "+1e-3", "-5%", "5-3", "a=b", ""]
)
def test_numbers_and_other_texts_stay_as_they_are(tmp_path: Path, value: str) -> None:
    content = put(tmp_path / "a.csv", note=value)

    assert [*csv.reader(io.StringIO(content.decode(), newline=""))][1][2] == value


def test_a_row_with_the_same_key_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    put(file, {"run": "r1", "step": "it"}, count="1")
    put(file, count="2")

    assert put(file, count="3") == b"run,step,count\nr1,it,1\nr2,it,3\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"run,step,n\nr1,it,1", b"run,step,n\nr1,it,1\nr2,it,x\n"),
        (b"run,step,n\r\nr1,it,1\r\n", b"run,step,n\r\nr1,it,1\r\nr2,it,x\r\n"),
        (b"\xef\xbb\xbfrun,step,n\n", b"\xef\xbb\xbfrun,step,n\nr2,it,x\n"),
        (b'"run","step","n"\n"r1","it","1"\n', b'"run","step","n"\n"r1","it","1"\nr2,it,x\n'),
        (b"", b"run,step,n\nr2,it,x\n"),
    ],
    ids=["no line end", "Windows", "byte order mark", "quoted", "empty"],
)
def test_what_people_wrote_keeps_its_form(before: bytes, after: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(before)

    assert put(file, n="x") == after


@pytest.mark.parametrize(
    "content",
    [b"run,step,n\n\xff\xfe\n", b'run,step,n\n"r1,it', b"run;step;n\n", b"run,step\n"],
    ids=["not UTF-8", "open quote", "other delimiter", "other columns"],
)
def test_a_file_of_another_form_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)

    with pytest.raises(ConnectorRefused):
        put(file, n="x")
    assert file.read_bytes() == content


def make_folder(file: Path) -> None:
    file.mkdir()


def make_link(file: Path) -> None:
    other = file.with_name("other.csv")
    other.write_bytes(b"run,step,n\n")
    file.symlink_to(other)


def make_large(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(row_file.LARGEST_ROW_FILE + 1)


@pytest.mark.parametrize("make", [make_folder, make_link, make_large])
def test_what_is_not_a_small_ordinary_file_is_refused(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    make(file)

    with pytest.raises(ConnectorRefused):
        put(file, n="x")


def test_a_file_that_another_process_keeps_locked_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_file, "_PATIENCE", 0)
    file = tmp_path / "a.csv"
    with row_file._alone(file), pytest.raises(TemporaryFailure):
        put(file, n="x")


def test_threads_that_put_rows_together_lose_none(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    begun, together = threading.Semaphore(0), threading.Barrier(8)

    def put_one(number: int) -> None:
        begun.release()
        together.wait()
        put(file, {"run": str(number), "step": "it"})

    threads = [threading.Thread(target=put_one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
        # Two threads that begin at one moment cannot both be traced (coverage).
        begun.acquire()
    for thread in threads:
        thread.join()

    assert len(file.read_text().splitlines()) == 9


@given(values=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
@example(values=["\r", "\n", "\r\n", " "])
def test_any_text_is_kept_in_its_cell(
    values: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("rows") / "a.csv"
    for number, value in enumerate(values):
        put(file, {"run": str(number), "step": "it"}, n=value)
    content = file.read_bytes()

    for number, value in enumerate(values):
        assert put(file, {"run": str(number), "step": "it"}, n=value) == content
