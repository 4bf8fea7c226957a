"""One call of the API, as the functions that answer it get it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.doubles.github.callers import Caller
from tests.doubles.github.refusals import not_a_jwt
from tests.doubles.github.world import App, Token, World
from tests.doubles.serve import Call


@dataclass(frozen=True)
class Asked:
    """A call that was found and checked: the path's variables, the body's JSON, who makes it."""

    world: World
    call: Call
    path: str
    operation: str
    variables: Mapping[str, str]
    given: Any
    caller: Caller
    limit: dict[str, str] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return self.call.parameters

    @property
    def app(self) -> App:
        """The App that makes the call. Raise Refused if it is none."""
        if self.caller.app is None:
            raise not_a_jwt()
        return self.caller.app

    @property
    def token(self) -> Token:
        """The token that makes the call."""
        assert self.caller.token is not None
        return self.caller.token

    def page(self, whole: list[Any]) -> tuple[list[Any], dict[str, str]]:
        """Return the page of a list that is asked for, with the Link header that leads on."""
        size = min(int(self.query.get("per_page", "30")), 100)
        number = int(self.query.get("page", "1"))
        part = whole[(number - 1) * size : number * size]
        if number * size >= len(whole):
            return part, {}
        return part, {"Link": self.link(page=str(number + 1))}

    def link(self, **changed: str) -> str:
        """Return a Link header to the same call with other parameters."""
        return f'<{self.world.api}{self.path}?{urlencode({**self.query, **changed})}>; rel="next"'


@dataclass(frozen=True)
class Result:
    """What comes of a call."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
