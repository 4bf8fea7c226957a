"""A push at GitHub's double comes to the webhook's listener: straight into its socket, and through Cloudflare's double."""

import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudflare import Cloudflare

from deployhost.model import Secret
from deployhost.paths import Paths
from tests.doubles.cloudflared.running import RunningConnector
from tests.doubles.fixtures import CloudflareAccount
from tests.doubles.github.client import call, jwt
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.repositories import Repository
from tests.doubles.github.transports import Unix
from tests.doubles.github.world import App
from tests.real.listener import ID, Machine

HOST = "hook.example.com"


class Pushed:
    """A server whose listener knows the secret of an App of octo."""

    def __init__(self, github: GitHubDouble, folder: Path) -> None:
        self.github = github
        self.app: App = github.installed_app("octo", hook_url=f"https://{HOST}/webhook/{ID}")[0]
        self.machine = Machine(Paths(folder))
        self.machine.secrets = {ID: Secret(self.app.hook_secret or "")}
        self.keeper = self.machine.daemon()
        self.keeper.round()

    def comes(self, site: Repository) -> None:
        """Say that a push is delivered, and handed over with the repository's id."""
        sha = site.commit({"index.html": "two"})
        self.github.deliveries.settle()
        listed = call(self.github, "GET", "/app/hook/deliveries", jwt(self.app)).content
        assert (listed[0]["event"], listed[0]["status"], listed[0]["status_code"]) == ("push", "OK", 202)
        handed = json.loads(list(self.keeper.inbox.waiting_lines())[-1])
        assert (handed["event"], handed["repository"], handed["after"]) == ("push", site.id, sha)


@pytest.fixture
def pushed(github: GitHubDouble) -> Iterator[Pushed]:
    # The name of a unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory() as folder:
        pushed = Pushed(github, Path(folder))
        yield pushed
        pushed.machine.end()


def test_straight_into_the_socket(github: GitHubDouble, pushed: Pushed) -> None:
    github.deliveries.transport = Unix(pushed.machine.paths.webhook_socket)
    site = github.repository("octo/site", {"index.html": "one"})
    pushed.comes(site)
    pushed.app.hook["secret"] = "another"
    site.commit({"index.html": "three"})
    github.deliveries.settle()
    assert github.world.deliveries[-1].status_code == 404


def test_through_the_tunnel(
    github: GitHubDouble, pushed: Pushed, cloudflare_account: CloudflareAccount, tmp_path: Path
) -> None:
    at = cloudflare_account
    with Cloudflare(api_token=at.token.value, max_retries=0) as client:
        tunnels = client.zero_trust.tunnels.cloudflared
        made = tunnels.create(account_id=at.account.id, name="one", config_src="cloudflare")
        path, service = "^/webhook/[0-9a-z]+$", f"unix:{pushed.machine.paths.webhook_socket}"
        rules: Any = [{"hostname": HOST, "path": path, "service": service}, {"service": "http_status:404"}]
        tunnels.configurations.update(str(made.id), account_id=at.account.id, config={"ingress": rules})
    tunnel = at.double.state.tunnels[str(made.id)]
    at.double.state.record(at.zone, "CNAME", HOST, f"{tunnel.id}.cfargotunnel.com", proxied=True)
    settings = at.double.write_connector_settings(tmp_path / "settings.json")
    github.reach("*", "127.0.0.1", at.double.edge.port)
    with RunningConnector(tmp_path, settings, tunnel.token) as connector:
        connector.wait_until_ready()
        pushed.comes(github.repository("octo/site", {"index.html": "one"}))


def test_many_at_once(github: GitHubDouble, pushed: Pushed) -> None:
    github.deliveries.transport = Unix(pushed.machine.paths.webhook_socket)
    sites = [github.repository(f"octo/site-{number}", {"a": "1"}) for number in range(3)]
    list(pushed.keeper.inbox.waiting_lines())
    threads = [threading.Thread(target=lambda one=one: [one.commit({"a": str(n)}) for n in range(5)]) for one in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    github.deliveries.settle()
    pushes = [one for one in github.world.deliveries if one.event == "push"]
    assert {one.status for one in pushes} == {"OK"}
    assert {one.head() for one in sites} <= {one.payload["after"] for one in pushes}
    assert len(pushes) == 18
