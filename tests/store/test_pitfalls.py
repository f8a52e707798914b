"""Warnings about where a store is: on a network share, or left behind with unfinished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.store import Store
from almaflow.store.pitfalls import left_behind, on_a_share, warnings_about
from tests.store.conftest import ManualClock, make_record

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local xfs rw 0 0
//files/share /mnt/the\\040share cifs rw 0 0
me@host:/x /mnt/ssh fuse.sshfs rw 0 0
C: /mnt/c 9p rw 0 0
"""


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/home/anna/almaflow.db", "nfs4"),
        ("/mnt/the share/a.db", "cifs"),
        ("/mnt/ssh/a.db", "fuse.sshfs"),
        ("/mnt/c/almaflow.db", "9p"),
        ("/home/local/almaflow.db", ""),
        ("/var/lib/a.db", ""),
        ("/homes/a.db", ""),
    ],
)
def test_a_store_on_a_network_share_is_doubtful(tmp_path: Path, file: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    warning = on_a_share(Path(file), mounts)
    assert bool(warning) == bool(kind)
    assert kind in warning


def test_without_a_list_of_mounts_nothing_is_known(tmp_path: Path) -> None:
    assert on_a_share(tmp_path / "a.db", tmp_path / "nothing") == ""


@pytest.mark.parametrize("finished", [True, False])
def test_unfinished_runs_in_a_store_that_is_no_longer_used(tmp_path: Path, finished: bool) -> None:
    usual = tmp_path / ".almaflow" / "almaflow.db"
    usual.parent.mkdir()
    store = Store.open(f"sqlite:///{usual}", clock=ManualClock())
    ended: dict[str, Any] = (
        {"status": Status.FINISHED, "outcome": Outcome.SUCCEEDED} if finished else {}
    )
    store.add_run({"text": ""}, make_record(**ended))
    store.close()

    assert left_behind(tmp_path, usual) == ""
    assert bool(left_behind(tmp_path, None)) != finished
    url = "postgresql://alma@db.example/alma"
    assert len(warnings_about(url, tmp_path)) == (not finished)


def test_a_file_that_is_not_a_store_says_nothing(tmp_path: Path) -> None:
    usual = tmp_path / ".almaflow" / "almaflow.db"
    usual.parent.mkdir()
    usual.write_bytes(b"not a database" * 100)
    assert left_behind(tmp_path, None) == ""
