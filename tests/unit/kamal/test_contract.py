"""Kamal's names and texts, and kamal-proxy's table as it really prints it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.kamal import contract
from deployhost.kamal.contract import Route, env_file, parse_routes
from deployhost.kamal.proxy import Target, deploy_arguments
from deployhost.model import WEB, AppName, Version

SHOP = AppName("my-shop")
V = Version("a" * 40 + "-2")
RECORDED = Path(__file__).parent / "recorded"  # from kamal-proxy v0.9.2


def test_names() -> None:
    assert contract.image(SHOP, V) == f"127.0.0.1:5555/my-shop:{V}"
    assert contract.latest_image(SHOP) == "127.0.0.1:5555/my-shop:latest"
    assert contract.container_name(SHOP, WEB, V) == f"my-shop-web-{V}"
    assert contract.service_name(SHOP, WEB) == "my-shop-web"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("shop-web-abc", "abc"),
        ("shop-web-abc-2", "abc-2"),
        ("shop-web-abc_replaced_0123456789abcdef", "abc"),
        ("shop-web-abc_uncommitted_0123", "abc_uncommitted_0123"),
        ("shop-web-", None),
        ("shop-web", None),
        ("shop-webby-abc", None),
        ("other-web-abc", None),
        ("shop-web-exec-abc-0123ab", None),
    ],
)
def test_the_version_in_a_name(name: str, version: str | None) -> None:
    assert contract.version_in(name, "shop", "web") == version


def test_labels_have_an_empty_destination() -> None:
    """Without the key Kamal does not see the container at all (Kamal 2.11, lib/kamal/commands/app.rb: `label=destination=`)."""
    assert contract.role_labels(SHOP, WEB) == {"service": "my-shop", "role": "web", "destination": ""}


def test_registry_is_no_localhost() -> None:
    assert not contract.REGISTRY.startswith("localhost")


def test_proxy_image_has_a_version_that_kamal_can_read() -> None:
    assert contract.PROXY_IMAGE == "basecamp/kamal-proxy:v0.9.2"


ENV = {
    "nothing": ({}, "\n"),
    "two": ({"A": "1", "B": "x y=z"}, "A=1\nB=x y=z\n"),
    "newline": ({"PEM": "a\nb\r\tc"}, "PEM=a\\nb\\r\\tc\n"),
    "quotes": ({"Q": '"it\'s" #1 $HOME'}, 'Q="it\'s" #1 $HOME\n'),
    "unicode": ({"U": "grün"}, "U=grün\n"),
    "empty": ({"E": ""}, "E=\n"),
}


@pytest.mark.parametrize("case", ENV)
def test_env_file(case: str) -> None:
    values, text = ENV[case]
    assert env_file(values) == text


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_]{1,8}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from("\n\r\t\v\f\a\b\x1b")),
    )
)
def test_env_file_has_one_line_per_variable(values: dict[str, str]) -> None:
    lines = env_file(values).removesuffix("\n").split("\n")
    assert [line.partition("=")[0] for line in lines if line] == list(values)


def recorded(name: str) -> dict[str, Route]:
    return parse_routes((RECORDED / f"list-{name}.txt").read_text(encoding="utf-8"))


def test_no_routes() -> None:
    assert recorded("empty") == {}
    assert parse_routes("") == {}


def test_one_route() -> None:
    assert recorded("one") == {"hello-web": Route("hello-web", ("hello.localhost",), "/", "127.0.0.1:18099", "running")}


def test_many_routes() -> None:
    found = recorded("many")
    assert list(found) == ["any-web", "hello-web", "pp-web", "shop-web"]
    assert found["shop-web"].hosts == ("shop.localhost", "shop.example.com", "www.shop.example.com")
    assert found["any-web"].hosts == ("*",)
    assert found["pp-web"].path == "/api"
    assert {route.target for route in found.values()} == {"127.0.0.1:18099"}
    assert [route.state for route in found.values()] == ["running", "paused", "running", "running"]


@pytest.mark.parametrize("text", ["Error: no", "Service Target Host Path State TLS\n"])
def test_other_tables_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="another form"):
        parse_routes(text)


_names = st.from_regex(r"[a-z]{1,12}-web", fullmatch=True)
_hosts = st.lists(st.from_regex(r"[a-z]{1,9}\.(localhost|example\.com)", fullmatch=True), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(_names, _hosts, max_size=5))
def test_any_table(services: dict[str, list[str]]) -> None:
    """Columns are as wide as their widest cell, as the real table's are."""
    rows = [("Service", "Host", "Path", "Target", "State", "TLS")]
    rows += [(name, ",".join(hosts), "/", "0123456789ab:80", "running", "no") for name, hosts in services.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    text = "\n".join("".join(cell.ljust(width) + "  " for cell, width in zip(row, widths, strict=True)) for row in rows)
    assert {name: list(route.hosts) for name, route in parse_routes(text).items()} == services


def test_deploy_arguments() -> None:
    target = Target(
        service="shop-web",
        address="0123456789ab:8080",
        hosts=("shop.localhost", "shop.example.com"),
        health_port=41234,
        health_path="/.deployhost/ready",
        deploy_timeout=10,
        drain_timeout=0.5,
        response_timeout=100,
    )
    assert deploy_arguments(target) == [
        "deploy",
        "shop-web",
        "--target=0123456789ab:8080",
        "--host=shop.localhost",
        "--host=shop.example.com",
        "--health-check-port=41234",
        "--health-check-path=/.deployhost/ready",
        "--health-check-interval=20ms",
        "--deploy-timeout=10000ms",
        "--drain-timeout=500ms",
        "--target-timeout=100000ms",
        "--log-request-header=Cache-Control",
        "--log-request-header=Last-Modified",
        "--log-request-header=User-Agent",
    ]
