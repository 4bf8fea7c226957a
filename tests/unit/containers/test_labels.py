"""Labels that an image brings along: whatever its Dockerfile says in ours, none of it counts."""

import json
from dataclasses import replace

import pytest

from deployhost.build.labels import (
    DEPLOY_LABEL,
    OURS,
    PREFIX,
    PROCESSES_LABEL,
    SETTINGS_LABEL,
    WORKERS_LABEL,
    of_container,
)
from deployhost.config.app import AppConfig
from deployhost.containers.belongs import MOST_WORKERS, app_of, deploy_of, process_of, workers_of
from deployhost.containers.processes import of_label, processes_of
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, DeployStatus, Trigger
from deployhost.system.docker_model import ContainerSpec, Image
from tests.fakes.assembled import Server, settle, sha
from tests.fakes.docker import Behaviour, proxy_container
from tests.fakes.kamal_by_hand import KamalByHand

ONE, TWO = sha(1), sha(2)
HUGE = str(2**63 - 1)
HOSTILE = {
    "service": "victim",
    "role": "web",
    "destination": "",
    DEPLOY_LABEL: HUGE,
    WORKERS_LABEL: "ghost web ../x",
    SETTINGS_LABEL: '{"port": 1e99, "health": "no path", "release": "rm -rf /storage"}',
    "deployhost.of-a-later-version": "yes",
}


def image(**labels: str) -> Image:
    return Image("sha256:1", (), labels, "", (), "")


@pytest.mark.parametrize("engine", ["direct", "kamal"])
def test_an_app_whose_image_has_all_of_our_labels_is_as_any_other(server: Server, engine: str) -> None:
    """A ghost worker had the app restarted each minute, and a number of 2^63-1 ended all deploys of the server."""
    server.behaviours[ONE] = Behaviour(labels={**HOSTILE, "service": "shop"})
    app, daemon = server.add("shop", text=f"engine: {engine}"), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE
    assert not daemon.converge.plan()
    daemon.converge.run()
    settle()
    (web,) = server.engine.running
    assert (web.labels["service"], web.labels["role"], web.labels["destination"]) == ("shop", "web", "")
    assert {name: value for name, value in web.labels.items() if value and name.startswith(PREFIX)} in (
        {DEPLOY_LABEL: "1", SETTINGS_LABEL: "{}"},
        {DEPLOY_LABEL: "1", "deployhost.of-a-later-version": "yes"},  # Kamal is told of the labels that there are
    )
    assert daemon.deploy(app, ONE, Trigger.RESTART).id == 2
    assert len(server.engine.running) == 1


def test_a_release_command_is_the_apps_own_too(server: Server) -> None:
    server.behaviours[ONE] = Behaviour(labels=HOSTILE, ends={"./prepare": 0})
    app, daemon = server.add("shop", text="release: ./prepare"), server.start()
    assert daemon.deploy(app, ONE).status is DeployStatus.LIVE
    command = next(spec for spec in server.engine.specs.values() if "-release-exec-" in spec.name)
    assert {name: value for name, value in command.labels.items() if value} == {"service": "shop", DEPLOY_LABEL: "1"}
    assert command.labels.keys() >= {"role", "destination", *OURS, *HOSTILE}


@pytest.mark.parametrize("number", [HUGE, "9" * 40, "-1", "\u0663", "1e3", " 7", ""])
def test_a_number_that_no_deploy_has_is_none(server: Server, number: str) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    spec = ContainerSpec(
        name=f"shop-web-{TWO}",
        image=contract.image(app, daemon.live(app).version),
        labels={**contract.role_labels(app, WEB), DEPLOY_LABEL: number},
    )
    made = daemon.docker.inspect(daemon.docker.create(spec))
    assert deploy_of(made) is None
    assert daemon.converge.reader.server().highest_label == 1


def test_containers_of_another_name_are_nobodys(server: Server) -> None:
    """`kamal app exec` makes one without any label, so that it has its image's."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    reference = contract.image(app, daemon.live(app).version)
    labels = {**contract.role_labels(app, WEB), DEPLOY_LABEL: "77", WORKERS_LABEL: "ghost"}
    names = (f"shop-web-exec-{ONE}-0123ab", "kind_turing", f"blog-web-{TWO}", f"shop-worker-{TWO}")
    for name in names:
        made = daemon.docker.create(ContainerSpec(name=name, image=reference, labels=labels))
        daemon.docker.start(made)
        found = daemon.docker.inspect(made)
        assert process_of(found) is None
        assert app_of(found) is None
    assert daemon.converge.reader.server().highest_label == 1
    assert len(daemon.converge.reader.apps()[app].containers) == 1
    daemon.deploy(app, TWO)
    settle()
    assert {one.name for one in server.engine.running} == {*names, f"shop-web-{TWO}"}


def test_what_kamal_booted_is_adopted_whatever_its_image_says(server: Server) -> None:
    server.behaviours[ONE] = Behaviour(labels={**HOSTILE, "service": "shop", WORKERS_LABEL: "ghost"})
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    booted = KamalByHand(server).boot(app, str(ONE))
    daemon.converge.run()
    settle()
    assert daemon.live(app).container == booted
    assert [one.id for one in server.engine.running] == [booted]
    assert daemon.deploys.open() == []
    daemon.deploy(app, TWO)
    assert len(server.engine.running) == 1


def test_values_are_bounded_when_they_are_read() -> None:
    many = {f"p{number}": f"run {number}" for number in range(41)}
    odd = {
        "web": "x",
        "Bad-Name": "x",
        "long": "x" * 2001,
        "lines": "a\nb",
        "escape": "a\x1b[2J",
        "number": 7,
        "empty": "",
    }
    for said, expected in (
        (json.dumps(many), 16),
        (json.dumps(odd), 0),
        ("[" * 60_000, 0),
        ("{" * 2 + "}", 0),
        (json.dumps({"a": "b" * 10**6}), 0),
        ("[]", 0),
        ("", 0),
    ):
        assert len(processes_of(image(**{PROCESSES_LABEL: said}), AppConfig(AppName("shop"))).workers) == expected, (
            said[:40]
        )
    assert of_label({SETTINGS_LABEL: '{"a":' * 50_000}, SETTINGS_LABEL) is None
    workers = " ".join(["mailer", "../x", "Web", *many] * 9)
    found = workers_of(replace(proxy_container(), labels={DEPLOY_LABEL: "1", WORKERS_LABEL: workers}))
    assert {"mailer"} <= {*found} <= {"mailer", *many}
    assert len(found) <= MOST_WORKERS


def test_nothing_of_an_image_is_left_to_a_container() -> None:
    labels = of_container({"deployhost.other": "x", "maintainer": "me", **HOSTILE}, {"service": "shop", "role": "web"})
    assert {name: value for name, value in labels.items() if value} == {"service": "shop", "role": "web"}
    assert "maintainer" not in labels
    assert labels.keys() >= {"deployhost.other", "destination", *OURS}
