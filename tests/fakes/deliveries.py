"""Deliveries as GitHub makes them, sent to a unix socket."""

import hashlib
import hmac
import json
import socket
from pathlib import Path
from typing import Any

PUSH: dict[str, Any] = {"ref": "refs/heads/main", "after": "a" * 40, "repository": {"id": 17}}


def signed(
    path: str, secret: str, body: bytes, *, event: str = "push", delivery: str = "1", signature: str = ""
) -> bytes:
    """Return a delivery's request; its signature is right, unless another one is given."""
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Type: application/json\r\nX-GitHub-Event: {event}\r\n"
        f"X-GitHub-Delivery: {delivery}\r\nX-Hub-Signature-256: sha256={signature or right}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def connect(path: Path, seconds: float = 15.0) -> socket.socket:
    """Connect to a unix socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    connection.connect(str(path))
    return connection


def status_of(connection: socket.socket) -> int:
    """Read the answer to the end and return its status, 0 if there was none."""
    answer = b""
    with connection:
        while more := connection.recv(4096):
            answer += more
    return int(answer.split()[1]) if answer else 0


def deliver(path: Path, connection_id: str, secret: str, body: dict[str, Any] | None = None, **more: str) -> int:
    """Send a delivery and return the status of its answer."""
    connection = connect(path)
    connection.sendall(signed(f"/webhook/{connection_id}", secret, json.dumps(body or PUSH).encode(), **more))
    return status_of(connection)
