"""What is carried to a fresh server: the built wheel, install.sh, and kamal-proxy's image as a file."""

import shutil
import sys
from pathlib import Path

import pytest

from deployhost.kamal.contract import PROXY_IMAGE
from tests.e2e.fresh_server.server import host

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def parts(system: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the three files; the image is the one of this machine, which is set up for that."""
    directory = tmp_path_factory.mktemp("parts")
    host(sys.executable, "-m", "build", "--wheel", "--outdir", str(directory), str(ROOT))
    host("docker", "save", "--output", str(directory / "kamal-proxy.tar"), PROXY_IMAGE)
    shutil.copy(ROOT / "install.sh", directory)
    return directory
