"""Commands of ours that hints, notes and help name: each is one that the command line takes."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

import deployhost
from deployhost.cli.main import MODULES, build

ROOT = Path(deployhost.__file__).parent
VERBS = {"completion"}.union(*MODULES.values())
NAMED = re.compile(r"(?<![\w./<-])deployhost (?=[a-z-])")
END = re.compile(r"[;,\n)`]|\.$| > ")
# What a part of an f-string is filled with, by what is written there; a number is a valid app, port, reference and deploy.
FILLED = {
    "LOCAL": ".localhost",
    "domain": "shop.example.com",
    "keep": " --storage",
    "asked": " --domain a.de --domain b.de",
}
A_NAME = "7"


@dataclass(frozen=True)
class Named:
    """A command that a text names: where, the text before it, what follows `deployhost` in it, and the text after it."""

    where: str
    before: str
    words: str
    after: str

    @property
    def is_all(self) -> bool:
        """Return whether the text is that command and nothing else, as a hint is."""
        return self.before in ("", "sudo ") and not self.after

    @property
    def is_prose(self) -> bool:
        """Return whether this is about the program, or where something comes from: deployhost builds …, written by …."""
        if self.before.endswith(("git push ", "note: ", "Written by `")):
            return True
        return not self.is_all and not self.before.endswith(("`", ": ")) and self.words.split()[0] not in VERBS

    @property
    def is_name(self) -> bool:
        """Return whether it only names a verb: `deployhost env set`."""
        return self.before.endswith("`") and not re.search(r"[^a-z ]", self.words)


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module, with their parts filled in; of docstrings the examples only."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(_filled(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            if id(node) not in docstrings:
                yield node.lineno, node.value
            else:
                yield from ((node.lineno, one) for one in re.findall(r"Example: (.*)", node.value))


def _filled(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    return FILLED.get(ast.unparse(part.value), A_NAME)


def named(where: str, text: str) -> Iterator[Named]:
    for found in NAMED.finditer(text):
        words = END.split(text[found.end() :])[0]
        yield Named(where, text[: found.start()], words.strip(), text[found.end() + len(words) :])


def everything() -> list[Named]:
    return [
        one
        for path in sorted(ROOT.rglob("*.py"))
        if "templates" not in path.relative_to(ROOT).parts
        for line, text in strings(ast.parse(path.read_text(encoding="utf-8")))
        for one in named(f"{path.relative_to(ROOT)}:{line}", text)
        if not one.is_prose
    ]


class Line:
    """The real command line, of which no verb does anything but keep what it was given."""

    def __init__(self) -> None:
        self.command: Any = typer.main.get_command(build())
        self.given: dict[str, Any] = {}
        self._disarm(self.command)

    def refuses(self, words: list[str]) -> str:
        """Return what the command line says of these words, or nothing if it takes them."""
        self.given = {}
        try:
            self.command.main(words, "deployhost", standalone_mode=False)
        except Exception as error:
            said = getattr(error, "format_message", None)
            return str(error if said is None else said()) or type(error).__name__
        return ""

    def knows(self, words: list[str]) -> bool:
        """Return whether these are a verb, and a verb of its own group."""
        command = self.command
        for word in words:
            command = getattr(command, "commands", {}).get(word)
        return command is not None

    def _disarm(self, command: Any) -> None:
        if not hasattr(command, "commands"):
            command.callback = self._keep
        for one in getattr(command, "commands", {}).values():
            self._disarm(one)

    def _keep(self, **given: Any) -> None:
        self.given = given


@pytest.fixture(scope="module")
def line() -> Line:
    return Line()


def problem(line: Line, one: Named) -> str:
    words = shlex.split(one.words)
    if one.is_name:
        return "" if line.knows(words) else "it is no verb"
    said = line.refuses(words)
    while said and len(words) > 1 and not one.is_all and re.fullmatch("[a-z]+", words[-1]) and words[-1] not in VERBS:
        words.pop()  # the sentence goes on: deployhost status NAME shows how it ends
        again = line.refuses(words)
        said = again and said
    return said


def test_each_is_one_that_the_command_line_takes(line: Line) -> None:
    found = everything()
    assert len([one for one in found if one.is_all]) > 80
    assert len([one for one in found if not one.is_all]) > 30
    wrong = [f"{one.where}: deployhost {one.words}: {said}" for one in found if (said := problem(line, one))]
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "deployhost undeploy shop",
        "deployhost status --nope",
        "to see why: deployhost log shop",
        "it goes on; deployhost wait shop --patience 3 shows how it ends",
        "deployhost logs shop --deploy",
        "deployhost domains remove shop",
    ],
)
def test_it_would_notice(line: Line, text: str) -> None:
    (one,) = named("here", text)
    assert not one.is_prose
    assert problem(line, one)


@pytest.mark.parametrize(
    "text",
    [
        "sudo deployhost kamal shop -- app details",
        "it is being cancelled; deployhost status shop shows how it ends",
        "secrets belong into `deployhost env set`; more text",
        "deployhost completion bash > /etc/bash_completion.d/deployhost",
    ],
)
def test_it_takes_what_is_right(line: Line, text: str) -> None:
    one = next(named("here", text))
    assert not one.is_prose
    assert problem(line, one) == ""
