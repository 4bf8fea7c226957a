"""Commands of repositories, and Procfiles."""

import pytest

from deployhost.build.detect.commands import read_procfile, simple_argv, with_exec
from deployhost.build.tree import MemoryTree


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("node server.js", ("node", "server.js")),
        ("node 'a b.js' --x=1", ("node", "a b.js", "--x=1")),
        ("PORT=1 node a", None),
        ("node $X", None),
        ("a && b", None),
        ("cd x", None),
        ("node 'open", None),
        ("", None),
    ],
)
def test_simple_argv(command: str, argv: tuple[str, ...] | None) -> None:
    assert simple_argv(command) == argv


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gunicorn -b :$PORT a:b", "exec gunicorn -b :$PORT a:b"),
        ("A=1 B='x y' node $X", "exec env A=1 B='x y' node $X"),
        ("migrate && serve $PORT", "migrate && exec serve $PORT"),
        ("echo 'a && b' && run", "echo 'a && b' && exec run"),
        ("a | b", "a | b"),
        ("a; b", "a; b"),
        ("a || b", "a || b"),
        ("a $(b)", "a $(b)"),
        ("cd x && exec y", "cd x && exec y"),
        ("x && cd y", "x && cd y"),
        ("echo 'open", "echo 'open"),
        ("A=1", "A=1"),
    ],
)
def test_with_exec(command: str, expected: str) -> None:
    assert with_exec(command) == expected


def test_procfile_is_read_as_heroku_does() -> None:
    text = '# web: no\n\nweb:   echo "a: b" # c\nrelease: migrate\n: x\nweb: second\nwor ker: x\n'
    found = read_procfile(MemoryTree({"Procfile": text}))
    assert (found.web, found.line, found.others) == ('echo "a: b" # c', 3, {"release": "migrate"})
    assert [line for line, _ in found.unusable] == [5, 7], "what is no line of a Procfile is told"
    assert read_procfile(MemoryTree({})).web is None


def test_processes_of_a_procfile_are_roles() -> None:
    """Kamal's names: lower case, no hyphen; what can't be one is told, not dropped in silence."""
    text = "Mail-Queue: ./send\nmail_queue: ./again\n9lives: cat\nWeb: no\nlong: a\tb\n"
    found = read_procfile(MemoryTree({"Procfile": text}))
    assert found.others == {"mail_queue": "./send"}
    assert [line for line, _ in found.unusable] == [2, 3, 4, 5]


def test_what_no_argument_can_carry() -> None:
    text = f"long: {'x' * 2001}\n" + "".join(f"w{number}: x\n" for number in range(20))
    found = read_procfile(MemoryTree({"Procfile": text}))
    assert list(found.others) == [f"w{number}" for number in range(16)]
    assert [line for line, _ in found.unusable] == [1, 18, 19, 20, 21]
