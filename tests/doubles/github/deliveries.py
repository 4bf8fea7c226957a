"""GitHub's deliveries: signed, sent in the background, recorded; and lost, doubled, late or out of order when told to."""

import hashlib
import heapq
import hmac
import itertools
import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from tests.doubles.github import payloads, shapes
from tests.doubles.github.transports import Received, Transport
from tests.doubles.github.world import App, Event, Installation, World, as_stamp

ALWAYS = {"installation", "installation_repositories", "ping", "github_app_authorization"}
LARGEST = (
    25 * 1024 * 1024
)  # docs.github.com, "Webhook events and payloads", "Payload cap": larger ones are not delivered
KEPT_DAYS = 3  # docs.github.com, "Viewing webhook deliveries"; 7 on Enterprise Server
Plan = Callable[["Delivery"], Sequence[float]]


@dataclass
class Delivery:
    """One delivery to an App's hook. `guid` is the same in a redelivery, `id` is not."""

    courier: "Courier" = field(repr=False)
    id: int
    guid: str
    app: App
    event: str
    action: str | None
    payload: dict[str, Any] = field(repr=False)
    installation_id: int | None
    repository_id: int | None
    redelivery: bool = False
    sent_at: float | None = None
    seconds: float = 0.0
    status: str = ""
    status_code: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    received: Received | None = None
    url: str = ""

    @property
    def kept(self) -> bool:
        """Whether GitHub still has it."""
        return (
            self.sent_at is not None and self.sent_at > self.courier.world.clock.now() - self.courier.kept_days * 86400
        )

    def item(self) -> dict[str, Any]:
        """Return it as lists have it."""
        return {
            "id": self.id,
            "guid": self.guid,
            "delivered_at": as_stamp(self.sent_at or 0),
            "redelivery": self.redelivery,
            "duration": round(self.seconds, 2),
            "status": self.status,
            "status_code": self.status_code,
            "event": self.event,
            "action": self.action,
            "installation_id": self.installation_id,
            "repository_id": self.repository_id,
            "throttled_at": None,
        }

    def whole(self) -> dict[str, Any]:
        """Return it with its request and answer. The secret is in neither."""
        answer = self.received or Received(0, {}, b"")
        return {
            **self.item(),
            "url": self.url,
            "request": {"headers": self.headers, "payload": self.payload},
            "response": {"headers": dict(answer.headers), "payload": answer.body.decode(errors="replace")},
        }


