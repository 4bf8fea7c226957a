"""ADD of addresses becomes COPY of what was fetched; nothing that could be an address is left to the builder."""

import pytest

from deployhost.build.sources import additions
from deployhost.build.sources.additions import Addition, with_additions
from deployhost.build.sources.arguments import platform_arguments
from deployhost.build.sources.stages import read_stages
from deployhost.build.sources.text import LineRefused, read_directives, read_instructions
from deployhost.build.sources.written import one_line

SUM = "sha256:" + "0" * 64


def changed(text: str, **env: str) -> tuple[list[str], list[Addition]]:
    """Return the lines of what is built, less FROM, and what is fetched."""
    directives = read_directives(text)
    found = read_stages(
        read_instructions(text, directives.escape),
        escape=directives.escape,
        given={},
        platform=platform_arguments("x86_64"),
    )
    lines, files = with_additions(found, "fetched", {}, {"docker.io/library/a:latest": env}, directives.escape)
    return [one_line(one, directives.escape) for one in lines if one.word in ("ADD", "COPY", "ONBUILD")], files


@pytest.mark.parametrize(
    ("line", "becomes", "url", "path"),
    [
        ("ADD http://b/c.tgz /d", 'COPY --from=fetched ["/0/c.tgz", "/d"]', "http://b/c.tgz", "/0/c.tgz"),
        ("ADD http://b/ d", 'COPY --from=fetched ["/0/__unnamed__", "d"]', "http://b/", "/0/__unnamed__"),
        ("ADD http://b d", 'COPY --from=fetched ["/0/__unnamed__", "d"]', "http://b", "/0/__unnamed__"),
        ("ADD http://b/c/?d=e#f d", 'COPY --from=fetched ["/0/c", "d"]', "http://b/c/?d=e#f", "/0/c"),
        (
            "ADD --chown=1:2 --chmod=644 --link http://b/c $D",
            'COPY --from=fetched --chown=1:2 --chmod=644 --link ["/0/c", "$D"]',
            "http://b/c",
            "/0/c",
        ),
        ('ADD ["http://b/c", "d e"]', 'COPY --from=fetched ["/0/c", "d e"]', "http://b/c", "/0/c"),
        ("ADD h\\ttp://b/c d", 'COPY --from=fetched ["/0/c", "d"]', "http://b/c", "/0/c"),
        ("ADD 'http://b'/c d", 'COPY --from=fetched ["/0/c", "d"]', "http://b/c", "/0/c"),
        ("ADD ${U}://b/c d", 'COPY --from=fetched ["/0/c", "d"]', "http://b/c", "/0/c"),
        ("ADD ${X:-http}://b/c d", 'COPY --from=fetched ["/0/c", "d"]', "http://b/c", "/0/c"),
        ("ADD http://b/%63%20d e", 'COPY --from=fetched ["/0/c d", "e"]', "http://b/%63%20d", "/0/c d"),
    ],
)
def test_an_address_is_fetched(line: str, becomes: str, url: str, path: str) -> None:
    assert changed(f"FROM a\n{line}", U="http") == ([becomes], [Addition(url, 2, path)])


def test_a_checksum_is_ours_to_check() -> None:
    assert changed(f"FROM a\nADD --checksum={SUM} https://b/c d") == (
        ['COPY --from=fetched ["/0/c", "d"]'],
        [Addition("https://b/c", 2, "/0/c", SUM)],
    )


def test_files_beside_an_address_are_still_added() -> None:
    assert changed("FROM a\nADD x.tar http://b/c y d/")[0] == [
        'COPY --from=fetched ["/0/c", "d/"]',
        'ADD ["x.tar", "y", "d/"]',
    ]


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("ADD b c", "ADD b c"),
        ('ADD ["b c", "d"]', 'ADD ["b c", "d"]'),
        ("ADD $F c", 'ADD ["\\\\$x\\\\\\"", "c"]'),
        ("ADD <<E /x\nhttp://b\nE", "ADD <<E /x"),
        ("COPY $F c", "COPY $F c"),
    ],
)
def test_files_of_the_repository_are_left(line: str, becomes: str) -> None:
    """What a variable says is written out, so that the builder can't find an address in it."""
    assert changed(f"FROM a\n{line}", F='$x"') == ([becomes], [])


def test_variables_are_those_of_the_stage() -> None:
    text = "ARG G=g\nFROM a AS one\nARG G\nENV E=$G\nFROM one\nADD http://$E$F/x /"
    assert [one.url for one in changed(text, F="f")[1]] == ["http://gf/x"]


def test_stages_that_are_not_needed_fetch_nothing() -> None:
    assert changed("FROM a\nADD http://b/c d\nFROM a") == (['COPY --from=fetched ["/0/c", "d"]'], [])


@pytest.mark.parametrize(
    "line",
    [
        "ADD git@b:c d",
        "ADD git://b/c d",
        "ADD ssh://b/c d",
        "ADD HTTP://b/c d",
        "ADD ftp://b/c d",
        "ADD github.com/b/c d",
        "ADD https://b/c.git d",
        "ADD https://b/c.git#main:x d",
        "ADD https://b/c.git?ref=x d",
        "ADD --unpack https://b/c d",
        "ADD --checksum=x https://b/c d",
        f"ADD --checksum={SUM} https://b/c https://b/d e/",
        "ADD http://b/* d",
        "ADD http://[b/c d",
        "ADD http://b/" + "c" * 5000 + " d",
        "ADD $Q d",
        "ADD $X <<E /d\nE",
        "ADD b",
    ],
)
def test_what_is_not_fetched_is_refused(line: str) -> None:
    with pytest.raises(LineRefused) as caught:
        changed(f"FROM a\n{line}", Q="git@b:c")
    assert caught.value.line == 2


def test_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(additions, "MOST", 1)
    with pytest.raises(LineRefused, match="more than 1 addresses"):
        changed("FROM a\nADD http://b/c http://b/d e/")
