"""connect cloudflare: where the token and the zone come from, what is shown, and what is asked only where a person is."""

import io
import os
from pathlib import Path

import pytest

from deployhost.cli.checklist import Checklist
from deployhost.cli.connect_cloudflare import choose_zone, join, read_token
from deployhost.cli.session import Session
from deployhost.edge import asking, connection
from deployhost.edge.rights import RIGHTS, user_token_link
from deployhost.errors import ConnectionRefused, InvalidRequest, NotFound
from deployhost.model import Domain, Secret
from deployhost.paths import Paths
from tests.fakes.cloudflare import TOKEN, FakeCloudflare, FakeToken
from tests.fakes.command import Run
from tests.fakes.tunnel import no_cloudflared

STEPS = ["KeepServerId", "CreateTunnel", "SetIngress", "SetWebhookRecord"]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeCloudflare:
    made = FakeCloudflare()
    made.zone("example.com")
    monkeypatch.setattr(asking, "CloudflareAccounts", lambda sdk: made)
    no_cloudflared(monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "token.txt"
    path.write_text(f"{TOKEN}\n")
    return str(path)


def terminal(root: Path, typed: str) -> Session:
    stdin, stdout, stderr = io.StringIO(typed), io.StringIO(), io.StringIO()
    return Session(Paths(root), stdin=stdin, stdout=stdout, stderr=stderr, interactive=True)


def shown(session: Session) -> str:
    assert isinstance(session.stderr, io.StringIO)
    return session.stderr.getvalue()


def quiet() -> Checklist:
    return Checklist(io.StringIO(), lambda _line: None)


def test_for_people(cloud: FakeCloudflare, run: Run, file: str) -> None:
    ran = run("connect", "cloudflare", "--token", file)
    assert (ran.code, ran.err) == (0, "")
    assert "✓ create the tunnel deployhost-" in ran.out
    assert "domains in example.com get their records" in ran.out
    assert TOKEN not in ran.out
    ran = run("connect", "cloudflare")
    assert ran.code == 0
    assert "✓ this server is connected to Cloudflare; nothing to do" in ran.out
    assert len(cloud.all_tunnels) == 1


def test_for_programs(cloud: FakeCloudflare, run: Run, file: str, root: Path) -> None:
    ran = run("connect", "cloudflare", "--token", file, "--json")
    saved = connection.load(Paths(root))
    assert saved is not None
    assert ran.code == 0
    assert ran.json["changed"] is True
    assert ran.json["tunnel"] == saved.tunnel_id
    assert ran.json["webhook_host"] == f"deployhost-{saved.server_id}.example.com"
    assert [step["step"] for step in ran.json["steps"]] == [*STEPS, "StartTunnel"]
    assert run("connect", "cloudflare", "--json").json["changed"] is False
    assert TOKEN not in ran.out


def test_a_dry_run(cloud: FakeCloudflare, run: Run, file: str, root: Path) -> None:
    ran = run("connect", "cloudflare", "--token", file, "--dry-run")
    assert ran.code == 0
    assert "would create the tunnel deployhost-" in ran.out
    assert "would start the tunnel\n    it is not running\n" in ran.out
    assert run("connect", "cloudflare", "--token", file, "--dry-run", "--json").json["changed"] is False
    assert cloud.all_tunnels == {}
    assert list(root.iterdir()) == []


def test_without_a_token_and_a_terminal(cloud: FakeCloudflare, run: Run) -> None:
    ran = run("connect", "cloudflare")
    assert ran.code == 2
    assert "try: deployhost connect cloudflare --token FILE" in ran.err
    assert user_token_link() in ran.err
    assert all(str(right) in ran.err for right in RIGHTS)
    assert cloud.calls == []


def test_without_a_zone_and_a_terminal(cloud: FakeCloudflare, run: Run, file: str) -> None:
    cloud.zone("example.org")
    ran = run("connect", "cloudflare", "--token", file)
    assert ran.code == 2
    assert "  example.com\n  example.org\n" in ran.err
    assert "try: deployhost connect cloudflare --token FILE --zone example.com" in ran.err
    ran = run("connect", "cloudflare", "--token", file, "--zone", "Example.ORG.", "--json")
    assert ran.json["webhook_host"].endswith(".example.org")
    assert run("connect", "cloudflare", "--zone", "no zone").code == 2
    assert run("connect", "cloudflare", "--zone", "example.net").code == 3


def test_a_refused_token(cloud: FakeCloudflare, run: Run, file: str) -> None:
    cloud.tokens[TOKEN] = FakeToken(status="expired")
    ran = run("connect", "cloudflare", "--token", file)
    assert ran.code == 5
    assert "it has expired" in ran.err
    assert user_token_link() in ran.err
    assert run("connect", "cloudflare", "--token", file, "--json").json["error"]["code"] == "connection_refused"


def test_only_root(cloud: FakeCloudflare, run: Run, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ran = run("connect", "cloudflare", "--token", file)
    assert ran.code == 2
    assert "sudo deployhost connect cloudflare" in ran.err
    assert cloud.calls == []


def test_a_token_is_asked_for(cloud: FakeCloudflare, root: Path) -> None:
    session = terminal(root, f"{TOKEN}\n")
    join(session, quiet(), None, None)
    assert user_token_link() in shown(session)
    assert all(str(right) in shown(session) for right in RIGHTS)
    assert connection.load(session.paths) is not None
    session = terminal(root, "")
    join(session, quiet(), None, None)
    assert shown(session) == "", "a rerun asks for nothing"
    assert len(cloud.all_tunnels) == 1


def test_another_token_is_asked_for_once_the_old_one_is_refused(cloud: FakeCloudflare, root: Path) -> None:
    join(terminal(root, f"{TOKEN}\n"), quiet(), None, None)
    del cloud.tokens[TOKEN]
    cloud.tokens["another"] = FakeToken()
    session = terminal(root, "another\n")
    join(session, quiet(), None, None)
    saved = connection.load(session.paths)
    assert saved is not None
    assert saved.token == Secret("another")
    del cloud.tokens["another"]
    with pytest.raises(ConnectionRefused):
        join(terminal(root, "wrong\n"), quiet(), None, None)


@pytest.mark.parametrize(
    ("typed", "zone"),
    [("2\n", "example.org"), ("example.com\n", "example.com"), ("3\n", None), ("\n", None), ("x", None)],
)
def test_a_zone_is_chosen(root: Path, typed: str, zone: str | None) -> None:
    session = terminal(root, typed)
    assert choose_zone(session, [Domain("example.com"), Domain("example.org")]) == zone
    assert "  1  example.com\n  2  example.org\n" in shown(session)


def test_a_zone_is_asked_for(cloud: FakeCloudflare, root: Path) -> None:
    cloud.zone("example.org")
    report = join(terminal(root, f"{TOKEN}\n2\n"), quiet(), None, None)
    assert report.connection.webhook_zone == "example.org"


@pytest.mark.parametrize("text", ["", "\n \n", "two\nlines", "a b", "x" * 513, "tök", "a\x00b"])
def test_what_is_no_token(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(InvalidRequest) as told:
        read_token(file)
    assert text.strip() not in told.value.message or not text.strip()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        read_token(tmp_path / "token")
    with pytest.raises(InvalidRequest, match="can't be read"):
        read_token(tmp_path)
