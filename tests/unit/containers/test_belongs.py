"""Which containers belong to a release: by the label of the deploy that made them, or, Kamal's own, by the version in their names."""

from dataclasses import dataclass, field

from deployhost.build.labels import DEPLOY_LABEL, WORKERS_LABEL
from deployhost.containers.belongs import (
    deploy_of,
    is_command,
    is_of,
    of_release,
    process_of,
    workers_of,
)
from deployhost.model import AppName, Release, Version
from tests.fakes.assembled import sha

SHOP, OTHER = AppName("shop"), AppName("blog")
VERSION = Version(sha(1))


@dataclass(frozen=True)
class Box:
    """A container as far as it matters here."""

    id: str
    name: str
    labels: dict[str, str] = field(default_factory=dict)


def ours(number: int, role: str = "web", app: str = SHOP, deploy: int = 7) -> Box:
    labels = {"service": app, "role": role, "destination": "", DEPLOY_LABEL: str(deploy)}
    return Box(f"{number}", f"{app}-{role}-{VERSION}", labels)


def kamals(number: int, role: str = "web", app: str = SHOP, version: str = VERSION) -> Box:
    return Box(f"{number}", f"{app}-{role}-{version}", {"service": app, "role": role, "destination": ""})


def release(container: str, deploy: int = 7) -> Release:
    return Release(SHOP, VERSION, VERSION.sha, "", "sha256:1", container, 8080, deploy, 0.0, is_live=True)


def test_the_processes_of_one_deploy_the_web_one_first() -> None:
    found = [ours(3, "worker"), ours(1), ours(2, "mailer"), ours(4, "worker", deploy=6), ours(5, deploy=6)]
    assert [one.id for one in of_release(found, release("1"))] == ["1", "3", "2"]


def test_a_second_web_container_of_the_deploy_is_none_of_it() -> None:
    assert [one.id for one in of_release([ours(1), ours(9)], release("1"))] == ["1"]


def test_what_the_web_container_says_counts_more_than_a_journal_that_was_begun_again() -> None:
    found = [ours(1, deploy=40), ours(2, "worker", deploy=40), ours(3, "worker", deploy=7)]
    assert [one.id for one in of_release(found, release("1", deploy=7))] == ["1", "2"]


def test_without_its_web_container_the_journal_says_which() -> None:
    assert [one.id for one in of_release([ours(2, "worker"), ours(3, "worker", deploy=6)], release("1"))] == ["2"]


def test_kamals_are_known_by_the_version_in_their_names() -> None:
    found = [kamals(1), kamals(2, "worker"), kamals(3, "worker", version=f"{VERSION}-2"), ours(4, "worker")]
    assert [one.id for one in of_release(found, release("1", deploy=0))] == ["1", "2"]


def test_a_release_command_and_other_apps_are_none() -> None:
    command = Box("2", f"shop-release-exec-{VERSION}", {"service": SHOP, "role": "", DEPLOY_LABEL: "7"})
    assert [one.id for one in of_release([ours(1), command, ours(3, "worker", app=OTHER)], release("1"))] == ["1"]
    assert process_of(command) is None


def test_one_container_of_a_deploy_or_of_a_version() -> None:
    assert is_of(ours(1), SHOP, deploy=7, version=None)
    assert not is_of(ours(1), SHOP, deploy=8, version=VERSION), "its label goes before its name"
    assert not is_of(ours(1), SHOP, deploy=None, version=VERSION)
    assert is_of(kamals(1), SHOP, deploy=7, version=VERSION)
    assert not is_of(kamals(1), SHOP, deploy=7, version=None)
    assert not is_of(kamals(1), OTHER, deploy=7, version=VERSION)
    assert not is_of(ours(1, app=OTHER), SHOP, deploy=7, version=None), "whatever deploy it claims"


def test_labels_that_somebody_else_wrote() -> None:
    assert deploy_of(Box("1", "x", {DEPLOY_LABEL: "7; rm -rf /"})) is None
    assert process_of(Box("1", "x", {"role": "../web"})) is None
    assert workers_of(Box("1", "x", {DEPLOY_LABEL: "7", WORKERS_LABEL: "mailer worker"})) == ("mailer", "worker")
    assert workers_of(Box("1", "x")) == ()


def test_what_has_no_role_runs_a_command_once() -> None:
    assert is_command(ours(1, role=""))
    assert is_command(Box("1", "shop-release-exec-1"))
    assert not is_command(ours(1))
    assert not is_command(kamals(1, role="odd-name")), "a process, though none of a name that ours have"
