"""An Alma that lives in memory: the same API, quirks included, with time and faults on demand.

It is separate from the rest of almaflow and imports nothing of it, so that it can contradict it.
`SimulatedAlma.handle` is the door in process; `http.SimulatorServer` puts it on a socket.
"""

from __future__ import annotations

from almaflow.alma.simulator.alma import SimulatedAlma
from almaflow.alma.simulator.institution import Submission
from almaflow.alma.simulator.reply import Reply, WireFault
from almaflow.alma.simulator.scenario import Fault, FaultKind, Scenario, parse_scenario
