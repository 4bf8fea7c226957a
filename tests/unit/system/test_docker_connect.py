"""Plugging a container into a network: what the engine is asked, by the version of its API."""

from typing import Any

import docker
import pytest

from deployhost.system.docker import Docker

MAC = "02:64:68:00:00:01"


@pytest.mark.parametrize(("version", "mac"), [("1.41", None), ("1.44", MAC)])
def test_connect(version: str, mac: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 1.44 the hardware address is the container's own setting, by which the engine goes again."""
    asked: list[tuple[str, Any]] = []
    api = docker.APIClient(base_url="unix:///nowhere", version=version)
    monkeypatch.setattr(api, "_post_json", lambda url, data: asked.append((url, data)))
    monkeypatch.setattr(api, "_raise_for_status", lambda _response: None)
    monkeypatch.setattr(Docker, "_api", api)
    Docker("nowhere").connect("shop-web-1", "kamal", ("shop", "web.shop"), MAC)
    api.close()
    [(url, body)] = asked
    assert url.endswith("/networks/kamal/connect")
    endpoint = {"Aliases": ["shop", "web.shop"], **({"MacAddress": mac} if mac else {})}
    assert body == {"Container": "shop-web-1", "EndpointConfig": endpoint}
