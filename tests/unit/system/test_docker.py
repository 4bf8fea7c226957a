"""What Docker's events tell of a container."""

from collections.abc import Iterator
from typing import Any

from deployhost.system.docker import Docker
from deployhost.system.docker_model import Ended


class EventsOnly(Docker):
    """An engine that has one container, and these events of it."""

    def __init__(self, *events: dict[str, Any]) -> None:
        super().__init__("nowhere")
        self.events_of_it = events

    @property
    def _api(self) -> Any:
        return self

    def inspect_container(self, _container: str) -> dict[str, Any]:
        return {"State": {"ExitCode": 137, "Error": ""}}

    def events(self, **_: Any) -> Iterator[dict[str, Any]]:
        return iter(self.events_of_it)


def event(action: str, **attributes: str) -> dict[str, Any]:
    return {"Action": action, "Actor": {"Attributes": attributes}}


def test_the_engines_events_tell_every_end() -> None:
    """A container that is started again has the exit code of its last end only: Kamal's own stop, as often as not."""
    crashed = (event("start"), event("die", exitCode="3"), event("start"), event("die", exitCode="3"), event("start"))
    by_kamal = (*crashed, event("kill", signal="15"), event("die", exitCode="137"), event("stop"))
    assert EventsOnly(*crashed).how_ended("a") == Ended(by_hand=False, exit_code=137, trouble="", exit_codes=(3, 3))
    assert EventsOnly(*by_kamal).how_ended("a") == Ended(
        by_hand=True, exit_code=137, trouble="", exit_codes=(3, 3, 137)
    )
    killed = (event("start"), event("kill", signal="9"), event("die", exitCode="137"))
    assert EventsOnly(*killed).how_ended("a").by_hand
