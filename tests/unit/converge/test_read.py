"""What is read of the server and its apps before anything is decided."""

from dataclasses import replace

from deployhost.kamal import contract
from deployhost.model import WEB, AppName
from deployhost.system.docker_model import ContainerSpec
from tests.fakes.assembled import Assembled, Server, sha


def test_the_server(server: Server, daemon: Assembled) -> None:
    facts = daemon.converge.reader.server()
    assert (facts.proxy, facts.proxy_connected, facts.network) == ("running", True, True)
    assert (facts.highest_label, facts.highest_number) == (1, 1)
    assert facts.youngest_lock == float("inf")
    server.engine.proxy = None
    server.engine.networks.clear()
    facts = daemon.converge.reader.server()
    assert (facts.proxy, facts.proxy_connected, facts.network) == (None, False, False)


def test_containers_of_an_app(server: Server, app: AppName, daemon: Assembled) -> None:
    """Its processes, Kamal's too, and release commands of ours; nothing of another destination, nothing else with its label."""
    live = daemon.live(app)
    spec = server.engine.specs[live.container]
    labels = contract.role_labels(app, WEB)

    def make(name: str, **changed: str) -> str:
        return daemon.docker.create(replace(spec, name=name, labels=changed))

    kamals = make("shop-web-kamals", **labels)
    release = daemon.docker.create(
        ContainerSpec(
            name="shop-release-exec-1-0123ab", image=spec.image, labels={"service": app, "deployhost.deploy": "1"}
        )
    )
    make("shop-web-staging", **{**labels, "destination": "staging"})
    make("shop-web-exec", service=app)
    make("Shop", service="Not an app's name")
    facts = daemon.converge.reader.apps(app)[app]
    found = {one.id: (one.role, one.deploy) for one in facts.containers}
    assert found[live.container] == ("web", 1)
    assert (found[kamals], found[release]) == (("web", None), (None, 1))
    assert len(found) == 4, "and the worker"
    assert [one.role for one in facts.live_containers] == ["web", "worker"]


def test_which_apps_are_ours(server: Server, app: AppName, daemon: Assembled) -> None:
    server.add("blog")
    assert list(daemon.converge.reader.apps()) == ["blog", "shop"]
    server.paths.apps_yml.write_text("apps: {}\n")
    facts = daemon.converge.reader.apps()
    assert list(facts) == ["shop"], "the journal has something of it"
    assert facts[app].removed
    server.paths.apps_yml.write_text("apps: [\n")
    assert not daemon.converge.reader.apps()[app].removed, "nobody knows"


def test_a_deploy_that_nobody_works_on(server: Server, app: AppName, daemon: Assembled) -> None:
    queued = daemon.accept(app, sha(2))
    begun = daemon.deploys.begin(queued, daemon.live(app).version)
    assert begun is not None
    assert daemon.converge.reader.apps()[app].broken_off == {begun.id}
    daemon.worked_on.add(begun.id)
    assert daemon.converge.reader.apps()[app].broken_off == frozenset()
    assert daemon.converge.reader.apps(app, broken_off=[begun.id])[app].broken_off == {begun.id}
