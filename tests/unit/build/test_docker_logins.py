"""What docker's command is given of the host's settings: all of them, or all but the logins."""

import json
from pathlib import Path

import pytest

from deployhost.build.docker_logins import registries_logged_in, without_logins

LOGIN = {"auths": {"registry.example.com": {"auth": "dXNlcjp0MHA="}}}


def host(root: Path, **settings: object) -> Path:
    (root / ".docker/cli-plugins").mkdir(parents=True)
    (root / ".docker/cli-plugins/docker-buildx").write_text("")
    (root / ".docker/config.json").write_text(json.dumps(settings))
    return root


@pytest.mark.parametrize("text", [None, "", "[]", '{"auths": {}}', '{"currentContext": "x"}', "nonsense"])
def test_where_there_are_none_nothing_is_made(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker/config.json").write_text(text)
    assert without_logins({}, tmp_path, tmp_path / "made") == {}
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "login", [LOGIN, {"credsStore": "pass"}, {"credHelpers": {"x": "gcloud"}}, {"HttpHeaders": {"X-Meta": "t0p"}}]
)
def test_all_but_the_logins(tmp_path: Path, login: dict[str, object]) -> None:
    home = host(tmp_path, detachKeys="ctrl-e,e", **login)
    made = tmp_path / "run/made"
    assert without_logins({}, home, made) == {"DOCKER_CONFIG": str(made)}
    assert json.loads((made / "config.json").read_text()) == {"detachKeys": "ctrl-e,e"}
    assert (made / "cli-plugins/docker-buildx").is_file()
    assert made.stat().st_mode & 0o777 == 0o700


def test_settings_elsewhere(tmp_path: Path) -> None:
    host(tmp_path, **LOGIN)
    elsewhere = {"DOCKER_CONFIG": str(tmp_path / ".docker")}
    assert without_logins(elsewhere, Path("/nonexistent"), tmp_path / "made")
    assert registries_logged_in(elsewhere, Path("/nonexistent")) == {"registry.example.com"}


def test_which_registries(tmp_path: Path) -> None:
    home = host(tmp_path, credHelpers={"gcr.io": "gcloud"}, credsStore="pass", **LOGIN)
    assert registries_logged_in({}, home) == {"gcr.io", "registry.example.com", "*"}
