"""The strategy overlap: the old release serves until the new one is ready."""

from tests.fakes.assembled import Server, sha

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def test_second_deploy_replaces_the_first(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    first = daemon.live(app)
    daemon.deploy(app, TWO)
    assert daemon.live(app).sha == TWO
    assert server.engine.stopped == [first.container]
    assert daemon.releases.drains() == []
    assert [release.sha for release in daemon.releases.of_app(app)] == [TWO, ONE]
