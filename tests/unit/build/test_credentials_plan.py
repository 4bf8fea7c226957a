"""Whose builds may have used what the host logs in with, when each was lent all of it."""

import pytest

from deployhost.build.credentials_plan import HostLogins, uses_logins

PIP, NPM = HostLogins(pip=True), HostLogins(npm=True)
ACME = HostLogins(registries=("https://registry.example.com",))
ANY = HostLogins(registries=("*",))


@pytest.mark.parametrize(
    ("names", "dockerfile", "host", "expected"),
    [
        (["requirements.txt", "main.py"], None, PIP, True),
        (["requirements-prod.txt"], None, PIP, True),
        (["package.json"], None, PIP, False),
        (["package.json"], None, NPM, True),
        (["index.html"], None, HostLogins(pip=True, npm=True), False),
        (["requirements.txt", "package.json"], None, ACME, False),
        (["Dockerfile"], "FROM python:3.13\nRUN --mount=type=secret,id=pip_conf pip install x\n", PIP, True),
        (["Dockerfile", "requirements.txt"], "FROM python:3.13\nRUN pip install x\n", PIP, False),
        (["Dockerfile"], "FROM node:24\nRUN --mount=type=secret,id=npmrc npm ci\n", NPM, True),
        (["Dockerfile"], "FROM registry.example.com/acme/base:1\n", ACME, True),
        (["Dockerfile"], "FROM other.example.com/acme/base:1\n", ACME, False),
        (["Dockerfile"], "FROM other.example.com/acme/base:1\n", ANY, True),
        (["Dockerfile"], "ARG BASE\nFROM ${BASE}\n", ACME, True),
        (["Dockerfile"], "ARG BASE\nFROM ${BASE}\n", PIP, False),
        (["Dockerfile"], "FROM python:3.13\n", ANY, False),
        (["Dockerfile"], "FROM scratch\n", HostLogins(), False),
    ],
)
def test_it(names: list[str], dockerfile: str | None, host: HostLogins, expected: bool) -> None:
    assert uses_logins(names, dockerfile, host) is expected