class Courier:
    """Delivers what happens to the Apps that hear of it.

    `plan` says how often and how late a delivery is sent: () loses it, (0, 0) doubles it, (5,) sends it after 5 seconds.
    One worker delivers in order; several don't, like GitHub.
    """

    def __init__(self, world: World, transport: Transport, *, seconds: float = 10.0, workers: int = 1) -> None:
        self.world = world
        self.transport = transport
        self.seconds = seconds  # docs.github.com, "Handling webhook deliveries": 10 s; 30 s on Enterprise Server
        self.kept_days: float = KEPT_DAYS
        self.plan: Plan = lambda _: (0.0,)
        self.errors: list[Exception] = []
        self._next: deque[Sequence[float]] = deque()
        self._held: list[tuple[Delivery, float]] | None = None
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._busy = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._pool = ThreadPoolExecutor(workers, "deliveries")
        self._thread = threading.Thread(target=self._dispatch, daemon=True)
        self._thread.start()

    def announce(self, event: Event) -> None:
        """Deliver an event to each App that hears of it."""
        with self.world.lock:
            made = [self._delivery(event, app, one) for app, one in self._listeners(event)]
        for delivery in made:
            if len(json.dumps(delivery.payload)) <= LARGEST:
                self._post(delivery)

    def redeliver(self, one: Delivery) -> None:
        """Send a delivery once more, as its page's button and the call do."""
        again = replace(one, id=self.world.new_id(), redelivery=True, sent_at=None, received=None, headers={})
        self._put(again, 0.0)

    def lose(self, times: int = 1) -> None:
        """Never send the next deliveries. GitHub then knows nothing of them either."""
        self._next.extend([()] * times)

    def duplicate(self, times: int = 1) -> None:
        """Send the next deliveries twice."""
        self._next.extend([(0.0, 0.0)] * times)

    def delay(self, seconds: float, times: int = 1) -> None:
        """Send the next deliveries late."""
        self._next.extend([(seconds,)] * times)

    def hold(self) -> None:
        """Send nothing until `release`."""
        with self._changed:
            self._held = self._held if self._held is not None else []

    def release(self, order: Callable[[list[Delivery]], Sequence[Delivery]] = lambda held: held) -> None:
        """Send what was held, in another order perhaps: `release(lambda held: held[::-1])`."""
        with self._changed:
            held, self._held = self._held or [], None
        for delivery in order([delivery for delivery, _ in held]):
            self._put(delivery, 0.0)

    def settle(self, seconds: float = 20.0) -> None:
        """Wait until everything is sent that is neither held nor lost. Raise what a transport raised but has no answer to."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._waiting or self._busy:
                assert self._changed.wait(max(0.0, deadline - time.monotonic())), "deliveries are still under way"
        if self.errors:
            raise self.errors.pop()

    def stop(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _listeners(self, event: Event) -> list[tuple[App, Installation | None]]:
        if event.app is not None:
            heard: list[tuple[App, Installation | None]] = [(event.app, None)]
        elif event.installation is not None:
            heard = [(event.installation.app, event.installation)]
        else:
            assert event.repository is not None
            heard = [(one.app, one) for one in self.world.covering(event.repository)]
        return [
            (app, one) for app, one in heard if app.hook_active and (event.name in ALWAYS or event.name in app.events)
        ]

    def _delivery(self, event: Event, app: App, one: Installation | None) -> Delivery:
        said = payloads.payload(self.world, event, app, one)
        installation = None if one is None else one.id
        repository = None if event.repository is None else event.repository.id
        guid = str(uuid.uuid4())
        return Delivery(self, self.world.new_id(), guid, app, event.name, event.action, said, installation, repository)

    def _post(self, delivery: Delivery) -> None:
        with self._changed:
            sent = self._next.popleft() if self._next else self.plan(delivery)
        for number, delay in enumerate(sent):
            again = delivery if number == 0 else replace(delivery, id=self.world.new_id())
            with self._changed:
                if self._held is not None:
                    self._held.append((again, delay))
                    continue
            self._put(again, delay)

    def _put(self, delivery: Delivery, delay: float) -> None:
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + delay, next(self._order), delivery))
            self._changed.notify_all()

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                left = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                _, _, delivery = heapq.heappop(self._waiting)
                self._busy += 1
            self._pool.submit(self._send, delivery)

    def _send(self, delivery: Delivery) -> None:
        try:
            self._attempt(delivery)
        except Exception as error:
            self.errors.append(error)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _attempt(self, delivery: Delivery) -> None:
        app, began = delivery.app, time.monotonic()
        kind, body = _body(delivery.payload, app.hook.get("content_type", "form"))
        delivery.headers = self._headers(delivery, kind, body)
        delivery.url = app.hook.get("url", "")
        sent_at = self.world.clock.now()
        try:
            delivery.received = self.transport(delivery.url, delivery.headers, body, self.seconds)
            delivery.status_code = delivery.received.status
            good = 200 <= delivery.status_code < 300
            delivery.status = "OK" if good else f"Invalid HTTP Response: {delivery.status_code}"
        except (OSError, HTTPException) as error:
            late = isinstance(error, TimeoutError) or time.monotonic() - began >= self.seconds
            delivery.status, delivery.status_code = ("timed out", 504) if late else ("failed to connect to host", 502)
        delivery.seconds = time.monotonic() - began
        with self.world.lock:
            delivery.sent_at = sent_at
            self.world.deliveries.append(delivery)

    def _headers(self, delivery: Delivery, kind: str, body: bytes) -> dict[str, str]:
        app, secret = delivery.app, delivery.app.hook_secret
        headers = {
            "Accept": "*/*",
            "Content-Type": kind,
            "User-Agent": "GitHub-Hookshot/0123456",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": str(app.id),
            "X-GitHub-Hook-Installation-Target-ID": str(app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
        }
        if self.world.api.startswith(self.world.web):
            headers |= {"X-GitHub-Enterprise-Host": shapes.host(self.world), "X-GitHub-Enterprise-Version": "3.19.0"}
        if secret:
            headers["X-Hub-Signature"] = "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
            headers["X-Hub-Signature-256"] = signature(secret, body)
        return headers


def signature(secret: str, body: bytes) -> str:
    """Return X-Hub-Signature-256 of a body (docs.github.com, "Validating webhook deliveries")."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _body(payload: dict[str, Any], content_type: str) -> tuple[str, bytes]:
    text = json.dumps(payload, separators=(",", ":"))
    if content_type == "json":
        return "application/json", text.encode()
    return "application/x-www-form-urlencoded", urlencode({"payload": text}).encode()
