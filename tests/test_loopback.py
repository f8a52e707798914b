from __future__ import annotations

import pytest

from almaflow.loopback import is_loopback

HERE = ("127.0.0.1", "127.1.2.3", "127.1", "::1", "::ffff:127.0.0.1", "localhost", "a.localhost")
OTHERS = ("", "10.0.0.1", "localhost.example", "0.0.0.0", "::ffff:10.0.0.1")


@pytest.mark.parametrize("host", [*HERE, "LOCALHOST."])
def test_every_spelling_of_this_machine_is_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", OTHERS)
def test_other_hosts_are_not_this_machine(host: str) -> None:
    assert not is_loopback(host)
