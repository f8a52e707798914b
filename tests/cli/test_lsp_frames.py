"""What is not the input of an editor ends the language server with a sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("pygls")


@pytest.mark.parametrize("length", ["9" * 18, "9" * 30, "9" * 5000])
def test_a_length_that_no_message_has_is_a_wrong_request(length: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "almaflow", "lsp"],
        input=f"Content-Length: {length}\r\n\r\n{{}}".encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode in (0, 2)
    assert b"Traceback" not in done.stderr
    assert b"defect" not in done.stderr
