"""Texts that a hostile repository or program may send: 100 kB of whatever makes an expression try again and again. None may take long."""

import functools
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from deployhost.build.data_files import data_warning
from deployhost.build.detect.commands import start_of, words_of
from deployhost.build.detect.languages.commands import language_of
from deployhost.build.detect.languages.listing import LONGEST_LINE
from deployhost.build.detect.languages.table import LANGUAGES
from deployhost.build.detect.python import start as python_start
from deployhost.build.detect.static.auth import LONGEST
from deployhost.build.directory import load_templates
from deployhost.build.dockerfile import parse_dockerfile
from deployhost.build.plan import plan_build
from deployhost.build.progress import BuildProgress
from deployhost.build.registries import reason
from deployhost.build.sources.additions import with_additions
from deployhost.build.sources.stages import read_stages
from deployhost.build.sources.text import LineRefused, read_directives, read_instructions
from deployhost.build.sources.written import written
from deployhost.build.tree import MemoryTree
from deployhost.config import dotenv
from deployhost.control import terminal
from deployhost.errors import DeployhostError
from deployhost.kamal import contract, failure

LENGTH = 100_000
SECONDS = 1.0
TEMPLATES = load_templates()
# What is repeated, between an `a` and what ends no expression.
REPEATED = (
    " ", "\t", "a", "A", "0", "<", "=", "-", ".", "/", ":", ",", "'", '"', "\\", "(", "[", "{", "#", "$", "@", "*", "|", "\x1b[", "\r", "\n",
    "a ", "a.", "a/", "a=", "1.", "a\n", "a b\n", " \n", "A=b ", 'a="', "<<", "<<A ", "${A:-", "$A", "&& ", "\\\n", "x||", "**a", "a, ",
    "sqlite3.connect(", "new a.", "process.env.A", '"/storage/', '"""', "/*", "sqlite:///", "filename:", "environ['A", "FROM a AS b\nFROM b AS a\n",
)  # fmt: skip
FILES: dict[str, Callable[[str], dict[str, str]]] = {
    ".dockerignore": lambda text: {"index.html": "", "a" * 120 + ".pem": "", ".dockerignore": "!" + text},
    "Dockerfile": lambda text: {"Dockerfile": f"#a={text}\n{text}"},
    "Dockerfile's instructions": lambda text: {
        "Dockerfile": "".join(
            f"{word} {text}\n" for word in ("# syntax=", "FROM", "ARG", "ENV", "RUN", "COPY --from=", "EXPOSE")
        )
    },
    "Procfile": lambda text: {"main.py": "", "Procfile": f"web: {text}\nother: {text}\n{text}"},
    "Staticfile": lambda text: {"index.html": "", "Staticfile": f"root: {text}\n{text}"},
    "Staticfile.auth": lambda text: {"index.html": "", "Staticfile.auth": f"a:{text[: LONGEST - 2]}\n{text[:60_000]}"},
    "Staticfile.auth of one line": lambda text: {"index.html": "", "Staticfile.auth": text},
    ".python-version": lambda text: {"main.py": "", ".python-version": text},
    "requires-python": lambda text: {
        "main.py": "",
        "pyproject.toml": f"[project]\nname = 'a'\nrequires-python = {json.dumps(text)}\n",
    },
    "pyproject.toml": lambda text: {"main.py": "", "pyproject.toml": text},
    "uv.lock": lambda text: {"main.py": "", "pyproject.toml": "[project]\nname = 'a'\n", "uv.lock": text},
    "requirements.txt": lambda text: {"main.py": "", "requirements.txt": f"{text}\na>={text}\n-r {text}\na @ {text}"},
    "main.py": lambda text: {"main.py": text},
    "a source that speaks of a database": lambda text: {"main.py": f"sqlite\n{text}", "main.js": f"'sqlite3'\n{text}"},
    "Django": lambda text: {
        "manage.py": f"django DJANGO_SETTINGS_MODULE' {text}\nDJANGO_SETTINGS_MODULE', 'a.b'",
        "a/b.py": f"WSGI_APPLICATION = '{text}\nSTATIC_ROOT{text}",
    },
    "package.json": lambda text: {"package.json": text},
    "scripts": lambda text: {
        "package.json": json.dumps(
            {
                "scripts": {"build": f"eleventy {text}", "start": f"eleventy {text}", "prepare": text, "prestart": text},
                "engines": {"node": text},
                "packageManager": f"npm@{text}",
                "main": text,
                "devDependencies": {"next": text, text: "1"},
            }
        )
    },
    ".nvmrc": lambda text: {"server.js": f"createServer{text}", "package.json": "{}", ".nvmrc": text},
    ".npmrc": lambda text: {"package.json": '{"scripts": {"start": "a"}}', ".npmrc": f"_auth{text}", "pnpm-lock.yaml": text},
    "next.config.js": lambda text: {
        "package.json": '{"scripts": {"build": "a"}, "dependencies": {"next": "1"}}',
        "next.config.js": f"output{text}\noutput:{text}",
        "react-router.config.js": f"ssr{text}",
    },
}  # fmt: skip


