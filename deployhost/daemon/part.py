"""How a part of the daemon is made: once, when it is first asked for, from the parts that its constructor names."""

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from deployhost.daemon.parts import Parts

Part = TypeVar("Part")


class part(Generic[Part]):  # noqa: N801 - stands where property would
    """A part of the daemon: made when it is first asked for, once, whichever thread asks.

    `make` is called with the parts that its parameters name; a parameter that has a default, and is not in `given`, is left
    alone. `given` has what a parameter gets instead, as a function of all parts.
    """

    def __init__(self, make: Callable[..., Part], **given: "Callable[[Parts], object]") -> None:
        self._make = make
        self._given = given
        self._name = ""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, parts: "Parts", _owner: type) -> Part:
        with parts.lock:
            if self._name not in vars(parts):
                # Python finds it there before it finds this descriptor, from now on.
                vars(parts)[self._name] = self._make(**self._arguments(parts))
            made: Part = vars(parts)[self._name]
            return made

    def _arguments(self, parts: "Parts") -> dict[str, object]:
        given = {name: give(parts) for name, give in self._given.items()}
        return given | {name: getattr(parts, name) for name in self._needed}

    @cached_property
    def _needed(self) -> tuple[str, ...]:
        parameters = inspect.signature(self._make).parameters.values()
        return tuple(one.name for one in parameters if one.default is one.empty and one.name not in self._given)
