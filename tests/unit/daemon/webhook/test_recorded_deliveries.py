"""Deliveries that GitHub made, from the body to what is looked at."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployhost.daemon.webhook.fields import fields_of
from deployhost.github.delivery_plan import LookAt, delivery_of, what_to_look_at

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[3] / "doubles/github/payloads.json").read_text(encoding="utf-8")
)
ID = "0123456789abcdef"


@pytest.mark.parametrize("kind", sorted(RECORDED.keys() - {"source"}))
def test_what_is_looked_at(kind: str) -> None:
    body, (event, _, action) = RECORDED[kind], kind.partition(".")
    fields = fields_of(json.dumps(body).encode())
    assert fields is not None
    told = {"connection": ID, "event": event, "delivery": "1"} | fields
    delivery = delivery_of(json.dumps(told).encode())
    assert delivery is not None
    assert delivery.action == action
    wanted = what_to_look_at(delivery)
    repository = body.get("repository", {}).get("id")
    if event == "push":
        assert wanted == LookAt(ID, repository, body["ref"], body["after"])
    elif event == "repository":
        assert wanted == (None if action == "created" else LookAt(ID, repository))
    elif event.startswith("installation"):
        assert wanted == LookAt(ID, None)
    else:
        assert wanted is None
