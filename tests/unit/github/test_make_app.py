"""The way to a new App: what the person is told, what the form has, what they paste."""

import html
import json
import re
import urllib.request
from pathlib import Path

import pytest

from deployhost.errors import Conflict
from deployhost.github import make_app
from deployhost.github.connection import GITHUB, load_all
from deployhost.github.make_app import AppMaker, invitation
from deployhost.github.manifest_flow import ManifestFlow
from deployhost.paths import Paths
from tests.fakes.github import FakeGitHub
from tests.unit.github.test_manifest_flow import Time, new_app


class Waiting(Time):
    """A clock that goes on by waiting for lines, which come from a list."""

    def __init__(self, *lines: str) -> None:
        self.told: list[str] = []
        self.lines = list(lines)
        self.forms: list[str] = []

    def monotonic(self) -> float:
        return self.now

    def pasted(self, seconds: float) -> str | None:
        self.now += seconds
        if not self.forms:
            address = next(found[0] for line in self.told if (found := re.search(r"http://127\S+", line)))
            with urllib.request.urlopen(address, timeout=5) as answer:
                self.forms.append(answer.read().decode())
        return self.lines.pop(0) if self.lines else None


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def maker(paths: Paths, person: Waiting) -> tuple[AppMaker, ManifestFlow]:
    flow = ManifestFlow(paths, FakeGitHub(codes={"c1": new_app()}), person)
    return AppMaker(flow, person.told.append, person.pasted, host="web1.example.com", clock=person), flow


def test_the_invitation() -> None:
    text = "\n".join(invitation("http://127.0.0.1:5/x", 5, "web1.example.com"))
    assert "http://127.0.0.1:5/x" in text
    assert "ssh -L 5:127.0.0.1:5 root@web1.example.com" in text


@pytest.mark.parametrize("host", ["", "hooks.example.com"])
def test_the_form(paths: Paths, host: str) -> None:
    person = Waiting()
    making, flow = maker(paths, person)
    asked = flow.begin(GITHUB, "acme", host)
    assert making.make(asked) is None
    assert person.now >= Waiting.now + make_app.PATIENCE
    text = person.forms[0]
    value = re.search(r'name="manifest" value="([^"]*)"', text)
    assert value is not None
    manifest = json.loads(html.unescape(value[1]))
    assert re.fullmatch(r"deployhost-web1-[0-9a-f]{6}", manifest["name"])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/callback", manifest["redirect_url"])
    hook = {"url": f"https://{host}/webhook/{asked.id}", "active": True} if host else None
    assert manifest.get("hook_attributes") == hook
    assert manifest["url"] == (f"https://{host}" if host else GITHUB)
    state = asked.state.reveal()
    assert f'action="{GITHUB}/organizations/acme/settings/apps/new?state={state}"' in text
    assert "will belong to acme" in text


def test_lines_that_are_pasted(paths: Paths) -> None:
    person = Waiting("\n", "what?\n", "?code=c1&state=wrong\n")
    making, flow = maker(paths, person)
    asked = flow.begin(GITHUB, "")
    person.lines += [
        f"?code=c9&state={asked.state.reveal()}",
        f"http://127.0.0.1:1/callback?code=c1&state={asked.state.reveal()}\n",
    ]
    made = making.make(asked)
    assert (made,) == load_all(paths)
    told = "\n".join(person.told)
    assert "that is not the address at which the browser ended" in told
    assert "the state in this address is not one of this server's" in told
    assert "GitHub does not accept the code" in told


def test_a_port_that_is_taken(paths: Paths) -> None:
    first = Waiting()
    making, flow = maker(paths, first)
    asked = flow.begin(GITHUB, "")

    def second(seconds: float) -> str | None:
        first.now += 1000 * seconds
        port = int(re.findall(r":(\d+)/", "".join(first.told))[0])
        with pytest.raises(Conflict, match=f"can't listen on 127.0.0.1:{port}"):
            making.make(asked, port)
        return None

    making._pasted = second
    assert making.make(asked) is None
