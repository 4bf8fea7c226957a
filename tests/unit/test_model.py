"""The values of the model: valid by construction, or not there at all."""

import copy
import dataclasses
import json
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import InvalidName
from deployhost.model import (
    AppName,
    Branch,
    DeployStatus,
    Domain,
    EnvName,
    ProcessName,
    RepositoryName,
    Secret,
    Sha,
    Version,
    _Pattern,
)

GOOD: dict[type[_Pattern], list[str]] = {
    AppName: ["a", "shop", "my-shop-2", "0", "x" * 40, "kamal", "kamalx-proxy", "a--b"],
    ProcessName: ["web", "worker_2"],
    Sha: ["0" * 40, "0123456789abcdef" * 2 + "01234567"],
    Version: ["a" * 40, "a" * 40 + "-2", "a" * 40 + "-999999"],
    Branch: ["main", "feature/x", "a.b", "v1.0-rc_1", "ünï", "a@b", "#1", "lock", "a.lockx", "refs/heads/x"],
    RepositoryName: ["acme/shop", "A-1_b/x.y_z-", "a/" + "x" * 100, "o/.github", "0/-"],
    Domain: ["a.b", "shop.example.com", "xn--bcher-kva.example", "1.2.3.4a", "shop.localhost"],
    EnvName: ["A", "_x", "PATH_2"],
}
BAD: dict[type[_Pattern], list[str]] = {
    AppName: ["", "-a", "a-", "A", "a_b", "a.b", "x" * 41, "kamal-proxy", "ü", "a\n", "a b", "../x"],
    ProcessName: ["", "web-2", "2web", "Web"],
    Sha: ["", "a" * 39, "a" * 41, "A" * 40, "g" * 40, "a" * 40 + "\n"],
    Version: ["a" * 40 + "-", "a" * 40 + "-0", "a" * 40 + "-01", "a" * 7, "latest"],
    Branch: ["", "-x", "a..b", "a b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "@", "a@{b",
         "a~", "a^", "a:b", "a?", "a*", "a[", "a\\", "a.", "a\x7f", "a\n", "\udcff", "x" * 201],
    RepositoryName: ["", "acme", "acme/", "/shop", "a/b/c", "acme/shop.git", "a/..", "a/.", "-a/b", "a b/c", "a/b c", "a/b\n",
        "a/" + "x" * 101, "x" * 100 + "/a", "https://github.com/a/b", "a.b/c", "ü/x"],
    Domain: ["", "localhost", "A.b", "-a.b", "a-.b", "a..b", ".a.b", "a.b.", "a_b.c", "x" * 64 + ".b", "a.b\n", "*.a.b",
        ("a" * 60 + ".") * 5 + "b", "a.b:80"],
    EnvName: ["", "2A", "A-B", "A=B", "A B", "Ü", "A\n", "x" * 129],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in GOOD.items() for text in texts])
def test_valid(kind: type[_Pattern], text: str) -> None:
    assert kind(text) == text


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in BAD.items() for text in texts])
def test_invalid(kind: type[_Pattern], text: str) -> None:
    with pytest.raises(InvalidName) as failed:
        kind(text)
    assert kind.what in failed.value.message
    assert kind.rule in failed.value.message
    assert len(failed.value.message) < 400


def test_parts() -> None:
    version = Version("a" * 40 + "-12")
    assert (version.sha, version.short, version.sha.short) == ("a" * 40, "aaaaaaa-12", "aaaaaaa")


def test_a_repository() -> None:
    shop = RepositoryName("Acme/Shop.js")
    assert (shop.owner, shop.repo) == ("Acme", "Shop.js")
    assert shop.is_same("acme/shop.JS")
    assert not shop.is_same("acme/shop")


@given(st.text(max_size=60))
def test_names_are_safe_in_paths_and_arguments(text: str) -> None:
    for kind in (AppName, ProcessName, Sha, Version, EnvName):
        try:
            name = kind(text)
        except InvalidName:
            continue
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", name)


def test_ends() -> None:
    assert {status for status in DeployStatus if not status.ended} == {DeployStatus.QUEUED, DeployStatus.RUNNING}


@dataclasses.dataclass(frozen=True)
class Holder:
    token: Secret


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("hunter2")
    shown = f"{secret} {secret!s} {secret!r} {Holder(secret)}"
    assert "hunter2" not in shown + repr([secret]) + repr({"a": secret})
    assert not hasattr(secret, "__dict__"), "vars() has nothing to show"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2") != Secret("other")
    assert secret != "hunter2"
    assert len({secret, Secret("hunter2")}) == 1


@pytest.mark.parametrize(
    "serialise",
    [
        json.dumps,
        pickle.dumps,
        copy.deepcopy,
        lambda secret: dataclasses.asdict(Holder(secret)),
        lambda secret: "x" + secret,
        lambda secret: ", ".join(list(Holder(secret).__dict__.values())),
        lambda secret: f"{secret:>10}",
        lambda secret: [*secret],
    ],
)
def test_a_secret_is_not_serialised(serialise: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError) as failed:
        serialise(Secret("hunter2"))
    assert "hunter2" not in str(failed.value)
