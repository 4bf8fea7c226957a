"""Files to lay upon an image: root's, executable where npm says so, never outside of it."""

import io
import tarfile
from pathlib import Path

import pytest

from deployhost.build.overlay import Overlay


def members(path: Path) -> dict[str, tuple[int, int, bytes]]:
    with tarfile.open(path) as tar:
        found = {}
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            found[member.name] = (member.mode, member.uid, content.read() if content else member.linkname.encode())
        return found


def test_files_directories_and_links(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"program")
    with Overlay(tmp_path / "x.tar") as overlay:
        overlay.file("etc/a", b"text", 0o644)
        overlay.directory("home/node", 0o755, owner=1000)
        overlay.link("usr/local/bin/python", "/usr/bin/python3")
        overlay.from_disk("usr/bin/x", tmp_path / "source", 0o755)
    assert members(tmp_path / "x.tar") == {
        "etc/a": (0o644, 0, b"text"),
        "home/node": (0o755, 1000, b""),
        "usr/local/bin/python": (0o777, 0, b"/usr/bin/python3"),
        "usr/bin/x": (0o755, 0, b"program"),
    }


def npm_package(path: Path, *names: tuple[str, int]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, mode in names:
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.uid = 1, mode, 501
            tar.addfile(member, io.BytesIO(b"x"))


def test_an_npm_package_loses_its_first_folder(tmp_path: Path) -> None:
    npm_package(
        tmp_path / "p.tgz", ("package/bin/node", 0o755), ("package/include/a.h", 0o600), ("package/share/doc/x", 0o644)
    )
    with Overlay(tmp_path / "x.tar") as overlay:
        overlay.npm_tarball(tmp_path / "p.tgz", "usr/local", ("share/",))
    assert members(tmp_path / "x.tar") == {
        "usr/local/bin/node": (0o755, 0, b"x"),
        "usr/local/include/a.h": (0o644, 0, b"x"),
    }


def test_nothing_leads_out_of_the_image(tmp_path: Path) -> None:
    npm_package(tmp_path / "p.tgz", ("package/../../../etc/passwd", 0o644))
    with Overlay(tmp_path / "x.tar") as overlay:
        with pytest.raises(ValueError, match="leads out"):
            overlay.npm_tarball(tmp_path / "p.tgz", "usr/local", ())
        with pytest.raises(ValueError, match="leads out"):
            overlay.file("/etc/passwd", b"", 0o644)
