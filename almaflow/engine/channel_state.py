"""What the outbox knows of each channel, and of the notice that is on its way there."""

from __future__ import annotations

from dataclasses import field

from almaflow.late_dataclasses import dataclass
from almaflow.thread_pool import ThreadPool


@dataclass
class DeliveryAttempt:
    """A notice on its way, in the channel's thread."""

    notice_id: int
    over: bool = False
    error: str = ""
    """Why it did not get there; empty when it did, or is not over."""
    soon: bool = True
    """Whether another try may succeed soon."""
    remark: str = ""
    """Why not all files were sent along; empty when they were."""


@dataclass
class ChannelState:
    """What is known of a channel."""

    threads: ThreadPool
    trouble: str = ""
    """Why it does not take notices; empty when it does."""
    hanging: DeliveryAttempt | None = None
    """The try that did not come back in its time."""
    arrived: set[int] = field(default_factory=set)
    """Ids of notices that were delivered while that is not recorded yet."""
    busy: bool = False
    """Whether its notices are being sent right now."""
    remarks: dict[int, str] = field(default_factory=dict)
    """The outcome for the files of delivered notifications, by their ids."""

    def hangs(self) -> bool:
        """Whether its thread is still at work on a try that was given up."""
        if self.hanging is None or not self.hanging.over:
            return self.hanging is not None
        if not self.hanging.error:
            self.arrived.add(self.hanging.notice_id)
        self.hanging = None
        return False
