"""Kamal's network that was removed, and containers of a live release that were taken off it. Pure."""

from deployhost.converge.facts import AppFacts, MachineFacts
from deployhost.kamal.contract import NETWORK, aliases
from deployhost.model import WEB
from deployhost.steps import Diagnosis, Step


class MakeNetwork(Step):
    """Make Kamal's network anew, as set-up makes it."""


class Connect(Step):
    """Connect a container with Kamal's network, under its names there."""

    container: str
    aliases: tuple[str, ...]


def network(facts: MachineFacts) -> Diagnosis:
    """Return the step that makes the network anew, if it is gone."""
    if facts.network:
        return Diagnosis()
    why = "it was removed, and without it nothing reaches an app"
    return Diagnosis((MakeNetwork(what=f"make the network {NETWORK} anew", why=why),))


def connections(facts: AppFacts) -> Diagnosis:
    """Return the steps that connect the live release again. An ended container is connected once it is started."""
    web = facts.live_web
    if web is None or web.ended:
        return Diagnosis()
    return Diagnosis(
        tuple(
            Connect(
                what=f"connect {one.name} with the network {NETWORK} again",
                why="it was disconnected, and nobody reaches it",
                container=one.id,
                aliases=aliases(facts.app, one.role or WEB),
            )
            for one in facts.live_containers
            if one.unplugged
        )
    )
