"""What was replaced is stopped once its requests are done, after the deploy is live."""

from tests.fakes.assembled import Server, settle, sha

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def test_live_before_drained(server: Server) -> None:
    """What is replaced is stopped after its requests, and the deploy is live before that."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    first = daemon.live(app)
    server.table.drains = True
    daemon.pipeline.run(daemon.accept(app, TWO))
    assert daemon.live(app).sha == TWO
    assert [drain.container for drain in daemon.releases.drains()] == [first.container]
    assert server.engine.stopped == []
    server.table.calls[-1].ended.set()
    settle()
    assert server.engine.stopped == [first.container]
    assert daemon.releases.drains() == []
    assert not list(server.paths.run.glob("switch-*"))
