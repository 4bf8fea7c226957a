"""kamal-proxy's container as set-up makes it, on the real engine: it serves, keeps its routes, and may do nothing else.

Run explicitly: `pytest tests/contract`. It needs Docker, root and kamal-proxy's image.
"""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployhost.kamal.contract import PROXY_CONFIG_PATH, PROXY_IMAGE
from deployhost.paths import Paths
from deployhost.server.proxy_container import LAST_TO_BE_KILLED, MEMORY, PIDS_LIMIT, ProxyContainer
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.system.http import get
from deployhost.system.oom_score import may_be_lowered

NAME, VOLUME, NETWORK = "xproxy-container", "xproxy-container-state", "xproxy-container-net"
NET_BIND_SERVICE = 1 << 10  # linux/capability.h
PORT = 18765


@pytest.fixture(scope="module")
def docker() -> Docker:
    docker = Docker()
    if docker.image(PROXY_IMAGE) is None:
        pytest.skip("this machine has no image of kamal-proxy")
    return docker


@pytest.fixture
def proxy(docker: Docker, tmp_path: Path) -> Iterator[Container]:
    """Yield the container as set-up makes it, but for its name, network, port and volume: the machine's own is in use."""
    docker.create_network(NETWORK)
    spec = ProxyContainer(Paths(tmp_path), docker)._spec(PORT)
    binds = (f"{VOLUME}:{PROXY_CONFIG_PATH}",)
    docker.remove(NAME, force=True)
    container = docker.create(replace(spec, name=NAME, network=NETWORK, mac=None, binds=binds, image=PROXY_IMAGE))
    docker.start(container)
    yield docker.inspect(container)
    docker.remove(NAME, force=True)
    docker.remove_volume(VOLUME)
    docker.remove_network(NETWORK)


def command(*arguments: str) -> str:
    argv = ["docker", "exec", NAME, "kamal-proxy", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout


def answers(host: str, seconds: float = 10.0) -> int:
    """Return the status that the proxy answers for a host, once it is not 0 and not a missing route any more."""
    status, deadline = 0, time.monotonic() + seconds
    while status in (0, 404) and time.monotonic() < deadline:
        status = get("127.0.0.1", PORT, "/", host=host, timeout=2).status
        time.sleep(0.02)
    return status


@pytest.fixture
def target(proxy: Container) -> Iterator[str]:
    """Yield the address of a server of this machine that the proxy's network reaches; it answers 200."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    shown = ["docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", NETWORK]
    gateway = subprocess.run(shown, capture_output=True, text=True, check=True).stdout.strip()
    server = ThreadingHTTPServer((gateway, 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{gateway}:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_it_serves_and_keeps_its_routes_across_a_restart(docker: Docker, target: str) -> None:
    command("deploy", "shop", f"--target={target}", "--host=shop.example", "--health-check-path=/")
    assert answers("shop.example") == 200
    docker.stop(NAME)
    docker.start(NAME)
    assert answers("shop.example") == 200


def test_it_may_bind_its_ports_and_nothing_else(proxy: Container) -> None:
    status = Path(f"/proc/{proxy.pid}/status").read_text(encoding="ascii")
    found = {
        name: int(value, 16) for name, value in re.findall(r"^Cap(Inh|Prm|Eff|Bnd|Amb):\s+(\w+)$", status, re.MULTILINE)
    }
    assert all(value & ~NET_BIND_SERVICE == 0 for value in found.values()), found
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert "Uid:\t0" not in status
    host = json.loads(subprocess.run(["docker", "inspect", NAME], capture_output=True, check=True).stdout)[0][
        "HostConfig"
    ]
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (MEMORY, MEMORY, PIDS_LIMIT)
    if may_be_lowered(LAST_TO_BE_KILLED):
        assert int(Path(f"/proc/{proxy.pid}/oom_score_adj").read_text(encoding="ascii")) == LAST_TO_BE_KILLED
