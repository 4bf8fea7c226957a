"""What apps.yml wants, and of which apps nobody can tell."""

import pytest

from deployhost.errors import DockerUnavailable
from deployhost.model import AppName
from tests.fakes.assembled import Server

SHOP, BLOG, OLD = AppName("shop"), AppName("blog"), AppName("old")


def test_what_is_wanted(server: Server) -> None:
    server.add("shop", text="domains: [a.example.com, b.example.com]")
    server.add("blog", text="domains: [c.example.com]\n    nonsense: 1")
    server.add("old", text="domains: [d.example.com]")
    daemon = server.start()
    daemon.removals.begin(OLD, with_storage=False, listed=True)
    wish = daemon.wishes.read()
    assert wish is not None
    assert wish.wanted == {"a.example.com": SHOP, "b.example.com": SHOP}
    assert [wish.of(app) for app in (SHOP, BLOG, OLD, AppName("none"))] == ["listed", "broken", "removed", "absent"]


@pytest.mark.parametrize("text", [None, "apps: [", "nonsense: 1\n", "\xff"])
def test_a_file_that_can_tell_nothing(server: Server, text: str | None) -> None:
    daemon = server.start()
    if text is not None:
        server.paths.apps_yml.write_bytes(text.encode("latin-1"))
    assert daemon.wishes.read() is None


def test_of_whom_nobody_can_tell(server: Server) -> None:
    """Of an app with a mistake, and of one that apps.yml does not have and of which something is left. Not of one that is removed."""
    server.add("shop")
    server.add("blog", text="nonsense: 1")
    daemon = server.start()
    daemon.removals.begin(OLD, with_storage=False, listed=False)
    left = {AppName("lost"): True, AppName("gone"): False, OLD: True}

    def is_left(app: AppName) -> bool:
        if app not in left:
            raise DockerUnavailable("the Docker engine does not answer")
        return left[app]

    daemon.wishes = type(daemon.wishes)(apps=daemon.apps, removals=daemon.removals, lost=is_left)
    wish = daemon.wishes.read()
    assert wish is not None
    asked = [SHOP, BLOG, OLD, AppName("lost"), AppName("gone"), AppName("away")]
    assert daemon.wishes.unknown(wish, asked) == {BLOG, "lost", "away"}
