"""End to end: a real server, made by install.sh where there is none, real git, and requests through the real kamal-proxy."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.real.system_under_test import App, app_on, set_up

MakeApp = Callable[[str], App]


@pytest.fixture(scope="session")
def system() -> None:
    """Set the machine up once, if deployhostd does not answer yet."""
    set_up()


@pytest.fixture
def make_app(system: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeApp]:
    """Return a function that adds an app, named after the test, with a sample committed; it is removed after the test."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")[:32].strip("-")
    with ExitStack() as stack:
        made: list[App] = []

        def make(sample: str) -> App:
            name = f"e2e-{stem}" + (f"-{len(made)}" if made else "")
            made.append(stack.enter_context(app_on(sample, name, tmp_path / name)))
            return made[-1]

        yield make
