"""Files that others could have written are not believed."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from almaflow import ownership
from almaflow.errors import DocumentsInvalid
from almaflow.ownership import TRUSTED, Look, distrust
from almaflow.settings import find_project

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners are POSIX's")

OTHER = 54321


def looking(found: Mapping[Path, tuple[int, int]], group: int = OTHER) -> Look:
    """Return a look that finds owner and mode of paths; others are as they are."""

    def look(path: Path) -> os.stat_result:
        if path not in found:
            return os.lstat(path)
        owner, mode = found[path]
        return cast(os.stat_result, SimpleNamespace(st_uid=owner, st_gid=group, st_mode=mode))

    return look


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "almaflow.yaml"
    path.write_text("timezone: UTC\n", "utf-8")
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    return path


REGULAR, FOLDER, LINK = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK


@pytest.mark.parametrize(
    ("owner", "mode", "believed"),
    [
        (os.geteuid(), REGULAR | 0o600, True),
        (os.geteuid(), REGULAR | 0o644, True),
        (0, REGULAR | 0o644, True),
        (OTHER, REGULAR | 0o644, False),
        (OTHER, REGULAR | 0o600, False),
        (os.geteuid(), REGULAR | 0o666, False),
        (0, REGULAR | 0o646, False),
        (os.geteuid(), REGULAR | 0o664, False),
        (OTHER, LINK | 0o777, False),
        (os.geteuid(), LINK | 0o777, True),
    ],
)
def test_a_file_is_believed_that_is_ours_or_roots_and_that_nobody_else_can_write(
    file: Path, owner: int, mode: int, believed: bool
) -> None:
    why = distrust(file, looking({file: (owner, mode)}))

    assert (why == "") is believed
    assert believed or str(file) in why


@pytest.mark.parametrize(
    ("owner", "mode", "believed"),
    [
        (os.geteuid(), FOLDER | 0o755, True),
        (0, FOLDER | 0o1777, True),
        (os.geteuid(), FOLDER | 0o777, False),
        (os.geteuid(), FOLDER | 0o2775, False),
        (OTHER, FOLDER | 0o755, False),
        (OTHER, FOLDER | 0o1777, False),
    ],
)
def test_who_can_write_its_folder_can_put_another_file_in_its_place(
    file: Path, owner: int, mode: int, believed: bool
) -> None:
    why = distrust(file, looking({file.parent: (owner, mode)}))

    assert (why == "") is believed


def test_a_group_of_its_user_alone_is_nobody_else(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import grp
    import pwd

    look = looking({file: (os.geteuid(), REGULAR | 0o664)})
    users = {os.geteuid(): "ann", 0: "ann"}
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name=users[uid]))

    def group(name: str, *members: str) -> None:
        made = SimpleNamespace(gr_name=name, gr_mem=list(members))
        monkeypatch.setattr(grp, "getgrgid", lambda gid: made)

    group("ann")
    assert distrust(file, look) == ""
    group("ann", "ann", "root")
    assert distrust(file, look) == ""
    group("ann", "bob")
    assert "the group ann can write" in distrust(file, look)
    group("library")
    assert "the group library can write" in distrust(file, look)
    assert "chmod g-w" in distrust(file, look)


def test_what_a_link_leads_to_counts_as_well(tmp_path: Path, file: Path) -> None:
    link = tmp_path / "here" / "almaflow.yaml"
    link.parent.mkdir()
    link.symlink_to(file)

    assert distrust(link) == ""
    assert distrust(link, looking({file: (OTHER, REGULAR | 0o644)}))
    assert distrust(link, looking({link: (OTHER, LINK | 0o777)}))


def test_sudo_is_still_the_person_who_typed_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = looking({file: (OTHER, REGULAR | 0o644)})
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", str(OTHER))
    assert distrust(file, look) == ""

    monkeypatch.setattr(os, "geteuid", lambda: 7)
    assert distrust(file, look) != ""


def test_a_folder_can_be_trusted_by_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = looking({file: (OTHER, REGULAR | 0o666)})

    for value, believed in (
        (str(file.parent), True),
        (os.pathsep.join(["/nowhere", str(file.parent.parent)]), True),
        (str(file.parent) + "x", False),
        (".", False),
        ("", False),
    ):
        monkeypatch.setenv(TRUSTED, value)
        assert (distrust(file, look) == "") is believed, value


def test_systems_without_owners_believe(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "geteuid")

    assert distrust(file) == ""


@pytest.mark.parametrize("mode", [0o666, 0o646])
def test_an_almaflow_yaml_that_everybody_can_write_is_not_read(file: Path, mode: int) -> None:
    inner = file.parent / "a" / "b"
    inner.mkdir(parents=True)
    file.write_text("not: valid\n", "utf-8")
    file.chmod(mode)

    with pytest.raises(DocumentsInvalid) as refused:
        find_project(inner)

    [problem] = refused.value.problems
    assert problem.code == "not-trusted"
    assert str(file) in problem.message
    assert f"export {TRUSTED}={file.parent.resolve()}" in problem.message


def test_an_almaflow_yaml_of_another_user_is_not_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = looking({file: (OTHER, REGULAR | 0o644)})
    whole = ownership.distrust

    def distrusted(path: Path, *rest: Any) -> str:
        return whole(path, look)

    monkeypatch.setattr("almaflow.settings.found_file.distrust", distrusted)

    with pytest.raises(DocumentsInvalid) as refused:
        find_project(file.parent)

    assert [one.code for one in refused.value.problems] == ["not-trusted"]
    assert f"belongs to another user, {OTHER}" in refused.value.problems[0].message
