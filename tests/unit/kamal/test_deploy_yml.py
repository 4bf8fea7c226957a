"""deploy.yml as Kamal reads it: after ERB, as YAML 1.1, every value as it was meant."""

import dataclasses
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from deployhost.config.app import AppConfig
from deployhost.kamal import trusted_yml, yaml_text
from deployhost.kamal.deploy_yml import Build, KamalApp, Registry, Ssh, deploy_yml, document
from deployhost.model import WEB, AppName, ProcessName
from deployhost.system.docker_model import ContainerSpec

SHOP = AppName("shop")
SPEC = ContainerSpec(name="shop", image="", env={"PORT": "8080"})
SAID_BY_KAMAL = {"name", "image", "labels", "env", "network", "hostname", "command", "restart"}
OTHERWISE: dict[str, Any] = {
    "aliases": ("shop",),
    "binds": ("/a:/storage",),
    "ports": {80: ("127.0.0.1", 8080)},
    "log_max_size": "50m",
    "stop_timeout": 7,
    "init": True,
    "security_opt": ("no-new-privileges",),
    "pids_limit": 99,
    "size": 5_000_000,
    "memory": 64 * 2**20,
    "cpus": 0.3,
    "cap_drop": ("ALL",),
    "cap_add": ("CHOWN", "SETUID"),
    "mac": "02:00:00:00:00:01",
    "oom_score_adj": -900,
}


def an_app(spec: ContainerSpec = SPEC, **more: Any) -> KamalApp:
    settings: dict[str, Any] = {
        "config": AppConfig(SHOP),
        "roles": {WEB: spec},
        "hosts": ("shop.localhost",),
        "port": 8080,
        "health": "/up",
        "registry": Registry("127.0.0.1:5555", "somebody", password="none"),
        "build": Build(arch="amd64"),
    }
    return KamalApp(**settings | more)


def section(app: KamalApp, *path: str) -> Any:
    """What stands in an app's deploy.yml below some keys."""
    found: Any = document(app)
    for key in path:
        found = found[key]
    return found


def as_kamal_reads(text: str) -> Any:
    """What YAML 1.1 makes of a text in which ERB finds nothing: `<%` begins a tag, wherever it stands."""
    assert "<%" not in text
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    return yaml.load(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
@example("<%= `id` %>")
@example("<%%")
@example("yes")
@example("2026-11-23")
@example("!ruby/object:Object {}")
@example("a\u2028b\x85c\ufeff\x00")
@example("\x1f" * 150)
@example("A" * 2000)
def test_strings_stay_what_they_are(value: str) -> None:
    text = yaml_text.render({"key": value, "list": [value], value: "also as a key", f"{value}s": {value: 1}})
    found = as_kamal_reads(text)
    assert (found["key"], found["list"]) == (value, [value]) or value in ("key", "list")
    assert value in found
    assert found[f"{value}s"] == {value: 1}
    assert text.isascii()


def test_numbers_and_truth_stay_so() -> None:
    text = yaml_text.render({"number": 3, "yes": True, "no": False, "empty": {}, "none": []})
    assert as_kamal_reads(text) == {"number": 3, "yes": True, "no": False, "empty": {}, "none": []}


def test_comments_stand_before_what_they_explain() -> None:
    text = yaml_text.render({"a": {"b": "c"}}, {"a.b": "one\ntwo"})
    assert text == 'a:\n  # one\n  # two\n  b: "c"\n'


@pytest.mark.parametrize("field", [one.name for one in dataclasses.fields(ContainerSpec)])
def test_every_property_of_a_container_is_told(field: str) -> None:
    """A field of ContainerSpec that deploy.yml does not know of would be lost with the first `kamal rollback`."""
    if field in SAID_BY_KAMAL:
        return
    changed = dataclasses.replace(SPEC, **{field: OTHERWISE[field]})
    assert document(an_app(changed)) != document(an_app())


def test_limits_in_dockers_words() -> None:
    options = section(an_app(dataclasses.replace(SPEC, **OTHERWISE)), "servers", "web", "options")
    assert options == {
        "init": True,
        "memory": "67108864b",
        "memory-swap": "67108864b",
        "cpus": "0.3",
        "pids-limit": "99",
        "stop-timeout": "7",
        "cap-drop": ["ALL"],
        "cap-add": ["CHOWN", "SETUID"],
        "security-opt": ["no-new-privileges"],
        "network-alias": ["shop"],
        "publish": ["127.0.0.1:8080:80"],
        "storage-opt": "size=5000000",
        "mac-address": "02:00:00:00:00:01",
        "oom-score-adj": "-900",
    }


@given(st.floats(min_value=0.01, max_value=512))
def test_cpus_are_no_more_precise_than_docker_takes(cpus: float) -> None:
    options = section(an_app(dataclasses.replace(SPEC, cpus=cpus)), "servers", "web", "options")
    assert re.fullmatch(r"\d+(\.\d{1,9})?", options["cpus"])
    assert abs(float(options["cpus"]) - cpus) < 1e-9


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_a_command_reaches_the_container_word_by_word(argv: list[str]) -> None:
    found = as_kamal_reads(deploy_yml(an_app(dataclasses.replace(SPEC, command=tuple(argv)))))
    assert shlex.split(found["servers"]["web"]["cmd"]) == argv


def test_workers_are_roles_of_their_own() -> None:
    worker = dataclasses.replace(SPEC, command=("work",), binds=("/a:/storage",), env={"PORT": "8080", "KIND": "w"})
    web = dataclasses.replace(SPEC, binds=("/a:/storage", "/b:/b"))
    found = as_kamal_reads(deploy_yml(an_app(web, roles={WEB: web, ProcessName("on"): worker})))
    assert found["servers"]["on"] == {"hosts": ["127.0.0.1"], "cmd": "work", "env": {"clear": {"KIND": "w"}}}
    assert found["volumes"] == ["/a:/storage"]
    assert found["servers"]["web"]["options"] == {"volume": ["/b:/b"]}


def test_a_proxy_that_kamal_boots_is_on_loopback_only() -> None:
    run = section(an_app(proxy_port=8081), "proxy", "run")
    assert run["publish"] is False
    assert run["options"]["publish"] == ["127.0.0.1:8081:80"]


def test_whole_seconds_only() -> None:
    found = document(an_app(config=AppConfig(SHOP, drain=0.2, boot_limit=1.5)))
    assert (found["drain_timeout"], found["deploy_timeout"]) == (1, 2)
    assert section(an_app(config=AppConfig(SHOP, response_timeout=3.01)), "proxy", "response_timeout") == 4


def test_streams_are_not_buffered() -> None:
    assert document(an_app())["proxy"]["buffering"] == {"requests": False, "responses": False}  # type: ignore[index,call-overload]


def test_a_trusted_configuration_gets_only_what_reaches_this_server() -> None:
    app = an_app(ssh=Ssh(822, Path("/k"), Path("/c")), proxy_port=80, labels={"deployhost.deploy": "3"})
    found = as_kamal_reads(trusted_yml.added(app, Path("/p/.kamal/secrets")))
    assert sorted(found) == ["image", "labels", "proxy", "registry", "secrets_path", "service", "ssh"]
    assert sorted(found["proxy"]) == ["hosts", "run"]


def test_a_path_that_would_be_code_is_refused() -> None:
    with pytest.raises(ValueError, match="can't be written"):
        trusted_yml.trusted_yml(Path("/a#{`id`}"), Path("/p"))
