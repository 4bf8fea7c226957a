"""An app's releases as what one can go back to: which was live before, which deploy made it, whether its image is there."""

import pytest

from deployhost.errors import NotFound
from deployhost.model import AppName, Trigger
from tests.fakes.assembled import Assembled, Server, sha

ONE, TWO, THREE = sha(1), sha(2), sha(3)


@pytest.fixture
def shop(server: Server) -> tuple[Assembled, AppName]:
    app, daemon = server.add("shop"), server.start()
    for commit in (ONE, TWO):
        daemon.deploy(app, commit)
    return daemon, app


def test_the_one_before(shop: tuple[Assembled, AppName]) -> None:
    daemon, app = shop
    newest, first = daemon.releases.of_app(app)
    assert daemon.rollbacks.target(app, None) == first
    assert daemon.rollbacks.target(app, ONE) == first
    assert daemon.rollbacks.left_for(app, newest.version) == first
    assert daemon.rollbacks.left_for(app, first.version) is None
    with pytest.raises(NotFound, match="has no release"):
        daemon.rollbacks.target(app, THREE)


def test_after_a_rollback_the_one_before_that(shop: tuple[Assembled, AppName]) -> None:
    """Going back twice leads further back, and not to where one came from."""
    daemon, app = shop
    daemon.deploy(app, THREE)
    two = daemon.releases.of_app(app)[1]
    daemon.deploys.accept(app, TWO, trigger=Trigger.ROLLBACK, target=two.version)
    daemon.work_off()
    assert daemon.rollbacks.target(app, None).sha == ONE


def test_its_deploy_and_its_image(shop: tuple[Assembled, AppName], server: Server) -> None:
    daemon, app = shop
    _, first = daemon.releases.of_app(app)
    deploy = daemon.rollbacks.deploy_of(first)
    assert deploy is not None
    assert deploy.sha == ONE
    assert daemon.rollbacks.has_image(first)
    server.engine.down = True
    assert daemon.rollbacks.has_image(first) is None, "nobody knows"
    server.engine.down = False
    del server.engine.images[first.image]
    assert daemon.rollbacks.has_image(first) is False
    with pytest.raises(NotFound):
        daemon.rollbacks.target(app, None)
