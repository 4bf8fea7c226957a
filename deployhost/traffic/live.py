"""What a try at a deploy comes to: a container that requests go to."""

from dataclasses import dataclass

from deployhost.system.docker_model import Container
from deployhost.traffic.switch import Switched


@dataclass(frozen=True)
class Live:
    """A web container that requests go to, and its port; `switched` is the proxy's call, which may still drain what was before."""

    web: Container
    port: int
    switched: Switched | None
