"""A config file read without git says what git says; git is started only for what differs."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.model import Branch
from deployhost.system import git, process
from deployhost.system.git import BareRepository
from deployhost.system.git_config import plain_values

SETTINGS = {"receive.procReceiveRefs": "refs", "receive.denyDeletes": "false", "gc.auto": "500"}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["gc", "Receive", 'remote "x"']), st.sampled_from(["auto", "denyDeletes"]), st.text(
            alphabet='abz019 /.-_:"\\#;=\r\x0b\x0c\x1c\x85\u2028\xa0', max_size=6)),
        max_size=4,
    )
)  # fmt: skip
def test_git_agrees(tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, str, str]]) -> None:
    text = "".join(f"[{section}]\n\t{key} = {value}\n" for section, key, value in written)
    found = plain_values(text)
    if found is None:
        return
    file = tmp_path_factory.mktemp("config") / "config"
    file.write_bytes(text.encode())
    listed = subprocess.run(
        ["git", "config", "--file", str(file), "--null", "--list"], capture_output=True, check=True
    ).stdout.decode()
    pairs = [entry.partition("\n") for entry in listed.split("\0") if entry]
    assert found == {name: [value for other, _, value in pairs if other == name] for name, _, _ in pairs}


def test_git_is_started_only_for_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository, started = BareRepository(tmp_path / "shop.git"), list[list[str]]()
    real = process.run

    def counted(argv: list[str], **rest: object) -> object:
        started.append(argv)
        return real(argv, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(git, "run", counted)
    repository.create(Branch("main"), SETTINGS)
    assert [argv[1] for argv in started] == ["init"]
    repository.create(Branch("main"), SETTINGS)
    assert len(started) == 1
    with (repository.path / "config").open("a") as config:
        config.write("[gc]\n\tauto = 1\n")  # git takes the last
    repository.create(Branch("main"), SETTINGS)
    assert [argv[-4:] for argv in started[1:]] == [["config", "--replace-all", "gc.auto", "500"]]
    repository.create(Branch("main"), SETTINGS)
    assert len(started) == 2


def test_what_holds_nothing(tmp_path: Path) -> None:
    repository = BareRepository(tmp_path / "shop.git")
    repository.create(Branch("main"), SETTINGS)
    assert repository.holds_nothing()
    quarantine = repository.path / "objects" / "tmp_objdir-incoming-x"
    quarantine.mkdir()
    assert not repository.holds_nothing(), "a push has begun"
    quarantine.rmdir()
    for written in ("packed-refs", "refs/heads/main", "objects/pack/x.pack", "objects/info/alternates"):
        (repository.path / written).write_text("x")
        assert not repository.holds_nothing(), written
        (repository.path / written).unlink()
    assert repository.holds_nothing()


@pytest.mark.parametrize("where", ["objects/pack", "refs/heads"])
def test_what_is_on_another_disk_counts(tmp_path: Path, where: str) -> None:
    repository = BareRepository(tmp_path / "shop.git")
    repository.create(Branch("main"), SETTINGS)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "main").write_text("1" * 40)
    (repository.path / where).rmdir()
    (repository.path / where).symlink_to(elsewhere)
    assert not repository.holds_nothing()


def test_what_cannot_be_read_is_not_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = BareRepository(tmp_path / "shop.git")
    repository.create(Branch("main"), SETTINGS)
    real = os.scandir

    def scandir(at: str | int) -> object:
        path = str(Path(f"/proc/self/fd/{at}").readlink()) if isinstance(at, int) else str(at)
        if path.endswith("refs"):
            raise OSError(5, "Input/output error")
        return real(at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        assert not repository.holds_nothing()
    repository.path.rename(tmp_path / "deleted")
    assert not repository.holds_nothing(), "somebody has just deleted it"
