"""kamal-proxy as a tool: how it is called, and what is said when it fails."""

from pathlib import Path

import pytest

from deployhost.errors import CommandMissing, ProxyUnavailable, SwitchFailed
from deployhost.kamal import proxy as proxy_room
from deployhost.kamal.contract import PAUSED, PROXY_CONTAINER, RUNNING, STOPPED
from deployhost.kamal.proxy import KamalProxy, Target, is_away
from deployhost.system.docker_model import ContainerSpec
from tests.fakes.docker import Behaviour, Engine, FakeDocker

HEADER = "Service  Host  Path  Target  State  TLS"


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.add_image(Behaviour(), "basecamp/kamal-proxy:v0.9.2")
    docker = FakeDocker(engine)
    docker.start(docker.create(ContainerSpec(name=PROXY_CONTAINER, image="basecamp/kamal-proxy:v0.9.2")))
    return engine


def proxy(engine: Engine, tmp_path: Path, script: str) -> KamalProxy:
    binary = tmp_path / "kamal-proxy"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return KamalProxy(FakeDocker(engine), binary)


def test_reaches_the_socket_in_the_container(engine: Engine, tmp_path: Path) -> None:
    script = f'echo "{HEADER}"; echo "$1-web     h     /     $XDG_RUNTIME_DIR  running  no" >{tmp_path}/said; env >{tmp_path}/env'
    assert proxy(engine, tmp_path, script).routes() == {}
    pid = engine.running[0].pid
    assert f"list-web     h     /     /proc/{pid}/root/tmp" in (tmp_path / "said").read_text()
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"XDG_RUNTIME_DIR", "HOME", "PWD", "OLDPWD", "SHLVL", "_"}, "nothing of our environment goes along"


def test_says_what_it_said(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SwitchFailed, match="kamal-proxy list: Error: no socket"):
        proxy(engine, tmp_path, "echo 'Error: no socket' >&2; exit 1").routes()


@pytest.mark.parametrize(
    ("said", "away"),
    [
        ("Error: dial unix /proc/7/root/tmp/kamal-proxy.sock: connect: no such file or directory", True),
        ("Error: dial unix /proc/7/root/tmp/kamal-proxy.sock: connect: connection refused", True),
        ("Error: unexpected EOF", True),
        ("Error: connection is shut down", True),
        ("Error: read unix @->/proc/7/root/tmp/kamal-proxy.sock: read: connection reset by peer", True),
        ("Error: host settings conflict with another service", False),
        ("Error: target failed to become healthy within configured timeout (10s)", False),
        ("Error: service not found", False),
    ],
)
def test_away_is_not_refused(engine: Engine, tmp_path: Path, said: str, away: bool) -> None:
    assert is_away(said) is away
    with pytest.raises(SwitchFailed) as failed:
        proxy(engine, tmp_path, f"echo '{said}' >&2; exit 1").routes()
    assert isinstance(failed.value, ProxyUnavailable) is away


def test_hangs(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_room, "CALL_TIMEOUT", 0.05)
    monkeypatch.setattr(KamalProxy._call, "__kwdefaults__", {"timeout": 0.05})
    with pytest.raises(SwitchFailed, match=r"kamal-proxy list: no answer within 0\.05 s") as failed:
        proxy(engine, tmp_path, "exec sleep 5").routes()
    assert not isinstance(failed.value, ProxyUnavailable)


@pytest.mark.parametrize(("number", "state"), [(0, RUNNING), (1, PAUSED), (2, STOPPED), (7, None)])
def test_what_it_has_saved(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, state: str | None
) -> None:
    def saved(path: Path) -> bytes:
        assert path == Path(
            f"/proc/{engine.running[0].pid}/root/home/kamal-proxy/.config/kamal-proxy/kamal-proxy.state"
        )
        health = '{"health_check_config": {"path": "/up"}}'
        return f'[{{"name": "a-web", "target_options": {health}, "pause_controller": {{"state": {number}}}}}]'.encode()

    monkeypatch.setattr(proxy_room, "read", saved)
    tool = proxy(engine, tmp_path, "exit 0")
    assert tool.health_path("a-web") == "/up"
    assert tool.saved_state("a-web") == state
    assert (tool.health_path("b-web"), tool.saved_state("b-web")) == (None, None)
    monkeypatch.setattr(proxy_room, "read", lambda _path: b'[{"name": "a-')
    assert (tool.health_path("a-web"), tool.saved_state("a-web")) == (None, None)
    monkeypatch.setattr(proxy_room, "read", lambda _path: None)
    assert tool.saved_state("a-web") is None


def test_odd_answer(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SwitchFailed, match="another form"):
        proxy(engine, tmp_path, "echo hello").routes()


def test_not_running(engine: Engine, tmp_path: Path) -> None:
    tool = proxy(engine, tmp_path, "exit 0")
    engine.end(engine.running[0].id)
    with pytest.raises(SwitchFailed, match="kamal-proxy is not running") as failed:
        tool.routes()
    assert failed.value.hint == "deployhost setup --local"
    engine.containers.clear()
    with pytest.raises(SwitchFailed, match="kamal-proxy is not running"):
        tool.routes()


def test_no_binary(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(CommandMissing):
        KamalProxy(FakeDocker(engine), tmp_path / "kamal-proxy").routes()


def test_remove_is_for_what_is_there(engine: Engine, tmp_path: Path) -> None:
    script = f'echo "$@" >>{tmp_path}/calls; [ "$1" != list ] || printf "%s\\n%s\\n" "{HEADER}" "a-web    h     /     t       s      no"'
    tool = proxy(engine, tmp_path, script)
    tool.remove("b-web")
    tool.remove("a-web")
    assert (tmp_path / "calls").read_text().splitlines() == ["list", "list", "remove a-web"]


def test_deploy_outlives_its_caller(engine: Engine, tmp_path: Path) -> None:
    tool = proxy(engine, tmp_path, 'echo "$2"; echo oops >&2; exit 3')
    target = Target(
        service="a-web", address="x:1", hosts=("h",), health_port=1, health_path="/", deploy_timeout=1, drain_timeout=1,
        response_timeout=1,
    )  # fmt: skip
    call = tool.begin_deploy(target, tmp_path / "log")
    assert call.wait(5).code == 3
    assert (tmp_path / "log").read_text() == "a-web\noops\n"
