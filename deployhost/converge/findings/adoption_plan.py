"""What a person did with Kamal, or a journal that was lost does not know: which release is live by that. Pure."""

import re

from deployhost.converge.facts import AppContainer, AppFacts
from deployhost.converge.findings.broken_off_plan import finish
from deployhost.deploy.queue import next_version
from deployhost.kamal.contract import REPLACED, repository
from deployhost.model import WEB, AppName, DeployStatus, Sha, Version
from deployhost.steps import Step

# A frozen container keeps its place: to freeze what Kamal deployed is no wish to go back to what was live before.
ALIVE = ("running", "restarting", "paused")


class Adopt(Step):
    """Take the container that serves as what is live."""

    app: AppName
    replaces: str  # the container of what was live until now, "" if nothing was
    container: str
    image: str
    version: Version
    port: int
    tag: bool  # whether the image has no tag of that version yet


def adoption(facts: AppFacts) -> Step | str | None:
    """Return the step that writes down what is live without the journal knowing it; or why the app is left alone; or None.

    A deploy that the journal has as ended otherwise, though requests go to its container, is finished as live.
    """
    routed = facts.routed
    if facts.removed:
        served = facts.live is not None and routed is not None
        return f"{facts.app} is not in apps.yml any more; what runs of it is left alone" if served else None
    if routed is None and facts.route is not None and facts.route_is_foreign:
        return f"{facts.app}'s hosts lead to a container that is not its own ({facts.route.target}); that is left alone"
    if routed is None:
        return _unknown(facts)
    if facts.live is not None and routed.id == facts.live.container:
        return None
    if routed.role != WEB or any(deploy.id == routed.deploy for deploy in facts.open):
        return f"{facts.app}'s requests go to {routed.name}; that is left alone"
    return _adopt(facts, routed) if _serves(facts, routed) else None


def _serves(facts: AppFacts, routed: AppContainer) -> bool:
    """Return whether the container that the route leads to, which is not the live one, is what serves by now."""
    if routed.status not in ALIVE:
        return facts.live is None and not facts.known and routed.deploy is not None
    # While it drains the proxy came back with the table of before: its route is to be led to what is live.
    draining = any(drain.container == routed.id for drain in facts.drains)
    web = facts.live_web
    return not (draining and web is not None and web.status in ALIVE)


def _unknown(facts: AppFacts) -> Step | str | None:
    """Take what of ours runs as live, if the journal knows nothing of the app, and the proxy no route to it."""
    if facts.live is not None or facts.known or facts.route is not None:
        return None
    running = [one for one in facts.containers if one.deploy is not None and one.role == WEB and one.status in ALIVE]
    # What can serve comes first.
    return _adopt(facts, min(running, key=lambda one: one.frozen)) if running else None


def _adopt(facts: AppFacts, serving: AppContainer) -> Step | str:
    deploy = facts.routed_deploy
    if deploy is not None and serving.is_of(deploy) and deploy.status.ended and deploy.status is not DeployStatus.LIVE:
        return finish(facts, deploy, serving)
    version = adopted_version(facts, serving)
    if version is None:
        return (
            f"Kamal deployed {serving.name}, whose version names no commit: it serves, and deployhost leaves it alone"
        )
    return Adopt(
        what=f"take {serving.name} as what is live of {facts.app}",
        why="requests go there, and deployhost did not deploy it",
        app=facts.app,
        replaces="" if facts.live is None else facts.live.container,
        container=serving.id,
        image=serving.image_id,
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
    tags = [tag.removeprefix(f"{repository(facts.app)}:") for tag in facts.routed_tags]
    known = [release.version for release in facts.releases if release.image == serving.image_id]
    known += [Version(tag) for tag in tags if Version.pattern.fullmatch(tag)]
    if known:
        return known[0]
    if not re.match(r"[0-9a-f]{40}_", word):
        return None
    # A commit with changes that are in no commit: another release of that commit.
    return next_version(Sha(word[:40]), {*facts.versions, *(release.version for release in facts.releases)})
