"""The command that installs Go, by the kind of machine."""

import platform

import pytest

from deployhost.server.buildx import LEAST_GO
from deployhost.server.go import RELEASE, install_command
from deployhost.server.proxy_image import LEAST_GO as LEAST_OF_PROXY


@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", "amd64"), ("aarch64", "arm64")])
def test_the_command_is_the_machines(machine: str, architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert (
        install_command()
        == f"curl -fsSL https://go.dev/dl/go{RELEASE}.linux-{architecture}.tar.gz | tar -xz -C /usr/local"
    )


def test_another_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert install_command() == ""


def test_the_release_is_new_enough_for_both() -> None:
    assert tuple(map(int, RELEASE.split("."))) >= max(LEAST_GO, LEAST_OF_PROXY)
