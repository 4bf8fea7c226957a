"""Named secrets: whole or not at all, root's only, and nothing but a file of ours is read or replaced."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.config import secrets
from deployhost.config.env import EnvStore, revealed
from deployhost.config.secrets import LONGEST, NamedSecrets, connections, own_secrets
from deployhost.errors import DeployhostError, FileProblem, InvalidConfig, InvalidName, InvalidRequest, NotFound
from deployhost.model import AppName, EnvName, Secret
from deployhost.paths import Paths
from tests.unit.config.test_env import NOW

PEM = "-----BEGIN KEY-----\nMIIEvQ\n-----END KEY-----\n"


class PowerCut(BaseException):
    """The process is gone: nothing is tidied up."""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def store(paths: Paths) -> NamedSecrets:
    return connections(paths)


def test_put_get_remove(store: NamedSecrets, paths: Paths) -> None:
    with pytest.raises(NotFound, match="is not set") as missing:
        store.get("github_key")
    path = paths.connections / "github_key"
    assert missing.value.hint == f"editor {path}"
    store.put("github_key", Secret("one"))
    store.put("github_key", Secret(PEM))
    assert store.get("github_key") == Secret(PEM)
    assert store.file("github_key") == path
    assert path.read_text() == PEM
    assert store.remove("github_key") is True
    assert store.remove("github_key") is False
    with pytest.raises(NotFound):
        store.file("github_key")
    assert [one.name for one in paths.connections.iterdir()] == [".lock"]


def test_only_root_may_read(store: NamedSecrets, paths: Paths) -> None:
    """What is too open is closed: a file that a person wrote there, too."""
    paths.connections.mkdir(parents=True, mode=0o755)
    store.put("token", Secret("value"))
    assert paths.connections.stat().st_mode & 0o7777 == 0o700
    assert {file.stat().st_mode & 0o7777 for file in paths.connections.iterdir()} == {0o600}
    for look in (store.get, store.file):
        (paths.connections / "token").chmod(0o644)
        look("token")
        assert (paths.connections / "token").stat().st_mode & 0o7777 == 0o600


def test_ours_lie_beside_the_apps(paths: Paths) -> None:
    env, ours = EnvStore(paths), own_secrets(paths)
    env.set(AppName("restic"), {EnvName("A"): "1"}, NOW)
    ours.put("restic", Secret("password"))
    assert sorted(one.name for one in paths.secrets.iterdir()) == [".lock", "_restic", "restic.json"]
    env.remove(AppName("restic"))
    assert ours.get("restic").reveal() == "password"
    ours.remove("restic")
    assert revealed(env.read(AppName("restic"))) == {}


HOSTILE = [
    "", ".", "..", "../x", "/etc/passwd", "a/b", "a\n", "\n", "a\0", "A", "-a", "a-", "_a", ".lock", "a.json", "ü", " ", "x" * 49, "*",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("which", [own_secrets, connections])
def test_hostile_names(paths: Paths, name: str, which: Callable[[Paths], NamedSecrets]) -> None:
    store = which(paths)
    for use in (store.get, store.file, store.remove, lambda name: store.put(name, Secret("value"))):
        with pytest.raises(InvalidName, match="is not a valid name of a secret"):
            use(name)
    assert not paths.config.exists(), "nothing was touched"


@given(st.text(max_size=60))
def test_a_name_is_one_file(name: str) -> None:
    try:
        path = NamedSecrets(directory=Path("/d"), prefix="_")._path(name)
    except InvalidName:
        return
    assert path.parent == Path("/d")
    assert path.name == f"_{name}"
    assert os.path.normpath(path) == str(path)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("a\0b", "NUL"),
        ("\udcff", "UTF-8"),
        ("x" * (LONGEST + 1), "longer than 256 KiB"),
    ],
)
def test_values_that_are_none(store: NamedSecrets, value: str, said: str) -> None:
    store.put("token", Secret("before"))
    with pytest.raises(InvalidRequest, match=said):
        store.put("token", Secret(value))
    assert store.get("token") == Secret("before")


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xff\xfehunter2", b"a\0hunter2", b"x" * (LONGEST + 1)])
def test_files_that_hold_none(store: NamedSecrets, paths: Paths, data: bytes) -> None:
    store.put("token", Secret("before"))
    (paths.connections / "token").write_bytes(data)
    for look in (store.get, store.file):
        with pytest.raises(InvalidConfig) as failed:
            look("token")
        assert "hunter2" not in repr((failed.value.to_json(), failed.value.__cause__, failed.value.__context__))
    store.put("token", Secret("after"))
    assert store.get("token") == Secret("after")


@pytest.mark.parametrize(
    ("written", "value"),
    [("abc\n", "abc"), ("abc", "abc"), ("abc\n\n", "abc\n\n"), (PEM, PEM), (" abc ", " abc ")],
)
def test_what_an_editor_writes(store: NamedSecrets, paths: Paths, written: str, value: str) -> None:
    store.put("token", Secret("x"))
    (paths.connections / "token").write_text(written)
    assert store.get("token").reveal() == value


def test_a_link_in_its_place(store: NamedSecrets, paths: Paths, tmp_path: Path) -> None:
    """It is neither followed nor replaced; where it leads stays as it is."""
    other, path = tmp_path / "other", paths.connections / "token"
    other.write_text("theirs")
    other.chmod(0o644)
    store.put("token", Secret("ours"))
    path.unlink()
    path.symlink_to(other)
    for use in (store.get, store.file, lambda name: store.put(name, Secret("ours"))):
        with pytest.raises(FileProblem, match="is a symbolic link") as failed:
            use("token")
        assert failed.value.hint == f"rm {path}"
    assert (other.read_text(), other.stat().st_mode & 0o777) == ("theirs", 0o644)
    assert store.remove("token") is True
    assert other.exists()
    store.put("token", Secret("ours"))
    assert store.get("token") == Secret("ours")


def test_what_is_no_file(store: NamedSecrets, paths: Paths) -> None:
    store.put("other", Secret("x"))
    (paths.connections / "token").mkdir()
    os.mkfifo(paths.connections / "pipe")
    for name in ("token", "pipe"):
        for use in (store.get, store.file, lambda name: store.put(name, Secret("ours"))):
            with pytest.raises(FileProblem, match="not a regular file"):
                use(name)


def test_somebody_elses_file(store: NamedSecrets, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("token", Secret("x"))
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    for use in (store.get, store.file, lambda name: store.put(name, Secret("ours"))):
        with pytest.raises(FileProblem, match=f"belongs to user {owner}") as failed:
            use("token")
        assert failed.value.hint == f"chown root: {paths.connections / 'token'}"


def test_a_disk_that_can_not_be_read(store: NamedSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("token", Secret("x"))

    def fail(_descriptor: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(secrets, "_read", fail)
    with pytest.raises(FileProblem, match=r"can't read .*/token"):
        store.get("token")


@pytest.mark.parametrize("before", [None, Secret("before")])
def test_crash_between_write_and_rename(
    store: NamedSecrets, paths: Paths, monkeypatch: pytest.MonkeyPatch, before: Secret | None
) -> None:
    """What was there stays whole; what the crash left, which holds a value, is gone with the next write or removal."""
    if before is not None:
        store.put("token", before)

    def cut(*_: object) -> None:
        raise PowerCut

    for finish in (lambda: store.put("token", Secret("after")), lambda: store.remove("token")):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", cut)
            patch.setattr(Path, "unlink", cut)  # the dead tidy nothing up
            with pytest.raises(PowerCut):
                store.put("token", Secret("half"))
        [left] = paths.connections.glob("*.tmp")
        assert left.stat().st_mode & 0o777 == 0o600
        if before is None:
            with pytest.raises(NotFound):
                store.get("token")
        else:
            assert store.get("token") == before
        finish()
        assert list(paths.connections.glob("*.tmp")) == []
        before = Secret("after")
    with pytest.raises(NotFound):
        store.get("token")


def test_concurrent_puts(store: NamedSecrets, paths: Paths) -> None:
    """Readers see one of the values, whole, at any moment."""
    values = [Secret(letter * 5000) for letter in "abcd"]
    store.put("token", values[0])
    problems: list[object] = []
    over = threading.Event()

    def write(value: Secret) -> None:
        for _ in range(5):
            store.put("token", value)

    def read() -> None:
        while not over.is_set():
            try:
                if store.get("token") not in values:
                    problems.append("half a value")
            except DeployhostError as error:
                problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(value,)) for value in values]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in readers:
        thread.join()
    assert problems == []
    assert sorted(one.name for one in paths.connections.iterdir()) == [".lock", "token"]


def test_a_full_disk(store: NamedSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("token", Secret("before"))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(FileProblem, match="no space left"):
            store.put("token", Secret("after"))
    assert store.get("token") == Secret("before")