def planned(files: dict[str, str]) -> None:
    with suppress(DeployhostError):
        plan = plan_build(MemoryTree(files), templates=TEMPLATES, app="shop")
        data_warning(MemoryTree(files), plan, "shop", has_storage=False, variables={})


def built(text: str) -> None:
    progress = BuildProgress()
    for line in (f"#1 [1/2] RUN {text}", f"#1 0.1 {text}", text, f"#1 ERROR: {text}", f"#2 {text}"):
        progress.feed(line)
    progress.failure()


def parsed(text: str) -> None:
    with suppress(DeployhostError):
        dotenv.parse(f"A=a{text}\nB='{text}")


def for_a_build(text: str) -> None:
    """As a build reads a Dockerfile, but for the control character at the end of these texts, which it refuses at once."""
    with suppress(LineRefused):
        text = text.replace("\x00", "!")
        directives = read_directives(text)
        found = read_stages(read_instructions(text, directives.escape), escape=directives.escape, given={}, platform={})
        lines, _ = with_additions(found, "fetched", {}, {}, directives.escape)
        written(directives, directives.syntax, lines)


def test_variables_of_a_build_that_double() -> None:
    """In one word, in one instruction, and in very many."""
    for lines in (
        ["ARG A=aaaaaaaa", *(f"ARG A=$A$A{number}" for number in range(60))],
        [f"ARG A={'a' * 8000}", f"ARG B={'$A' * 40_000}"],
        [f"ARG A={'a' * 8000}", *("ARG B=$A" for _ in range(20_000))],
    ):
        assert took(functools.partial(for_a_build, "\n".join([*lines, "FROM a"]))) < 3 * SECONDS


def test_the_same_patterns_again_and_again() -> None:
    """Each of very many files is matched with each of very many patterns, and each pattern has very many wildcards."""
    files = {f"{number}/" + "a" * 400 + ".pem": "" for number in range(1000)}
    ignored = "!" + "**a*" * 50 + "z\n"
    assert took(lambda: planned(files | {"index.html": "", ".dockerignore": ignored * 500})) < 3 * SECONDS


def test_values_that_double() -> None:
    lines = ["FROM a", f"ENV V0={'x' * 100}", *(f"ENV V{number + 1}=$V{number}$V{number}" for number in range(60))]
    assert took(lambda: parse_dockerfile("\n".join([*lines, "EXPOSE $V60"]))) < SECONDS


def test_very_many_stages() -> None:
    stages = ["FROM a AS s0", *(f"FROM s{number} AS s{number + 1}" for number in range(20_000))]
    assert [one.ref for one in parse_dockerfile("\n".join(stages)).images] == ["a"]
    assert took(lambda: parse_dockerfile("\n".join(stages))) < SECONDS


