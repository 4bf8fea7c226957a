"""The small questions that are asked of a Python file's syntax tree."""

import ast

import pytest

from deployhost.build.detect.python.find import dotted, is_main, parse


@pytest.mark.parametrize("text", ["def f(:", "x = 1\0", "(" * 2000, "print 'python 2'"])
def test_what_is_not_python(text: str) -> None:
    assert parse(text) is None


def test_somebodys_invalid_escape_is_no_warning_of_ours() -> None:
    assert parse("x = '\\d'") is not None  # pytest makes an error of each warning


@pytest.mark.parametrize(
    ("text", "name"), [("a", "a"), ("a.b.c", "a.b.c"), ("f().b", ""), ("a[0].b", ""), ("'a'.join", "")]
)
def test_dotted(text: str, name: str) -> None:
    assert dotted(ast.parse(text, mode="eval").body) == name


@pytest.mark.parametrize(
    ("condition", "main"),
    [
        ("__name__ == '__main__'", True),
        ("'__main__' == __name__", True),
        ("__name__ == 'app'", False),
        ("name == '__main__'", False),
        ("__name__", False),
    ],
)
def test_is_main(condition: str, main: bool) -> None:
    [found] = ast.parse(f"if {condition}:\n    pass").body
    assert isinstance(found, ast.If)
    assert is_main(found) is main
