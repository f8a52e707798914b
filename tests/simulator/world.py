"""A simulated Alma whose clock is moved by hand, and short ways to talk to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from almaflow.alma.simulator import Fault, Reply, SimulatedAlma, parse_scenario
from almaflow.alma.simulator.institution import Institution

START = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
ERRORS = "{http://com/exlibris/urm/general/xmlbeans}"


class World:
    """One institution, `main`, with a key; requests speak JSON unless told otherwise."""

    def __init__(self, scenario: Any = None, *, environment: str = "production") -> None:
        self.now = START
        self.alma = SimulatedAlma(lambda: self.now, parse_scenario(scenario))
        self.key = self.alma.add_institution("main", environment=environment)

    @property
    def main(self) -> Institution:
        return self.alma.institution("main")

    def wait(self, **duration: float) -> None:
        """Move the clock, such as `wait(minutes=5)`."""
        self.now += timedelta(**duration)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        accept: str | None = "application/json",
        key: str | None = None,
        **headers: str,
    ) -> Reply:
        """Send a request; a *body* of text goes as XML, anything else as JSON."""
        sent = {"Authorization": f"apikey {self.key if key is None else key}", **headers}
        if accept:
            sent["Accept"] = accept
        if isinstance(body, bytes):
            data = body
        elif isinstance(body, str):
            data = body.encode()
            sent.setdefault("Content-Type", "application/xml")
        else:
            data = b"" if body is None else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        return self.alma.handle(method, f"/almaws/v1{path}", sent, data)

    def json(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Return the answer of a request that goes well."""
        reply = self.ask(method, path, body, **more)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def get(self, path: str, **more: Any) -> Any:
        return self.json("GET", path, **more)

    def xml(self, method: str, path: str, body: Any = None) -> Element:
        """Return the answer of a request that goes well and asks for XML."""
        reply = self.ask(method, path, body, accept="application/xml")
        assert reply.status == 200, reply.body
        return fromstring(reply.body)

    def error(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str, str]:
        """Return HTTP status, code and message of a request that is refused."""
        reply = self.ask(method, path, body, **more)
        assert reply.status != 200, reply.body
        return (reply.status, *error_of(reply))

    def code(self, method: str, path: str, body: Any = None, **more: Any) -> str:
        """Return the error code of a request that is refused."""
        return self.error(method, path, body, **more)[1]

    def fault(self, kind: str, **more: Any) -> None:
        """Let something go wrong from now on."""
        self.alma.add_fault(Fault.model_validate({"kind": kind, **more}))

    # --- what most tests begin with ---------------------------------------------------------------

    def new_set(self, name: str = "mine", content: str = "ITEM", members: int = 0) -> str:
        """Make an itemized set of so many barcodes and return its id."""
        body = {"name": name, "type": {"value": "ITEMIZED"}, "content": {"value": content}}
        set_id: str = self.json("POST", "/conf/sets", body)["id"]
        if members:
            id_type = "&id_type=BARCODE" if content == "ITEM" else ""
            ids = [f"{90000000 + i}" for i in range(members)]
            self.json("POST", f"/conf/sets/{set_id}?op=add_members{id_type}", members_body(*ids))
        return set_id

    def set_called(self, name: str) -> str:
        """Return the id of the set of that name."""
        found = self.main.set_named(name)
        assert found is not None
        return found.id

    def submit(self, job_id: str, **parameters: str) -> str:
        """Submit a job and return the id of its run."""
        answer = self.json("POST", f"/conf/jobs/{job_id}?op=run", parameters_body(**parameters))
        return str(answer["additional_info"]["link"]).rpartition("/")[2]

    def run(self, instance_id: str, job_id: str = "ALL") -> Any:
        """Return an instance as Alma shows it now."""
        return self.get(f"/conf/jobs/{job_id}/instances/{instance_id}")

    def status(self, instance_id: str) -> str:
        return str(self.run(instance_id)["status"]["value"])

    def counters(self, instance_id: str) -> list[str]:
        return [line["value"] for line in self.run(instance_id).get("counter", [])]

    def job_named(self, beginning: str) -> str:
        """Return the id of the first job whose name begins so."""
        return next(job.id for job in self.main.jobs.values() if job.name.startswith(beginning))


def members_body(*ids: str) -> dict[str, Any]:
    return {"members": {"member": [{"id": i} for i in ids]}}


def parameters_body(**parameters: str) -> dict[str, Any]:
    pairs = [{"name": {"value": name}, "value": value} for name, value in parameters.items()]
    return {"parameter": pairs} if pairs else {}


def error_of(reply: Reply) -> tuple[str, str]:
    """Return code and message of an error in whichever envelope it came."""
    if reply.body.startswith(b"{"):
        data = json.loads(reply.body)
        data = data.get("web_service_result", data)
        error = data["errorList"]["error"]
        error = error[0] if isinstance(error, list) else error
        return error["errorCode"], error["errorMessage"]
    root = fromstring(reply.body)
    found = root.find(f"{ERRORS}errorList/{ERRORS}error")
    assert found is not None
    texts = [found.findtext(f"{ERRORS}{name}") for name in ("errorCode", "errorMessage")]
    return texts[0] or "", texts[1] or ""
