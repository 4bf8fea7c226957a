"""What a person did with Kamal, or a journal that was lost does not know: which release is live by that. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from deployhost.converge.facts import AppContainer, AppFacts
from deployhost.converge.findings.broken_off_plan import finish
from deployhost.deploy.queue import next_version
from deployhost.kamal.contract import repository
from deployhost.model import WEB, AppName, Deploy, DeployStatus, Release, Sha, Version
from deployhost.steps import Step

# A frozen container keeps its place: to freeze what Kamal deployed is no wish to go back to what was live before.
ALIVE = ("running", "restarting", "paused")
REPLACED = re.compile(r"_replaced_[0-9a-f]{16}$")


class Adopt(Step):
    """Take the container that serves as what is live."""

    app: AppName
    replaces: str  # the container of what was live until now, "" if nothing was
    container: str
    image: str
    version: Version
    port: int
    tag: bool  # whether the image has no tag of that version yet


@dataclass(frozen=True)
class Adoption:
    """Something that can't be adopted: a note on it, and whether the app is left as it is."""

    note: str
    leave_alone: bool


def adoption(facts: AppFacts) -> Step | Adoption | None:
    """Return the step that writes down what is live without the journal knowing it, why there can't be one, or None.

    A deploy that the journal has as ended otherwise, though requests go to its container, is finished as live.
    """
    routed = facts.routed
    if facts.removed:
        return _removed(facts)
    if routed is None:
        return _elsewhere(facts)
    if facts.live is not None and routed.id == facts.live.container:
        return None
    if routed.role != WEB or any(deploy.id == routed.deploy for deploy in facts.open):
        return Adoption(f"{facts.app}'s requests go to {routed.name}; that is left alone", leave_alone=True)
    return _adopt(facts, routed) if _serves(facts, routed) else None


def _removed(facts: AppFacts) -> Adoption | None:
    if facts.live is None or facts.routed is None:
        return None
    return Adoption(f"{facts.app} is not in apps.yml any more; what runs of it is left alone", leave_alone=True)


def _elsewhere(facts: AppFacts) -> Step | Adoption | None:
    if facts.route is None or not facts.route_is_foreign:
        return _unknown(facts)
    note = f"{facts.app}'s hosts lead to a container that is not its own ({facts.route.target}); that is left alone"
    return Adoption(note, leave_alone=True)


def _serves(facts: AppFacts, routed: AppContainer) -> bool:
    """Return whether the container that the route leads to, which is not the live one, is what serves by now."""
    if routed.status not in ALIVE:
        return facts.live is None and not facts.known and routed.deploy is not None
    # While it drains the proxy came back with the table of before: its route is to be led to what is live.
    draining = any(drain.container == routed.id for drain in facts.drains)
    web = facts.live_web
    return not (draining and web is not None and web.status in ALIVE)


def _unknown(facts: AppFacts) -> Step | Adoption | None:
    """Take what of ours runs as live, if the journal knows nothing of the app, and the proxy no route to it."""
    if facts.live is not None or facts.known or facts.route is not None:
        return None
    running = [one for one in facts.containers if one.deploy is not None and one.role == WEB and one.status in ALIVE]
    running.sort(key=lambda one: one.frozen)  # what can serve comes first
    return _adopt(facts, running[0]) if running else None


def _ended_unlike_live(deploy: Deploy) -> bool:
    return deploy.status.ended and deploy.status is not DeployStatus.LIVE


def _adopt(facts: AppFacts, serving: AppContainer) -> Step | Adoption:
    deploy = facts.routed_deploy
    if deploy is not None and serving.is_of(deploy) and _ended_unlike_live(deploy):
        return finish(facts, deploy, serving)
    version = adopted_version(facts, serving)
    if version is None:
        note = (
            f"Kamal deployed {serving.name}, whose version names no commit: it serves, and deployhost leaves it alone"
        )
        return Adoption(note, leave_alone=True)
    return Adopt(
        what=f"take {serving.name} as what is live of {facts.app}",
        why="requests go there, and deployhost did not deploy it",
        app=facts.app,
        replaces="" if facts.live is None else facts.live.container,
        container=serving.id,
        image=serving.image,
        version=version,
        port=facts.routed_port,
        tag=f"{repository(facts.app)}:{version}" not in facts.routed_tags,
    )


def adopted_version(facts: AppFacts, serving: AppContainer) -> Version | None:
    """Return the version that the container that serves has here, or None if nothing tells its commit.

    Its name says it as Kamal has it (lib/kamal/configuration/role.rb): a commit, `latest` after `kamal app boot`, a commit and
    `_uncommitted_…`, or any word. Where it is no version of ours, the image tells: that of a release, or a tag of its own.
    """
    word = REPLACED.sub("", serving.name).removeprefix(f"{facts.app}-{serving.role}-")
    if Version.pattern.fullmatch(word):
        return Version(word)
    known = [release.version for release in facts.releases if release.image == serving.image]
    if known:
        return known[0]
    tags = [tag.removeprefix(f"{repository(facts.app)}:") for tag in facts.routed_tags]
    for tag in tags:
        if Version.pattern.fullmatch(tag):
            return Version(tag)
    return _beginning(word, facts.versions, facts.releases)


def _beginning(word: str, used: Collection[str], releases: Collection[Release]) -> Version | None:
    """Return a version for a commit with changes that are in no commit: another release of that commit."""
    if not re.match(r"[0-9a-f]{40}_", word):
        return None
    return next_version(Sha(word[:40]), {*used, *(release.version for release in releases)})
