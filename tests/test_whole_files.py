"""Files are replaced whole or not at all, and only regular ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from almaflow.whole_files import write_whole


def test_an_older_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "out.svg"
    file.write_bytes(b"old")
    file.chmod(0o600)

    write_whole(file, b"new")

    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_not_a_regular_file_is_left_as_it_is(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "out.svg"
    if kind == "folder":
        file.mkdir()
    else:
        # Not a device: as root, a defect would replace it.
        os.mkfifo(file)
    before = os.stat(file).st_mode

    with pytest.raises(OSError, match="not a regular file"):
        write_whole(file, b"new")

    assert os.stat(file).st_mode == before
    assert [one.name for one in tmp_path.iterdir()] == ["out.svg"]
