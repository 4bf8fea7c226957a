"""End to end: a real server, made by install.sh where there is none, real git, and requests through the real kamal-proxy."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.doubles.internet import Internet
from tests.e2e.fresh_server.on_the_internet import bridge_address
from tests.e2e.fresh_server.server import FreshServer, fresh_server, make_parts
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


@pytest.fixture(scope="session")
def internet(system: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """Yield Cloudflare's and GitHub's doubles, which fresh servers reach by their real names."""
    with Internet(tmp_path_factory.mktemp("internet"), bridge_address()) as internet:
        yield internet
        internet.check()


@pytest.fixture(scope="session")
def parts(system: None, internet: Internet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with what is carried to a fresh server: the built wheel, install.sh, and kamal-proxy's image as a file.

    The wheel pins the key of the double that serves cloudflared. The image is the one of this machine, which is set up for that.
    """
    made = make_parts(tmp_path_factory.mktemp("parts"))
    (wheel,) = made.glob("*.whl")
    internet.replace_keys(wheel)
    return made


@pytest.fixture(scope="session", params=["bookworm", "trixie"])
def server(request: pytest.FixtureRequest, parts: Path, internet: Internet) -> Iterator[FreshServer]:
    """Yield a fresh server of each release, one after the other: pytest runs all tests on the first before those on the second."""
    hosts = dict.fromkeys(internet.names(), internet.host)
    with fresh_server(str(request.param), parts, hosts=hosts) as server:
        yield server
