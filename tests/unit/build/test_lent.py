"""What one build is lent: files that only root reads, gone afterwards, whatever was left by a build that was killed."""

from pathlib import Path

import pytest

from deployhost.build.lent import lent


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "ca.pem").write_text("certificates")
    return {
        "HOME": str(tmp_path / "home"),
        "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        "PIP_INDEX_URL": "https://user:t0p@pypi.example/simple",
    }


@pytest.mark.parametrize("credentials", [True, False])
def test_files_by_their_ids(tmp_path: Path, environ: dict[str, str], credentials: bool) -> None:
    folder = tmp_path / "run/build/shop"
    with lent(environ, folder, credentials=credentials, say=print) as made:
        assert set(made.secrets) == {"pip_conf", "ca"}
        assert ("t0p" in made.secrets["pip_conf"].read_text()) is credentials
        assert made.secrets["pip_conf"].stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
        assert made.environment == {}
    assert not folder.exists()


def test_what_a_killed_build_left_is_lent_to_nobody(tmp_path: Path, environ: dict[str, str]) -> None:
    folder = tmp_path / "run/build/shop"
    (folder / "docker").mkdir(parents=True)
    (folder / "docker/config.json").write_text('{"auths": {"x": {"auth": "t0p"}}}')
    (tmp_path / "home/.docker").mkdir(parents=True)
    (tmp_path / "home/.docker/config.json").write_text('{"auths": {"x": {"auth": "t0p"}}}')
    with lent(environ, folder, credentials=False, say=print) as made:
        assert made.environment == {"DOCKER_CONFIG": str(folder / "docker")}
        assert "t0p" not in (folder / "docker/config.json").read_text()
    assert not folder.exists()
