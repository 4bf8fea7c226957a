"""From a fresh server to a repository on GitHub that is live at a domain, through the tunnel; and all of it taken away again."""

import pytest

from tests.doubles.internet import Internet
from tests.e2e.fresh_server.on_the_internet import OnTheInternet
from tests.e2e.fresh_server.server import FreshServer, until


@pytest.fixture(scope="module")
def world(server: FreshServer, internet: Internet) -> OnTheInternet:
    """Return the server, on which at most Docker is installed, with the internet around it."""
    return OnTheInternet(server, internet, f"octo-{server.suite}")


def test_one_command_without_a_terminal_connects_both_accounts(world: OnTheInternet) -> None:
    said = world.set_up()
    print(said)
    assert "create the tunnel deployhost-" in said
    assert "make a private GitHub App" in said
    assert world.token.value not in said
    assert world.app.hook_active


def test_a_repository_is_live_at_its_domain(world: OnTheInternet) -> None:
    said = world.add()
    print(said)
    assert f"live at https://{world.domain}" in said
    until(lambda: world.shown() == "one https\n", 30)
    assert world.status()["url"] == f"https://{world.domain}"
    head = world.repository.head()
    assert head is not None
    until(lambda: world.state_of(head) == "success", 30)


def test_a_push_is_live_and_github_shows_it(world: OnTheInternet) -> None:
    before = len(world.internet.github.world.deliveries)
    sha = world.push("two")
    until(lambda: world.state_of(sha) == "success", 30)
    assert world.status()["last_deploy"]["trigger"] == "push"
    world.internet.github.deliveries.settle()
    delivered = [one for one in world.internet.github.world.deliveries[before:] if one.event == "push"]
    assert [one.status_code for one in delivered] == [202]


def test_nothing_listens_beyond_loopback(world: OnTheInternet) -> None:
    assert world.listens() == world.listened


def test_a_second_run_changes_nothing(world: OnTheInternet) -> None:
    before = world.server.containers(), world.programs(), world.written()
    result = world.set_up_again()
    assert result["changed"] is False
    assert result["steps"] == []
    assert (world.server.containers(), world.programs(), world.written()) == before
    assert "nothing to do" in world.server.install("--local")
    assert (world.server.containers(), world.programs(), world.written()) == before
    assert world.shown() == "two https\n"


def test_after_a_reboot_it_is_live_and_pushes_arrive(world: OnTheInternet) -> None:
    world.reboot()
    assert world.shown() == "two https\n"
    sha = world.push("three")
    until(lambda: world.state_of(sha) == "success", 30)
    assert world.listens() == world.listened


def test_nothing_of_it_is_left_at_cloudflare_and_github(world: OnTheInternet) -> None:
    said = world.take_away()
    print(said)
    assert world.left() == {"records": [], "tunnels": [], "installations": []}
    assert f"/settings/apps/{world.app.slug}" in said, "what only its owner can delete is named"
    assert world.server.run("pgrep", "--full", "cloudflared", check=False).strip() == ""
    assert "cloudflare-sdk" not in world.server.run("ls", "/var/lib/deployhost")
    world.internet.check()
