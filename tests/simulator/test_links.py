"""What links in responses begin with: where the client sees the simulator."""

from __future__ import annotations

import pytest
import requests

from almaflow.alma.simulator.http import SimulatorServer
from tests.simulator.served import Served
from tests.simulator.world import World

JOB = "/almaws/v1/conf/jobs/M44"
VENDOR = "api-eu.hosted.exlibrisgroup.com"


def link(served: Served, **headers: str) -> str:
    sent = {"Accept": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    made: str = served.get(JOB, headers=sent).json()["link"]
    assert made.endswith(JOB)
    return made.removesuffix(JOB)


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"Host": "localhost:8080"}, "http://localhost:8080"),
        ({"Host": VENDOR}, f"https://{VENDOR}"),
        ({"Host": f"{VENDOR}:443"}, f"https://{VENDOR}:443"),
        ({"X_Forwarded_Host": "alma.example.edu, inner"}, "http://alma.example.edu"),
        (
            {"X_Forwarded_Host": "alma.example.edu", "X_Forwarded_Proto": "https"},
            "https://alma.example.edu",
        ),
        (
            {"Forwarded": 'for=1.2.3.4;host="a.example.edu:8443";proto=https, host=b'},
            "https://a.example.edu:8443",
        ),
        ({"Host": "localhost", "X_Forwarded_Prefix": "/sim/"}, "http://localhost/sim"),
        ({"Host": "localhost", "X_Forwarded_Prefix": "/a\\b"}, "http://localhost"),
    ],
)
def test_links_begin_with_the_address_that_the_client_uses(
    served: Served, headers: dict[str, str], base: str
) -> None:
    assert link(served, **headers) == base


def test_what_is_no_host_in_a_forwarded_header_is_ignored(served: Served) -> None:
    assert link(served, X_Forwarded_Host="a b/c", X_Forwarded_Proto="gopher") == served.server.url


@pytest.mark.parametrize(
    ("scenario", "public", "base"),
    [
        ({}, "https://alma.example.edu/sim/", "https://alma.example.edu/sim"),
        ({"alma": {"base_url": "https://x.example.edu"}}, "", "https://x.example.edu"),
        ({"alma": {"base_url": "https://x.example.edu"}}, "https://y.edu", "https://y.edu"),
    ],
)
def test_a_configured_address_counts_before_the_client_s(
    scenario: dict[str, object], public: str, base: str
) -> None:
    world = World(scenario)
    with SimulatorServer(world.alma, public_url=public) as server, requests.Session() as session:
        made = Served(world, server, session)
        session.headers["Authorization"] = f"apikey {world.key}"

        assert link(made, Host=VENDOR) == base
