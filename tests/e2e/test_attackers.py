"""One app's author against the others, by real pushes: what is pushed fails, what is live stays, and nothing of theirs is said.

Where each attack of docs/security.md is carried out, with its variants:

- builds: here; each of 42 on the real engine in tests/contract/test_attackers_on_builds.py, on newer ones by
  tests/soak/attacks_on_builds.py; in other clothes in tests/unit/build/sources
- caches: tests/contract/test_images_real_docker.py, tests/local/build/test_image.py; logins: tests/unit/build/test_host_settings.py
- the registry: tests/contract/test_registry_guard_real.py
- local accounts: tests/e2e/fresh_server/local_account.py, tests/local/system/test_bind_mount.py
- users: tests/e2e/test_users.py, tests/unit/containers/test_app_users.py
- the host: tests/contract/test_host_isolation_real_docker.py, tests/unit/traffic
- others' deploys: tests/soak/attackers.py, tests/e2e/test_deep_trees.py, tests/unit/daemon/test_one_apps_trouble.py
- labels, names, subjects, trees of commits: tests/unit/test_hostile.py, tests/local/system/test_hostile_trees.py, tests/soak/hostile.py
- completion: tests/local/cli/test_completion_in_shells.py; headers: tests/contract/test_forwarded_headers.py
- the proxy: tests/unit/server/test_proxy_container.py

tests/soak/without_fixes.py takes each defence out (tests/inputs/fixes.toml is the list), and sees that one of these fails.
"""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.real.system_under_test import App

MakeApp = Callable[[str], App]
SECRET = "what-only-the-server-may-see"
BASE = "FROM python:3.13-slim\n"
SHOW = 'RUN cat /secret* /v/* 2>/dev/null\nCMD ["python", "-m", "http.server", "8080"]\n'


@pytest.fixture
def service() -> Iterator[int]:
    """Yield the port of a service on loopback that has a secret."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{SECRET}\n".encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_builds_see_only_their_own_app(make_app: MakeApp, service: int) -> None:
    """Another app's image, by four spellings, and a service of the host, by four more."""
    victim, attacker = make_app("static"), make_app("static")
    (victim.tree / "secret.txt").write_text(SECRET)
    victim.commit("a secret")
    victim.push()
    attacker.push()
    attacker.configure(stand_in_bases=True)
    before = attacker.body()
    image = f"127.0.0.1:5555/{victim.name}:{victim.head()}"
    registry, _, name = image.partition("/")
    tries = (
        f"FROM {image} AS a\n{BASE}COPY --from=a / /v/\n",
        f"ARG R=x{registry}\nFROM ${{R#x}}/{name} AS a\n{BASE}COPY --from=a / /v/\n",
        f"{BASE}COPY --fr\\om={image} / /v/\n",
        f"{BASE}RUN --mount=type=bind,FROM={image},target=/w cp -r /w /v\n",
        f"{BASE}ADD http://127.0.0.1:{service}/ /secret\n",
        f"{BASE}ENV H=[::ffff:127.0.0.1]\nADD http://$H:{service}/ /secret\n",
        f'{BASE}ADD ["http://0:{service}/", "/secret"]\n',
        f"{BASE}ADD ht\\tp://localhost:{service}/ /secret\n",
    )
    for number, text in enumerate(tries):
        (attacker.tree / "Dockerfile").write_text(text + SHOW)
        attacker.commit(f"attack {number}")
        pushed = attacker.push(check=False)
        assert pushed.code == 1, pushed.said
        assert SECRET not in pushed.said
        error = attacker.last_deploy()["error"]
        assert error["code"] == "source_refused", error
        assert not any(phase["name"] == "build" for phase in attacker.last_deploy()["phases"])
    assert attacker.body() == before
