"""server.yml."""

from pathlib import Path

import pytest

from deployhost.config import server
from deployhost.config.server import MIRRORS, ServerConfig
from deployhost.errors import InvalidConfig


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("", ServerConfig()),
        ("http_port: 8080\n", ServerConfig(http_port=8080)),
        ("mirrors: []\n", ServerConfig(mirrors=())),
        ("mirrors:\n- a.example/x/\n", ServerConfig(mirrors=("a.example/x",))),
        ("http_port:\nmirrors:\n", ServerConfig(80, MIRRORS)),
    ],
)
def test_settings(tmp_path: Path, text: str, config: ServerConfig) -> None:
    path = tmp_path / "server.yml"
    path.write_text(text)
    assert server.load(path) == config


def test_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "server.yml"
    path.write_text("http_port: '80'\nmirrors: [https://x, 3]\nport: 1\n")
    with pytest.raises(InvalidConfig) as caught:
        server.load(path)
    assert caught.value.details == (
        "server.yml: http_port: must be a whole number from 1 to 65535 (line 1)",
        f"server.yml: mirrors/0: 'https://x' is not a registry's address, as in {MIRRORS[0]} (line 2)",
        "server.yml: mirrors/1: must be text, in quotes: '3' (line 2)",
        "server.yml: port: unknown key; known are http_port, mirrors (line 3)",
    )


def test_the_port_is_set_and_everything_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "server.yml"
    assert server.load(path) == ServerConfig()
    assert server.set_http_port(path, 8080) == ServerConfig(8080)
    assert path.read_text() == server.HEADER + "http_port: 8080\n"
    path.write_text("# mine\nmirrors: []\nhttp_port: 81 # why\n")
    path.chmod(0o600)
    assert server.set_http_port(path, 82) == ServerConfig(82, ())
    assert path.read_text() == "# mine\nmirrors: []\nhttp_port: 82 # why\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidConfig):
        server.set_http_port(path, 0)
    assert server.load(path).http_port == 82
