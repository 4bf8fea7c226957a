"""Attacks on builds on the real engine: each is refused by deployhost, and works where nothing is in its way.

`tests/soak/attacks_on_builds.py` shows the second for all of them, and what BuildKit's policy alone does.
"""

from collections.abc import Iterator

import pytest

from deployhost.build.sources import addresses_plan
from tests.real.attacks_on_builds import ADDED, ATTACKS, BASE, IMAGES, ONBUILD, SECRET, Attack, Field, field

KINDS = [IMAGES[0], IMAGES[9], IMAGES[14], next(one for one in ONBUILD if one.name.endswith("adds")), ADDED[0]]


def named(attack: Attack) -> str:
    return attack.name


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with field(tmp_path_factory.mktemp("field")) as made:
        if made.docker.image(BASE) is None:
            pytest.skip(f"{BASE} is not here")
        yield made


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_nothing_of_others_is_shown(there: Field, attack: Attack) -> None:
    how, said = there.through_deployhost(attack)
    assert how != "built"
    assert SECRET not in said


@pytest.mark.parametrize("attack", KINDS, ids=named)
def test_each_kind_works_where_nothing_is_in_its_way(there: Field, attack: Attack) -> None:
    shown, said = there.succeeds(attack)
    assert shown, said


def test_what_is_fetched_for_add_is_as_if_docker_had_fetched_it(there: Field) -> None:
    """Names, modes, owners and times, wherever it goes."""
    if addresses_plan.refusal(there.address, ()):
        pytest.skip("no address of this machine would count as public")
    adds = (
        "ADD http://{address}:{port}/a.txt /d/",
        "ADD --chown=5:6 http://{address}:{port}/b%20c /d/e",
        "ADD http://{address}:{port}/x/ http://{address}:{port}/y /d/",
        "WORKDIR /d\nADD http://{address}:{port}/z .",
        'ENV Z=z2\nADD ["http://{address}:{port}/$Z", "/d/"]',
    )
    text = "\n".join(
        [f"FROM {BASE}", *adds, "RUN : {nonce}; cd /d && stat -c 'is %n %a %u %g %s %Y' * && cat a.txt", ""]
    )
    attack = Attack("by a redirect", text)  # its addresses count as public
    alone = [
        line.partition("is ")[2]
        for line in there.succeeds(attack)[1].splitlines()
        if " is " in line and "stat" not in line
    ]
    how, said = there.through_deployhost(attack)
    ours = [line.partition("is ")[2] for line in said.splitlines() if line.strip().startswith("is ")]
    assert (how, ours) == ("built", alone)
    assert len(ours) == 6
    assert there.docker.image("deployhost.invalid/fetched/xattacker:latest") is None


def test_a_dockerfile_of_many_things_builds_as_it_does_alone(there: Field) -> None:
    lines = (
        f"ARG BASE={BASE}",
        "FROM ${BASE} AS one",
        "ARG NAME=x",
        'ENV A="b c"',
        'RUN echo {nonce} && \\\n    # why\n    echo "$A" > /${NAME}',
        "FROM one",
        "COPY --from=one --chown=1:1 /x /y",
        "RUN --mount=type=cache,target=/c --mount=from=one,source=/x,target=/z : {nonce}; cat /z; stat -c 'is %u' /y",
    )
    attack = Attack("many things", "\n".join([*lines, ""]))
    alone = there.succeeds(attack)[1]
    how, said = there.through_deployhost(attack)
    assert how == "built", said
    for text in ("b c", "is 1"):
        assert text in alone
        assert text in said
