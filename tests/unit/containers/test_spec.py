"""What a container is made from, and so which settings need new containers."""

from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.config.app import SETTINGS, AppConfig
from deployhost.config.process import ProcessConfig
from deployhost.config.settings import Applies
from deployhost.containers.capabilities import ALL, OF_ROOT
from deployhost.containers.processes import processes_of
from deployhost.containers.spec import container_of, proxy_variables
from deployhost.kamal.contract import NETWORK
from deployhost.model import AppName
from deployhost.system.docker_model import ContainerSpec, Image, Network
from tests.fakes.docker import proxy_container
from tests.inputs.settings import OF_AN_APP

MIB = 1024**2
IMAGE = Image("sha256:1", (), {}, "", (), "")


def containers(**settings: object) -> dict[str, ContainerSpec]:
    """What the containers of an app are made from, by process."""
    config = AppConfig(AppName("shop"), **settings)  # type: ignore[arg-type]
    found = processes_of(IMAGE, config)
    return {one.name: container_of(IMAGE, config, one, Path("/s")) for one in (found.web, *found.workers)}


@pytest.mark.parametrize(
    ("size", "text"), [(10 * MIB, "10m"), (2048 * MIB, "2g"), (1536 * MIB, "1536m"), (1_500_000, "1500000b")]
)
def test_every_containers_log_is_bounded_in_dockers_words(size: int, text: str) -> None:
    found = containers(log_size=size, processes={"worker": ProcessConfig("./work")})
    assert {name: spec.log_max_size for name, spec in found.items()} == {"web": text, "worker": text}


def test_every_container_drops_all_capabilities_and_an_own_image_of_root_gets_a_few_back() -> None:
    assert [(one.cap_drop, one.cap_add) for one in containers().values()] == [((ALL,), OF_ROOT)]


def test_the_default_is_what_containers_had_before_there_was_a_setting() -> None:
    assert containers()["web"].log_max_size == "10m"


@pytest.mark.parametrize("key", SETTINGS)
def test_the_table_knows_which_settings_need_new_containers(key: str) -> None:
    changes = containers(**{key: OF_AN_APP[key]}) != containers()
    assert changes == (SETTINGS[key].applies is Applies.CONTAINER)


def test_whose_headers_an_app_may_believe() -> None:
    network = Network(NETWORK, "br-1", True, ("172.18.0.0/16", "fd00:1::/64"), ("172.18.0.1",))
    proxy = replace(proxy_container(), ip6s={NETWORK: "fd00:1::2"})
    assert proxy_variables(network, proxy) == {
        "DEPLOYHOST_PROXY_NETWORK": "172.18.0.0/16,fd00:1::/64",
        "DEPLOYHOST_PROXY_ADDRESSES": "172.18.255.254,fd00:1::2,172.18.0.1",
    }
    assert proxy_variables(network, None)["DEPLOYHOST_PROXY_ADDRESSES"] == "172.18.0.1"
    assert proxy_variables(Network(NETWORK, "br-1"), None) == proxy_variables(None, proxy) == {}
