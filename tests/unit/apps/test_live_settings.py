"""Settings that did not reach what serves: their deploy failed, was cancelled or was rolled back. Asked for again, they are applied."""

from dataclasses import replace

import pytest

from deployhost.model import AppName, Trigger
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour
from tests.fakes.operations import Operations

ONE = sha(1)


@pytest.fixture
def app(server: Server, ops: Operations) -> AppName:
    app = server.add("shop")
    ops.push(app, ONE)
    return app


def breaks(server: Server, ops: Operations, app: AppName) -> None:
    server.engine.behaviours[ops.daemon.live(app).image] = Behaviour(exits=1)


def mended(server: Server, ops: Operations, app: AppName) -> None:
    server.engine.behaviours[ops.daemon.live(app).image] = Behaviour()


def variables(server: Server, ops: Operations, app: AppName) -> dict[str, str]:
    return dict(server.engine.specs[ops.daemon.live(app).container].env)


def test_variables_whose_deploy_failed(server: Server, ops: Operations, app: AppName) -> None:
    breaks(server, ops, app)
    first = ops.ask("env.set", name=app, values={"N": "abc"})
    assert (first["changed"], first["deploy"]["status"]) == (["N"], "failed")
    again = ops.ask("env.set", name=app, values={"N": "abc"})
    assert (again["changed"], again["deploy"]["status"]) == ([], "failed"), "it is not so already"
    mended(server, ops, app)
    assert ops.ask("env.set", name=app, values={"N": "abc"})["deploy"]["status"] == "live"
    assert variables(server, ops, app)["N"] == "abc"
    assert ops.ask("env.set", name=app, values={"N": "abc"})["deploy"] is None, "now it is so"


def test_variables_whose_removal_failed(server: Server, ops: Operations, app: AppName) -> None:
    ops.ask("env.set", name=app, values={"N": "abc"})
    breaks(server, ops, app)
    assert ops.ask("env.unset", name=app, names=["N"])["deploy"]["status"] == "failed"
    mended(server, ops, app)
    again = ops.ask("env.unset", name=app, names=["N", "TYPO", "TYPO"])
    assert (again["changed"], again["not_set"]) == ([], ["N", "TYPO"])
    assert again["deploy"]["status"] == "live"
    assert "N" not in variables(server, ops, app)
    assert ops.ask("env.unset", name=app, names=["N"])["deploy"] is None


def test_what_the_image_or_deployhost_itself_sets_is_no_variable_of_the_app(
    server: Server, ops: Operations, app: AppName
) -> None:
    live = ops.daemon.live(app)
    container, image = server.engine.containers[live.container], server.engine.images[live.image]
    server.engine.images[live.image] = replace(image, env=("PATH=/bin",))
    server.engine.containers[live.container] = replace(container, env=(*container.env, "PATH=/bin"))
    assert ops.ask("env.unset", name=app, names=["PATH", "PORT", "KAMAL_VERSION"])["deploy"] is None


def test_variables_after_an_automatic_rollback(server: Server, ops: Operations, app: AppName) -> None:
    before = ops.daemon.live(app)
    ops.ask("env.set", name=app, values={"CRASH": "1"})
    ops.daemon.intake.back(before, Trigger.AUTO_ROLLBACK, reason="it ended 3 times")
    ops.rest()
    assert "CRASH" not in variables(server, ops, app)
    assert ops.ask("env.set", name=app, values={"CRASH": "1"})["deploy"]["status"] == "live"
    assert variables(server, ops, app)["CRASH"] == "1"


def test_variables_of_a_container_that_is_gone(server: Server, ops: Operations, app: AppName) -> None:
    ops.ask("env.set", name=app, values={"N": "abc"})
    del server.engine.containers[ops.daemon.live(app).container]
    assert ops.ask("env.set", name=app, values={"N": "abc"})["deploy"]["status"] == "live"


def test_a_configuration_of_the_repositorys_own_says_by_itself_what_reaches_the_app(
    server: Server, ops: Operations, app: AppName
) -> None:
    server.set_env(ops.daemon, app, N="abc")
    server.paths.apps_yml.write_text(
        server.paths.apps_yml.read_text() + "    trust_repo_config: true\n    strategy: overlap\n"
    )
    assert ops.ask("env.set", name=app, values={"N": "abc"})["deploy"] is None
    assert ops.ask("storage.show", name=app)["mounted"] is None


def test_storage_whose_deploy_failed(server: Server, ops: Operations) -> None:
    app = server.add("shop", text="strategy: overlap")
    ops.push(app, ONE)

    def mounted() -> tuple[bool, bool | None]:
        shown = ops.ask("storage.show", name=app)
        return shown["enabled"], shown["mounted"]

    assert mounted() == (False, False)
    for verb, on in (("storage.enable", True), ("storage.disable", False)):
        breaks(server, ops, app)
        assert ops.ask(verb, name=app)["deploy"]["status"] == "failed"
        assert mounted() == (on, not on)
        again = ops.ask(verb, name=app)
        assert (again["changed"], again["deploy"]["status"]) == (False, "failed")
        mended(server, ops, app)
        assert ops.ask(verb, name=app)["deploy"]["status"] == "live"
        assert mounted() == (on, on)
        assert ops.ask(verb, name=app)["deploy"] is None
    server.add("blog")
    assert ops.ask("storage.show", name="blog")["mounted"] is None
    assert ops.ask("storage.disable", name="blog")["deploy"] is None
