"""Plugging a container into a network: what the engine is asked, by the version of its API, and when a start needs it."""

from dataclasses import replace
from typing import Any

import docker
import pytest

from deployhost.errors import NotFound
from deployhost.system.docker import Docker
from tests.fakes.docker import proxy_container

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


@pytest.mark.parametrize("missing", ["network 822aa764 not found", "No such container: shop"])
def test_start_of_what_was_on_a_network_that_was_made_anew(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine knows the old one's id by heart; anything else that is missing is told."""
    stopped = replace(
        proxy_container(),
        id="0123456789ab" + "0" * 52,
        networks=("kamal",),
        aliases={"kamal": ("shop", "web.shop", "0123456789ab")},
    )
    asked: list[tuple[Any, ...]] = []

    class Api:
        def start(self, container: str) -> None:
            asked.append(("start", container))
            if not any(call[0] == "connect" for call in asked):
                raise docker.errors.NotFound("404", explanation=missing)

        def connect_container_to_network(self, container: str, network: str, **named: Any) -> None:
            asked.append(("connect", container, network, named["aliases"]))

    monkeypatch.setattr(Docker, "_api", Api())
    monkeypatch.setattr(Docker, "_at_least", lambda *_: False)
    monkeypatch.setattr(Docker, "inspect", lambda *_: stopped)
    if not missing.startswith("network"):
        with pytest.raises(NotFound, match="No such container"):
            Docker("nowhere").start("shop")
        assert asked == [("start", "shop")]
        return
    Docker("nowhere").start("shop")
    assert asked == [("start", "shop"), ("connect", "shop", "kamal", ["shop", "web.shop"]), ("start", "shop")]
