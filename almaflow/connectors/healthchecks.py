"""Dead man's switches: addresses that are called so that somebody notices when nobody calls.

In the manner of healthchecks.io: the address itself is success, `/start` and `/fail` behind it are
a begin and a bad end. The address is a secret: no text here holds any part of it.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

import requests

from almaflow import __version__
from almaflow.connectors.errors import NotNow, Refused, Unreachable

# Seconds to a connection, and then to the answer.
TIMEOUT = 10.0

# Answers that another try may change.
_LATER = frozenset({408, 425, 429})


class Signal(StrEnum):
    """What is said by a ping."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


def send(name: str, address: str, signal: Signal) -> None:
    """Call the ping *name* at *address*, once.

    Raises:
        Refused: *address* is none, or its server does not know it.
        NotNow: no answer came, or one that says "later"; repeating is safe.
    """
    url = _url(name, address, signal)
    try:
        with requests.get(
            url,
            timeout=TIMEOUT,
            allow_redirects=False,
            # The answer's text is not read: it may be long, and says nothing.
            stream=True,
            headers={"User-Agent": f"almaflow/{__version__}"},
        ) as answer:
            status = answer.status_code
    # None is chained: their texts hold the address.
    except requests.Timeout:
        raise NotNow(f"The ping `{name}` did not answer within {TIMEOUT:g} seconds.") from None
    except requests.exceptions.SSLError:
        raise Unreachable(f"The ping `{name}` has a certificate that is not trusted.") from None
    except requests.ConnectionError:
        raise Unreachable(f"The ping `{name}` cannot be reached.") from None
    except (requests.RequestException, ValueError):
        raise Refused(_no_address(name)) from None
    if status >= 500 or status in _LATER:
        raise NotNow(f"The ping `{name}` answered with HTTP {status}.")
    if 300 <= status < 400:
        raise Refused(
            f"The ping `{name}` answered with HTTP {status}, a redirect, which is not followed; "
            "set it to the address that this leads to."
        )
    if status >= 400:
        raise Refused(
            f"The ping `{name}` answered with HTTP {status}; look whether its address is right."
        )


def _url(name: str, address: str, signal: Signal) -> str:
    try:
        parts = urlsplit(address.strip())
        named = parts.hostname and parts.port != 0
    except ValueError:
        raise Refused(_no_address(name)) from None
    if parts.scheme not in ("http", "https") or not named:
        raise Refused(_no_address(name))
    path = parts.path
    if signal is not Signal.SUCCESS:
        path = f"{path.rstrip('/')}/{signal}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _no_address(name: str) -> str:
    return f"What the ping `{name}` is set to is no address; it is https://HOST/… as a whole."
