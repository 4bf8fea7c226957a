"""The files that Kamal's CLI reads."""

from pathlib import Path

from deployhost.kamal.files import KamalFiles
from deployhost.model import WEB, AppName

SHOP, SHOP_2 = AppName("shop"), AppName("shop-2")


def test_env_file(tmp_path: Path) -> None:
    files = KamalFiles(tmp_path / ".kamal")
    path = tmp_path / ".kamal/apps/shop/env/roles/web.env"
    files.write_env(SHOP, WEB, {"A": "1"})
    assert path.read_text() == "A=1\n"
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat().st_ino
    files.write_env(SHOP, WEB, {"A": "1"})
    assert path.stat().st_ino == before, "what is right already is not written again"
    files.write_env(SHOP, WEB, {})
    assert path.read_text() == "\n"


def test_audit(tmp_path: Path) -> None:
    files = KamalFiles(tmp_path / ".kamal")
    files.audit(SHOP, "[web] Booted app version x")
    files.audit(SHOP, "second")
    lines = (tmp_path / ".kamal/shop-audit.log").read_text().splitlines()
    assert [line.partition("] ")[2] for line in lines] == [
        "[deployhost] [web] Booted app version x",
        "[deployhost] second",
    ]
    assert lines[0].startswith("[20")


def test_removed(tmp_path: Path) -> None:
    files = KamalFiles(tmp_path / ".kamal")
    for app in (SHOP, SHOP_2):
        files.write_env(app, WEB, {"A": "1"})
        files.audit(app, "x")
        (tmp_path / ".kamal/proxy/apps-config" / app).mkdir(parents=True)
    files.remove(SHOP)
    files.remove(SHOP)
    left = sorted(path.name for path in (tmp_path / ".kamal").rglob("*") if "shop" in path.name)
    assert left == ["shop-2", "shop-2", "shop-2-audit.log"]
