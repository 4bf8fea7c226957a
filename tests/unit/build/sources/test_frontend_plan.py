"""What versions of Docker's frontend can be trusted with."""

import pytest

from deployhost.build.registries import Reference
from deployhost.build.sources.frontend_plan import check_caches, knows_heredocs
from deployhost.build.sources.names import in_full
from deployhost.build.sources.text import LineRefused, read_instructions

CACHES = (
    "RUN --mount=type=cache,target=/c a",
    "RUN --mount=target=/c,type=cache a",
    "RUN --mount='\"type=cache\",target=/c' a",
    "RUN --mou\\nt=TYPE=CACHE,target=/c a",
    "RUN --network=none --mount=type=ca\\che,target=/c a",
    "ONBUILD RUN --mount=type=cache,target=/c a",
    "ru\\\nn --mount=type=ca\\\nche,target=/c a",
)


def named(text: str) -> Reference:
    found = in_full(text)
    assert found is not None
    return found


@pytest.mark.parametrize("line", CACHES)
@pytest.mark.parametrize(
    "tag", ["1.0-experimental", "1.0.2-experimental", "1.1.1-experimental", f"1@sha256:{'0' * 64}", "1"]
)
def test_caches_take_a_frontend_that_keeps_them_apart(line: str, tag: str) -> None:
    """Before 1.1.2 it ignores the namespace of an app, so that any app mounts what another one's build left there."""
    instructions = read_instructions(f"FROM a\n{line}\n", "\\")
    with pytest.raises(LineRefused, match="shares between apps"):
        check_caches(instructions, named(f"docker/dockerfile:{tag}"), {})


@pytest.mark.parametrize(
    ("tag", "labels"),
    [
        ("1", {"moby.buildkit.frontend.caps": "moby.buildkit.frontend.inputs"}),
        (f"1@sha256:{'0' * 64}", {"moby.buildkit.frontend.caps": ""}),
        ("experimental", {}),
        ("1.1-experimental", {}),
        ("1.1.2-experimental", {}),
    ],
)
def test_frontends_that_do(tag: str, labels: dict[str, str]) -> None:
    check_caches(read_instructions(f"FROM a\n{CACHES[0]}\n", "\\"), named(f"docker/dockerfile:{tag}"), labels)


def test_what_has_no_cache_may_have_an_old_frontend() -> None:
    text = "FROM a\nRUN echo --mount\nCOPY cache /c\nRUN --mount=type=secret,id=x a\n"
    check_caches(read_instructions(text, "\\"), named("docker/dockerfile:1.0-experimental"), {})


@pytest.mark.parametrize(
    ("tag", "known"),
    [
        *(
            ("1", True),
            ("latest", True),
            ("labs", True),
            ("1-labs", True),
            ("1.4", True),
            ("1.12.3", True),
            ("1.4-labs", True),
        ),
        *(
            ("1.3", False),
            ("1.2", False),
            ("experimental", False),
            ("1.0-experimental", False),
            ("2", False),
            ("1.x", False),
        ),
        *((f"1@sha256:{'0' * 64}", False), ("1.40", True)),
    ],
)
def test_versions_that_know_heredocs(tag: str, known: bool) -> None:
    assert knows_heredocs(named(f"docker/dockerfile:{tag}")) is known
