"""What a detector says: a candidate with its reasons and its recipe, or why the tree can't be built as it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from deployhost.build.tree import Tree


@dataclass(frozen=True)
class Reason:
    """Why something was decided: a sentence, and the file and 1-based line that it rests on."""

    text: str
    path: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        if self.path is None:
            return self.text
        return f"{self.text} ({self.path}:{self.line})" if self.line else f"{self.text} ({self.path})"

    def to_json(self) -> dict[str, Any]:
        """Return the reason as `inspect --json` prints it."""
        return {"text": self.text, "path": self.path, "line": self.line}


class Strength(IntEnum):
    """How sure a detector is. The strongest candidate is built; two servers are a question for the owner."""

    GUESS = 0  # a file that may be a program
    FILES = 1  # files to be served as they are
    SITE = 2  # a build that leaves files to be served
    SERVER = 3  # a web server was seen


@dataclass(frozen=True)
class Start:
    """The command of the container, as an exec-form argv; a command that needs a shell is `/bin/sh -c`."""

    argv: tuple[str, ...]

    @property
    def shell(self) -> str | None:
        """Return the shell's text if the command needs a shell, else None."""
        return self.argv[2] if self.argv[:2] == ("/bin/sh", "-c") and len(self.argv) == 3 else None

    def __str__(self) -> str:
        return self.shell or " ".join(self.argv)


@dataclass(frozen=True)
class Recipe:
    """What renders: the template, the base images that it starts from, its values, and the files that must be in the context."""

    template: str
    bases: tuple[str, ...]
    values: Mapping[str, Any]
    needed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A runtime that fits. `claims_procfile`: the Procfile's web command is plainly of this runtime.

    `seen`: a server of this runtime was seen, rather than a command that could start a program of any language.
    """

    runtime: str
    version: str | None
    strength: Strength
    recipe: Recipe
    start: Start
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[str, ...] = ()
    claims_procfile: bool = False
    seen: bool = True


@dataclass(frozen=True)
class Unusable:
    """A runtime that was recognised but can't be built as it is: what is missing, and the one command that mends it."""

    runtime: str
    message: str
    details: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Detector:
    """One runtime. The `DETECTOR` of a folder's module `detector` joins the registry; lower priorities are asked first."""

    name: str
    priority: int
    detect: Callable[[Tree], Candidate | Unusable | None]
    looked_for: str
    advice: str
