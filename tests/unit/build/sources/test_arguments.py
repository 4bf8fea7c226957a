"""ARG and ENV, and the variables of the platform."""

import pytest

from deployhost.build.sources import arguments
from deployhost.build.sources.arguments import Scope, platform_arguments
from deployhost.build.sources.text import LineRefused, read_instructions


def after(text: str, **more: dict[str, str]) -> dict[str, str]:
    scope = Scope("\\", more.get("given", {}), more.get("defaults", {}))
    for one in read_instructions(text, "\\"):
        scope.take(one)
    return scope.values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("ARG A=1 B=$A/2", {"A": "1", "B": "1/2"}),
        ("ENV A=\"x y\" B='$A' C=$A", {"A": "x y", "B": "$A", "C": "x y"}),
        ("ENV A some  words", {"A": "some  words"}),
        ("ENV A=1\nARG A=2", {"A": "1"}),
        ("ARG A\nARG B=", {"B": ""}),
        ("ARG A=a\\ b", {"A": "a b"}),
        ("USER a", {}),
    ],
)
def test_values(text: str, values: dict[str, str]) -> None:
    assert after(text) == values


def test_the_builds_own_arguments_and_those_before_the_first_from() -> None:
    assert after("ARG A=1\nARG B\nARG C=2", given={"A": "x"}, defaults={"B": "y", "C": "z"}) == {
        "A": "x",
        "B": "y",
        "C": "2",
    }


def test_platforms() -> None:
    assert platform_arguments("x86_64")["TARGETPLATFORM"] == "linux/amd64"
    arm = platform_arguments("armv7l")
    assert (arm["BUILDPLATFORM"], arm["TARGETARCH"], arm["TARGETVARIANT"]) == ("linux/arm/v7", "arm", "v7")


def test_variables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "MOST", 2)
    with pytest.raises(LineRefused, match="more than 2"):
        after("ARG A=1 B=2 C=3")


def test_a_substitution_that_fails_names_its_line() -> None:
    with pytest.raises(LineRefused, match="B: gone") as caught:
        after("ARG A=1\nARG C=${B:?gone}")
    assert caught.value.line == 2
