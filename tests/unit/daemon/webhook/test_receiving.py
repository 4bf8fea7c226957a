"""What listeners hand over is looked at, whatever else they may write."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from deployhost.daemon.troubles import Troubles
from deployhost.daemon.webhook.inbox import Inbox
from deployhost.daemon.webhook.receiving import DeliveryReceiver
from deployhost.errors import NotFound
from deployhost.github.delivery_plan import LookAt
from deployhost.system.clock import CLOCK
from tests.fakes.assembled import wait_until

ONE = "0123456789abcdef"


def push(repository: object) -> bytes:
    body: dict[str, Any] = {"connection": ONE, "event": "push", "delivery": "1", "action": "", "ref": "refs/heads/main"}
    return json.dumps(body | {"after": "", "repository": repository, "installation": None}).encode() + b"\n"


def test_lines_of_a_listener(tmp_path: Path) -> None:
    looks: list[LookAt] = []
    inbox = Inbox(tmp_path / "deliveries")
    receiver = DeliveryReceiver(inbox=inbox, look=looks.append, troubles=Troubles(time.time), clock=CLOCK)
    inbox.path.parent.mkdir(exist_ok=True)
    for line in (push(1), b"nonsense\n", push("2"), push(3)):
        receiver.take(line)
    assert looks == [LookAt(ONE, number, "refs/heads/main") for number in (1, 3)]


def test_a_look_that_fails_ends_nothing(tmp_path: Path) -> None:
    looks: list[LookAt] = []

    def look(wanted: LookAt) -> None:
        looks.append(wanted)
        if len(looks) == 1:
            raise NotFound("gone")

    class Hurry(type(CLOCK)):  # type: ignore[misc]
        def sleep(self, _seconds: float) -> None:
            time.sleep(0.01)

    inbox = Inbox(tmp_path / "deliveries")
    receiver = DeliveryReceiver(inbox=inbox, look=look, troubles=Troubles(time.time), clock=Hurry())
    pipe = inbox.path
    pipe.parent.mkdir(exist_ok=True)
    descriptor = inbox.descriptor()
    threading.Thread(target=receiver.run, daemon=True).start()
    with open(descriptor, "wb", buffering=0, closefd=False) as writer:
        writer.write(push(1))
        wait_until(lambda: len(looks) == 1)
        assert receiver.troubles.now()
        writer.write(push(2))
    wait_until(lambda: len(looks) == 2)
