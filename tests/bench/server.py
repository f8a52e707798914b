"""An HTTP server that answers every read alike, so that only its callers differ.

Run as `python -m tests.bench.server`: prints its port, ends when its standard input does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.bench.project import ROOT, SET_ID

ANSWER = json.dumps(
    {
        "id": SET_ID,
        "name": "Bench",
        "description": "",
        "type": {"value": "ITEMIZED", "desc": "Itemized"},
        "content": {"value": "ITEM", "desc": "Physical items"},
        "private": {"value": "false", "desc": "No"},
        "status": {"value": "ACTIVE", "desc": "Active"},
        "number_of_members": {"value": 42, "link": ""},
        "link": f"https://example.org/almaws/v1/conf/sets/{SET_ID}",
    }
).encode()

COUNT = "/count"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave together, not one after the other's acknowledgement.
    wbufsize = 65536
    disable_nagle_algorithm = True
    answered = 0

    def do_GET(self) -> None:
        if self.path == COUNT:
            body = str(Handler.answered).encode()
        else:
            Handler.answered += 1
            body = ANSWER
        self.send_response(200)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Exl-Api-Remaining", "900000")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: writing a line for each request would be measured too."""


@contextmanager
def serving() -> Iterator[int]:
    """Run the server in a process of its own and give its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def answered(port: int) -> int:
    """Return how many reads the server has answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{COUNT}", timeout=10) as answer:
        return int(answer.read())


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
