"""server.yml."""

from pathlib import Path

import pytest

from deployhost.config import server, yaml_file
from deployhost.config.server import MIRRORS, ServerConfig, ServerSettings
from deployhost.errors import InvalidConfig


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("", ServerConfig()),
        ("http_port: 8080\n", ServerConfig(http_port=8080)),
        ("mirrors: []\n", ServerConfig(mirrors=())),
        ("mirrors:\n- a.example/x/\n", ServerConfig(mirrors=("a.example/x",))),
        ("http_port:\nmirrors:\n", ServerConfig(http_port=80, mirrors=MIRRORS)),
        (
            "build_memory: 2g\nbuild_cpus: 1.5\nbuild_timeout: 60\nbuilds_at_once: 2\n",
            ServerConfig(build_memory=2 * 1024**3, build_cpus=1.5, build_timeout=60, builds_at_once=2),
        ),
        (
            "disk_reserve: 3g\nbuild_cache: 500m\n",
            ServerConfig(disk_reserve=3 * 1024**3, build_cache=500 * 1024**2),
        ),
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
        f"server.yml: port: unknown key; known are {', '.join(sorted(ServerConfig.__dataclass_fields__))} (line 3)",
    )


def test_the_port_is_set_and_everything_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "server.yml"
    assert server.load(path) == ServerConfig()
    assert server.set_port(path, "http_port", 8080) == ServerConfig(8080)
    assert path.read_text() == server.HEADER + "http_port: 8080\n"
    path.write_text("# mine\nmirrors: []\nhttp_port: 81 # why\n")
    path.chmod(0o600)
    assert server.set_port(path, "http_port", 82) == ServerConfig(http_port=82, mirrors=())
    assert path.read_text() == "# mine\nmirrors: []\nhttp_port: 82 # why\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidConfig):
        server.set_port(path, "http_port", 0)
    assert server.load(path).http_port == 82


def test_limits_out_of_bounds(tmp_path: Path) -> None:
    path = tmp_path / "server.yml"
    path.write_text("build_memory: 1m\nbuild_cpus: 0\nbuild_timeout: 1\nbuilds_at_once: 0\ndisk_reserve: much\n")
    with pytest.raises(InvalidConfig) as caught:
        server.load(path)
    assert caught.value.details == (
        "server.yml: build_memory: must be a size of at least 64m, as in 512m or 2g (line 1)",
        "server.yml: build_cpus: must be a number from 0.05 to 512 (line 2)",
        "server.yml: build_timeout: must be a number of seconds from 10 to 86400 (line 3)",
        "server.yml: builds_at_once: must be a whole number from 1 to 64 (line 4)",
        "server.yml: disk_reserve: must be a size of at least 1m, as in 512m or 2g (line 5)",
    )


def test_settings_are_read_anew_only_when_they_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "server.yml"
    settings = ServerSettings(path)
    assert settings.current() == ServerConfig()
    path.write_text("build_timeout: 60\n")
    assert settings.current().build_timeout == 60
    with monkeypatch.context() as broken:
        broken.setattr(yaml_file, "parse", lambda *_: pytest.fail("nothing has changed"))
        assert settings.current().build_timeout == 60
    path.write_text("build_timeout: 600\n")
    assert settings.current().build_timeout == 600
    path.write_text("build_timeout: soon\n")
    for _ in range(2):  # a mistake is told each time, not remembered away
        with pytest.raises(InvalidConfig):
            settings.current()
    path.unlink()
    assert settings.current() == ServerConfig()