def test_numbers_that_are_none() -> None:
    for name in ("1" * 5000, "\u00b2"):
        assert [one.ref for one in parse_dockerfile(f"FROM a\nCOPY --from={name} b c").images] == ["a", name]


READERS: dict[str, Callable[[str], object]] = {
    "parse_dockerfile": parse_dockerfile,
    "a Dockerfile for a build": for_a_build,
    "what RUN would do": lambda text: for_a_build(f"FROM a\nRUN <<E {text}"),
    "a word of a Dockerfile": lambda text: for_a_build(f"ARG A={text}\nFROM $A"),
    "flags": lambda text: for_a_build(f"FROM a\nCOPY --from={text}\nADD {text}"),
    "a build's output": built,
    "what a terminal shows": lambda text: (terminal.plain(text), terminal.coloured(text), terminal.escaped(text), terminal.json_escaped(text)),
    "a title for the terminal": lambda text: (terminal.plain(f"\x1b]{text}"), terminal.coloured(f"\x1b]{text}")),
    "a reason": reason,
    "a .env file": parsed,
    "what Kamal says": lambda text: (failure.shown(text), failure.cause([f"ERROR (a): {text}", text])),
    "kamal-proxy's routes": lambda text: contract.parse_routes(f"Service  Host  Path  Target  State  TLS\n{text}"),
    "a command": lambda text: (words_of(text), start_of(text), start_of(f"A=b {text}"), language_of(text), language_of(f"sh -c '{text}'")),
}  # fmt: skip


def texts() -> list[str]:
    return [f"a{(one * LENGTH)[:LENGTH]}\x00" for one in REPEATED]


def slow(read: Callable[[str], object]) -> dict[str, float]:
    return {text[:20]: spent for text in texts() if (spent := took(lambda text=text: read(text))) > SECONDS}  # type: ignore[misc]


def took(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


@pytest.mark.parametrize("kind", FILES)
def test_no_file_takes_long(kind: str) -> None:
    assert slow(lambda text: planned(FILES[kind](text))) == {}


def test_no_sign_of_a_language_takes_long() -> None:
    """Lines are cut before they are searched, so that no expression meets a longer one."""
    lines = [text[:LONGEST_LINE] for text in texts()]

    def search(expressions: list[re.Pattern[str]]) -> None:
        for one in expressions:
            for line in lines:
                one.search(line)

    for language in LANGUAGES:
        expressions = [one for one in vars(language).values() if isinstance(one, re.Pattern)]
        assert took(functools.partial(search, expressions)) < SECONDS / 10, language.name


def test_files_of_every_language_do_not_take_long() -> None:
    names = {f"*{ending}" for language in LANGUAGES for ending in language.sources} | {
        name for language in LANGUAGES for name in (*language.manifests, *language.mains)
    }
    text = "a = b.c(d)\n" * (LENGTH // 11)
    assert took(lambda: planned({name.replace("*", "a"): text for name in names} | {"index.html": ""})) < 2 * SECONDS


@pytest.mark.parametrize("reader", READERS)
def test_no_text_takes_long(reader: str) -> None:
    assert slow(READERS[reader]) == {}


def test_a_wish_of_many_signs() -> None:
    wish = json.dumps({"scripts": {"start": "node a.js"}, "engines": {"node": "<" * 20_000}})
    assert took(lambda: planned({"package.json": wish, "a.js": ""})) < SECONDS


def test_very_many_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned: list[str] = []

    def scan(text: str) -> tuple[()]:
        scanned.append(text)
        return ()

    monkeypatch.setattr(python_start, "scan", scan)
    planned({f"m{number:03}.py": "a = 1\n" * 80_000 for number in range(60)} | {"requirements.txt": ""})
    assert 2 <= len(scanned) <= 5


def test_very_many_requirements() -> None:
    names = "".join(f"p{number}\n" for number in range(60_000))
    found = {"main.py": "", "requirements.txt": names + "-r missing.txt\n" * 10_000}
    assert took(lambda: planned(found)) < SECONDS
