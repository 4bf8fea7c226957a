"""The steps of converging: data; `converge_plan` decides on them and `converge_act` carries them out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployhost.model import AppName, Deploy, DeployStatus, Drain, Hold, Release
from deployhost.steps import Step


@dataclass(frozen=True, kw_only=True)
class MakeNetwork(Step):
    """Have Kamal's network again, as set-up makes it."""


@dataclass(frozen=True, kw_only=True)
class StartProxy(Step):
    """Start kamal-proxy's container."""


@dataclass(frozen=True, kw_only=True)
class MakeProxy(Step):
    """Have a container of kamal-proxy again, as set-up makes it."""


@dataclass(frozen=True, kw_only=True)
class ConnectProxy(Step):
    """Plug kamal-proxy into Kamal's network."""


@dataclass(frozen=True, kw_only=True)
class SkipNumbers(Step):
    """Have the next deploy's number lie above this one."""

    above: int


@dataclass(frozen=True, kw_only=True)
class RemoveRepository(Step):
    """Delete a repository that no app owns, unless it has an owner or content by then."""

    app: AppName


@dataclass(frozen=True, kw_only=True)
class LetGo(Step):
    """Have the requests answered that the proxy holds."""

    hold: Hold


@dataclass(frozen=True, kw_only=True)
class FinishSwitched(Step):
    """Write down as live what requests go to already."""

    deploy: Deploy
    container: str
    port: int


@dataclass(frozen=True, kw_only=True)
class RemoveContainer(Step):
    """Remove a container; `gently` is whether it may end by itself first."""

    container: str
    gently: bool = False


@dataclass(frozen=True, kw_only=True)
class EndDeploy(Step):
    """End a deploy that nobody works on."""

    deploy: int
    status: DeployStatus
    error: Mapping[str, Any] | None = None
    by: int | None = None


@dataclass(frozen=True, kw_only=True)
class BeginAgain(Step):
    """Queue a deploy that broke off."""

    deploy: int


@dataclass(frozen=True, kw_only=True)
class StartContainer(Step):
    """Start a container of the live release."""

    container: str


@dataclass(frozen=True, kw_only=True)
class Connect(Step):
    """Plug a container into Kamal's network, under its names there."""

    container: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MakeAgain(Step):
    """Queue a restart of the live release: what was removed of it is made anew."""

    release: Release
    reason: str


@dataclass(frozen=True, kw_only=True)
class NoteStopped(Step):
    """Write down that a person stopped the live release, or ("") that it runs again."""

    release: Release
    by: str


@dataclass(frozen=True, kw_only=True)
class Reroute(Step):
    """Lead the app's hosts to its live container; `anew` is whether the old route has to go first."""

    release: Release
    anew: bool = False
    drains: str = ""  # the container of ours that the route leads to until then


@dataclass(frozen=True, kw_only=True)
class StopContainer(Step):
    """Stop a container that is kept for its logs."""

    container: str


@dataclass(frozen=True, kw_only=True)
class EndDrain(Step):
    """Stop what was replaced, or only (`forget`) strike it off the list."""

    drain: Drain
    forget: bool = False


UNHURRIED = (StopContainer, EndDrain)  # nobody waits for these: they come after the queue has been opened
