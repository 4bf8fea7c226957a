"""What may be found in a Python file, and the small questions that are asked of its syntax tree."""

import ast
import warnings
from dataclasses import dataclass
from enum import IntEnum, StrEnum

UNDER_MAIN = "a server under __main__"  # something is run there that may serve


class Serve(StrEnum):
    """How something found is served."""

    WSGI = "wsgi"
    ASGI = "asgi"
    EITHER = "either"  # made by a factory of another file: the dependencies tell
    SCRIPT = "script"
    STREAMLIT = "streamlit"
    GRADIO = "gradio"


class Rank(IntEnum):
    """Which find is preferred: an app object, then a factory, then a file that serves when it is run."""

    APP = 0
    FACTORY = 1
    SCRIPT = 2


@dataclass(frozen=True)
class Find:
    """Something to run in a file: `name` is the object (`app`, `app.server`, `create_app`), empty for a script."""

    rank: Rank
    serve: Serve
    name: str
    what: str
    line: int
    package: str = ""


def parse(text: str) -> ast.Module | None:
    """Return a text's syntax tree, or None if it is not Python that this interpreter knows."""
    try:
        with warnings.catch_warnings():  # an invalid escape in somebody's string is not ours to report
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dotted(node: ast.expr) -> str:
    """Return the dotted name of an expression (`a.b.c`), or "" if it has none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def is_main(node: ast.If) -> bool:
    """Return whether an if is `if __name__ == "__main__"`."""
    test = node.test
    if not isinstance(test, ast.Compare):
        return False
    sides = [test.left, *test.comparators]
    return any(isinstance(one, ast.Name) and one.id == "__name__" for one in sides) and any(
        isinstance(one, ast.Constant) and one.value == "__main__" for one in sides
    )
