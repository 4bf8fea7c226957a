"""Containers of ours that serve nobody are stopped, or removed."""

from dataclasses import replace

from deployhost.kamal import contract
from deployhost.model import WEB, AppName
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import Behaviour, FakeDocker
from tests.fakes.life import Crash
from tests.fakes.recovering import did, restart

ONE, TWO = sha(1), sha(2)


def test_strays(server: Server, app: AppName, daemon: Assembled) -> None:
    """Ours and in nobody's use: stopped, and removed if it never ran. Others' are not touched."""
    docker, live = FakeDocker(server.engine), daemon.live(app)
    labels = {**contract.role_labels(app, WEB), "deployhost.deploy": "1"}
    spec = replace(server.engine.specs[live.container], labels={**labels, "deployhost.deploy": "77"})
    made = {
        "stray": replace(spec, name="shop-web-x"),
        "never": replace(spec, name="shop-web-y"),
        "release": replace(spec, name="shop-release-exec-z", labels={"service": app, "deployhost.deploy": "77"}),
        "exec": replace(spec, name="shop-web-exec-1-abcdef", labels={"service": app}),
        "staging": replace(spec, name="shop-web-staging-1", labels={**labels, "destination": "staging"}),
        "kamals": replace(spec, name="shop-web-old", labels=contract.role_labels(app, WEB)),
        "foreign": replace(spec, name="postgres", labels={}),
    }
    found = {name: docker.create(one) for name, one in made.items()}
    for name, container in found.items():
        if name != "never":
            docker.start(container)
    assert sorted(did(daemon)) == ["RemoveContainer", "RemoveContainer", "SkipNumbers", "StopContainer"]
    left = {name for name, container in found.items() if container in server.engine.containers}
    assert left == {"stray", "exec", "staging", "kamals", "foreign"}
    assert not server.engine.containers[found["stray"]].running
    assert {found[name] for name in ("exec", "staging", "kamals", "foreign")} < {
        one.id for one in server.engine.running
    }


def test_failed_container_is_stopped_after_all(server: Server) -> None:
    """The daemon died between noting the failure and stopping the container; the app has never been live."""
    app, daemon = server.add("shop"), server.start()
    server.behaviours[ONE] = Behaviour(listens=False)
    daemon.life.effect = lambda name: (_ for _ in ()).throw(Crash) if name == "docker stop" else None  # type: ignore[method-assign]
    daemon.accept(app, ONE)
    daemon.work_off()
    assert len(server.engine.running) == 1
    daemon = restart(server)
    assert server.engine.running == []
    assert len(server.engine.containers) == 1, "its output can still be read"
