"""`almaflow explain simulator`: what the simulator is, its options, and how programs control it."""

from __future__ import annotations

import textwrap

from almaflow.alma.simulator.keys import AREAS
from almaflow.alma.simulator.scenario_calls import CALLS

SUMMARY = "A simulated Alma for clients of any kind: options, control, faults, TLS, webhooks."

_WIDTH = 100

_PAGE = """\
simulator

`almaflow simulator` serves a simulated Alma over HTTP until Ctrl-C. Any client of Alma's API can
use it: jobs and their instances, sets and members, profiles, Analytics reports, libraries, code and
mapping tables, letters, reminders and the test calls, in JSON and XML, with Alma's limits, errors
and quotas. Its content is invented, is kept in memory, and is the same at every start.

  almaflow simulator --port 8080 --control --log -

It prints its address, the API keys and the lines for almaflow.yaml. A client sends a key as to
Alma, in the header `Authorization` or in the query. With `--json` these are one JSON document, for
programs that start it; `--port 0` takes a free port. When a client asks for something that does not
exist, the response header `x-simulator-hint` is the line of a scenario that would add it.
`--scenario FILE` adds what a scenario says: see `almaflow explain scenario`.

Institutions and keys
  --institution NAME        one more library with a key; may be repeated
  --key KEY                 the key of an institution, in the order of `--institution`
  --limited-key conf:r      one more key, which only reads the area Configuration
  --limited-key main=conf:rw,users:r=KEY
                            the same for an institution, several areas and a given key
  --environment sandbox     what Alma reports, with the lower limits of a sandbox
  --code 01ABC_INST         the code of an institution
What a key does not open is refused with 400 UNAUTHORIZED, as in Alma. Areas: {areas}.

Time
A job that takes an hour in Alma takes an hour here. With `--speed 60` it takes a minute, and all
times and limits pass 60 times faster; `--real-time-quotas` keeps the limits of API calls in real
time. `starts_at` in a scenario sets the clock, and the control door advances it.

Log
`--log FILE` appends a line for each request: time, method, path, status and milliseconds, then what
happened to the connection. Keys are replaced by stars. At 100 MiB the log ends. `--log -` writes to
standard error.

Control door
With `--control`, programs on this machine read and change the simulator while it runs. Bodies are
JSON and need the header `Content-Type: application/json`. Web pages and proxies are refused.

  curl http://127.0.0.1:8080/almaflow/simulator/state
  curl http://127.0.0.1:8080/almaflow/simulator/clock
  curl --json '{{"advance": "2h"}}' http://127.0.0.1:8080/almaflow/simulator/clock
  curl http://127.0.0.1:8080/almaflow/simulator/faults
  curl --json '{{"kind": "lose_answer", "call": "submit", "nth": 1}}' \\
    http://127.0.0.1:8080/almaflow/simulator/faults
  curl -X PUT --json '{{"faults": []}}' http://127.0.0.1:8080/almaflow/simulator/faults
  curl http://127.0.0.1:8080/almaflow/simulator/webhooks
  curl --json '{{"url": "http://127.0.0.1:9000/alma", "secret": "env:SECRET"}}' \\
    http://127.0.0.1:8080/almaflow/simulator/webhooks
  curl -X PUT --json '{{"webhooks": []}}' http://127.0.0.1:8080/almaflow/simulator/webhooks
  curl --json '{{}}' http://127.0.0.1:8080/almaflow/simulator/reset

`state` shows sets, jobs, the last runs and how many requests came. POST adds a fault or a webhook,
and PUT replaces all of them. GET lists faults in a form that PUT accepts, where `met` counts the
requests that a fault concerned, and webhooks without their secrets, with counts of their events.
`reset` brings back the library, the clock, the faults and the webhooks of the start; the keys stay.
`curl --json` is new in curl 7.82; before, use `-d` with `-H 'Content-Type: application/json'`.

Faults
A fault has a `kind`, and perhaps a `call`, the `nth` of these calls, a `path` pattern, a time
(`from`, `for`) and more fields: see `almaflow explain scenario.faults`. Kinds:
  lose_answer           Alma processes the request; the connection fails before the response
  reset, hang           the connection fails before the request is processed; no response ever comes
  close, reset_after    a complete response, and the connection ends behind it
  status                an HTTP error: `status`, `code`, `message`
  routing_error         the gateway gives up, and Alma continues
  slow, drip            a response after `delay`; its body byte by byte
  truncated, empty      half of the body; no body
  html, garbage         a web page; bytes that are neither JSON nor XML
  nan, nested           JSON that is not a number; JSON nested 5,000 levels deep
  error_list_in_200     status 200 whose body lists an error
  unknown_status_code   instances show `code` as their status
  late_count            members change, but their number shows it only after `delay`
Calls: {calls}.

TLS, and clients whose hosts are fixed
`--tls` (`pip install 'almaflow[simulator]'`) serves https on the same port, next to http. The
certificate is for this machine, for Alma's hosts in all regions, and for the names of `--host` and
`--public-url`. A new authority is made at every start. Its certificate is in a temporary file, or
in the file of `--ca-file`; no private key stays in a file. A client trusts it with SSL_CERT_FILE
(OpenSSL, Go, Ruby), REQUESTS_CA_BUNDLE (Python), CURL_CA_BUNDLE (curl) or NODE_EXTRA_CA_CERTS
(Node).

A client whose https hosts are fixed in its code uses the simulator as its proxy:

  HTTPS_PROXY=http://127.0.0.1:8080 SSL_CERT_FILE=/tmp/ca.pem CLIENT

`CONNECT` to Alma's hosts leads to the simulator. Every other host is refused with 403, and no
request leaves the simulator. The log has a line `tls_handshake_failed` with the reason when a
client does not trust the certificate. Some languages have other ways:
  Ruby   reads `http_proxy`, in small letters, for https as well
  Node   uses HTTPS_PROXY from version 24 on, with NODE_USE_ENV_PROXY=1
  Java   -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8080, and a store that `keytool -importcert`
         made: -Djavax.net.ssl.trustStore=FILE
  PHP    -d curl.cainfo=FILE -d openssl.cafile=FILE

Webhooks
`--webhook http://127.0.0.1:9000/alma` sends JOB_END to a listener on this machine whenever a job
ends; `--webhook-secret env:NAME` signs it. A scenario and the control door can have webhooks too.
First comes the challenge, `GET URL?challenge=TEXT`, every few seconds until the listener returns
the text as {{"challenge": TEXT}}. Events then have the header X-Exl-Signature, HMAC-SHA256 of the
raw body in base64. A status below 500 settles an event. 5xx, or no response within 5 seconds, is
repeated after 1, 3 and 6 hours of the simulated clock. `duplicates: true` sends each event twice.
"""


def page() -> str:
    """Return the text, in lines that fit a terminal."""
    text = _PAGE.format(areas=", ".join(AREAS), calls=", ".join(CALLS))
    wrapped = (textwrap.fill(line, _WIDTH, break_on_hyphens=False) for line in text.split("\n"))
    return "\n".join(wrapped)
