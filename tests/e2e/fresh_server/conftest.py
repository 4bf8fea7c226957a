"""What is carried to a fresh server: the built wheel, install.sh, and kamal-proxy's image as a file."""

from pathlib import Path

import pytest

from tests.e2e.fresh_server.server import make_parts


@pytest.fixture(scope="session")
def parts(system: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the three files; the image is the one of this machine, which is set up for that."""
    return make_parts(tmp_path_factory.mktemp("parts"))
