"""A server that speaks as much of PostgreSQL's protocol as it takes to refuse a connection.

It is a process of its own: libpq asks whether a server is there while it holds Python's lock.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# The requests by which a client asks for encryption, ahead of its first message.
_ENCRYPTION = (80877103, 80877104)
_NO = b"N"


def _refusal(code: str, message: str) -> bytes:
    fields = b"".join(
        letter + text.encode() + b"\0"
        for letter, text in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", code), (b"M", message))
    )
    return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"


def _refuse(client: socket.socket, answer: bytes) -> None:
    with client, suppress(OSError):
        while len(head := client.recv(8, socket.MSG_WAITALL)) == 8:
            length, code = struct.unpack("!ii", head)
            if code in _ENCRYPTION:
                client.sendall(_NO)
                continue
            client.recv(length - 8, socket.MSG_WAITALL)
            client.sendall(answer)
            return


@contextmanager
def refusing_server(code: str, message: str) -> Iterator[int]:
    """Run a server without TLS that refuses everyone; give its port."""
    command = [sys.executable, "-S", __file__, code, message]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def main() -> None:
    """Refuse everyone until killed."""
    answer = _refusal(*sys.argv[1:3])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            _refuse(listener.accept()[0], answer)


if __name__ == "__main__":
    main()
