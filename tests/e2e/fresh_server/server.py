"""A fresh server: Debian with systemd in a container of its own, made by mmdebstrap, with nothing of ours in it.

It reaches the package registries the way this machine does: the CA bundle and apt's settings are carried over.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from deployhost.kamal.contract import PROXY_IMAGE

CHECKOUT = Path(__file__).parents[3]
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "udev",
    "iproute2",
    "iptables",
    "ca-certificates",
    "curl",
    "git",
    "openssh-server",
    "python3",
    "python3-venv",
    "procps",
)
CAPABILITIES = (
    "SYS_ADMIN",
    "NET_ADMIN",
    "SYS_PTRACE",
    "MKNOD",
    "SYS_CHROOT",
    "DAC_READ_SEARCH",
    "NET_RAW",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "IPC_LOCK",
    "SYS_NICE",
    "SYS_TIME",
    "SYSLOG",
    "SYS_BOOT",
    "LINUX_IMMUTABLE",
)
LOOPS = ("b 7:* rwm", "c 10:237 rwm")  # loop devices, and what makes more of them
MAKE_LOOPS = (
    "test -e /dev/loop-control || mknod /dev/loop-control c 10 237; "
    "for n in 0 1 2 3 4 5 6 7; do test -e /dev/loop$n || mknod /dev/loop$n b 7 $n; done"
)
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
PARTS = "/root/parts with space"
INSTALL = (
    "sh",
    "-c",
    f'cd "{PARTS}" && exec ./install.sh --wheel deployhost-*.whl --proxy-image kamal-proxy.tar "$@"',
    "sh",
)
BOOTS_WITHIN = 60.0


TESTING = ("forky",)
STALE = 'Acquire::Check-Valid-Until "false";'  # a mirror's Release of testing may be older than its date allows


class Failed(AssertionError):
    """A command ended with another code than 0; the message is what it wrote."""


class Running:
    """A command that runs; what it writes, errors too, is kept line by line."""

    def __init__(self, *argv: str) -> None:
        self.argv, self.lines = argv, list[str]()
        self._process = subprocess.Popen(
            argv,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.lines.append(line)

    @property
    def said(self) -> str:
        """What it wrote so far."""
        return "".join(self.lines)

    def until(self, pattern: str, seconds: float) -> "re.Match[str]":
        """Wait until it wrote something, and return that. Raise Failed if it ended without, or did not within so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            ended = not self._reader.is_alive()
            found = re.search(pattern, self.said)
            if found is not None:
                return found
            if ended or time.monotonic() > deadline:
                self.kill()
                raise Failed(f"{' '.join(self.argv)} did not write {pattern!r}:\n{self.said[-6000:]}")
            time.sleep(0.1)

    def wait(self, seconds: float) -> str:
        """Wait for its end, and return what it wrote. Raise Failed if it fails."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = -1
        self._reader.join(5)
        if code != 0:
            raise Failed(f"{' '.join(self.argv)} ended with {code}:\n{self.said[-6000:]}")
        return self.said

    def kill(self) -> None:
        """End it here; on the server it may run on."""
        self._process.kill()
        self._process.wait()


class FreshServer:
    """Given the container's name, its Debian release and whether systemd runs it, use the server as an administrator would."""

    def __init__(self, container: str, suite: str, systemd: bool) -> None:
        self.container = container
        self.suite = suite
        self.systemd = systemd

    def run(self, *argv: str, check: bool = True, timeout: float = 900) -> str:
        """Run a command on the server; return what it wrote (errors too)."""
        return host("docker", "exec", self.container, *argv, check=check, timeout=timeout)

    def start(self, *argv: str) -> "Running":
        """Start a command on the server that one watches while it runs."""
        return Running("docker", "exec", self.container, *argv)

    @property
    def pid(self) -> int:
        """The server's first process, as this machine sees it."""
        return int(host("docker", "inspect", "--format", "{{.State.Pid}}", self.container))

    def copy(self, source: Path, target: str) -> None:
        """Copy a file or directory of this machine to the server."""
        host("docker", "cp", "-q", str(source), f"{self.container}:{target}")

    def write(self, text: str, target: str) -> None:
        """Write a file on the server."""
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory) / "file"
            source.write_text(text)
            self.copy(source, target)

    def get(self, url: str) -> tuple[int, str]:
        """GET a URL on the server; return status and body (status 0: nobody answers)."""
        shown = self.run("curl", "--silent", "--max-time", "10", "--write-out", "\n%{http_code}", url, check=False)
        body, _, status = shown.rpartition("\n")
        return (int(status) if status.isdigit() else 0), body

    def containers(self) -> dict[str, str]:
        """Return by name the id and start time of each container that runs on the server."""
        names = self.run("docker", "ps", "--format", "{{.Names}}").split()
        shown = "{{.Id}} {{.State.StartedAt}}"
        return {name: self.run("docker", "inspect", "--format", shown, name).strip() for name in names}

    def install(self, *arguments: str) -> str:
        """Run install.sh in the directory of the parts with the wheel and the image among them; return what it wrote."""
        return self.run(*INSTALL, *arguments)

    def uninstall(self, *arguments: str) -> str:
        """Run install.sh --uninstall; return what it wrote."""
        return self.run(f"{PARTS}/install.sh", "--uninstall", "--yes", *arguments)

    def rebuild_wheel(self) -> None:
        """Make the wheel another file with the same content, which is another installation to install.sh."""
        change = (
            "import sys, zipfile; archive = zipfile.ZipFile(sys.argv[1], 'a'); archive.comment += b'x'; archive.close()"
        )
        self.run("sh", "-c", f'python3 -c "$1" "{PARTS}"/deployhost-*.whl', "sh", change)

    def process(self, *names: str) -> dict[str, int]:
        """Return by name the oldest process of each of these programs."""
        return {name: int(self.run("pgrep", "--oldest", "--full", name)) for name in names}

    def reboot(self) -> None:
        """Shut the server down by its init, start it again, and wait until it is up."""
        host("docker", "restart", "--time", "60", self.container, timeout=180)
        if self.systemd:
            self.wait_until_booted()

    def wait_until_booted(self) -> None:
        """Wait until systemd has started everything. Raise Failed if a unit did not start."""
        state = ""

        def booted() -> bool:
            nonlocal state
            state = self.run("systemctl", "is-system-running", check=False).strip()
            return state in ("running", "degraded")

        until(booted, BOOTS_WITHIN)
        if state != "running":
            raise Failed(self.run("systemctl", "--failed", "--no-pager", check=False))


@contextmanager
def fresh_server(
    suite: str,
    parts: Path,
    *,
    systemd: bool = True,
    hosts: Mapping[str, str] = MappingProxyType({}),
    purpose: str = "",
    loops: bool = False,
) -> Iterator[FreshServer]:
    """Given a Debian release ("bookworm") and what to carry there, boot such a server; it is gone when the block ends.

    Without systemd, PID 1 is docker-init, which starts nothing. `hosts` are names with the addresses that the server finds for them.
    Servers for different purposes may run side by side. With `loops` it may mount files as disks.
    """
    image = base_image(suite)
    name = f"deployhost-fresh-{suite}" + ("" if systemd else "-plain") + (f"-{purpose}" if purpose else "")
    host("docker", "rm", "--force", "--volumes", name, check=False)
    argv = [
        "docker",
        "run",
        "--detach",
        "--name",
        name,
        "--hostname",
        suite,
        *(("--stop-signal", "SIGRTMIN+3") if systemd else ()),
    ]
    argv += [f"--add-host={name}:{address}" for name, address in hosts.items()]
    for capability in CAPABILITIES:
        argv += ["--cap-add", capability]
    for option in ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"):
        argv += ["--security-opt", option]
    for rule in LOOPS if loops else ():
        argv += ["--device-cgroup-rule", rule]
    argv += ["--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--volume", "/var/lib/docker"]
    argv += [
        "--tmpfs",
        "/run:exec,mode=755",
        "--tmpfs",
        "/tmp:exec,dev,suid,mode=1777",
        *(() if systemd else ("--init",)),
        image,
    ]
    host(*argv, *(("/sbin/init",) if systemd else ("sleep", "infinity")))
    server = FreshServer(name, suite, systemd)
    try:
        if systemd:
            server.wait_until_booted()
        if loops:
            server.run("sh", "-c", MAKE_LOOPS)
        _reaches_registries(server, suite)
        server.copy(parts, PARTS)
        yield server
    finally:
        host("docker", "rm", "--force", "--volumes", name, check=False)


def base_image(suite: str) -> str:
    """Given a Debian release, return the image of a server of it; it is made once and kept."""
    image = f"deployhost-fresh-{suite}:base"
    if host("docker", "image", "ls", "--quiet", image).strip():
        return image
    with tempfile.TemporaryDirectory() as directory:
        tar = str(Path(directory) / "root.tar")
        options = [f"--aptopt={STALE}"] if suite in TESTING else []
        host("mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", *options, suite, tar, timeout=900)
        host("docker", "import", tar, image)
    return image


def make_parts(directory: Path, checkout: Path = CHECKOUT) -> Path:
    """Put into a directory what is carried to a server: a checkout's wheel, its install.sh, kamal-proxy's image. Return it."""
    host(sys.executable, "-m", "build", "--wheel", "--outdir", str(directory), str(checkout))
    host("docker", "save", "--output", str(directory / "kamal-proxy.tar"), PROXY_IMAGE)
    shutil.copy(checkout / "install.sh", directory)
    return directory


def host(*argv: str, check: bool = True, timeout: float = 300) -> str:
    """Run a command on this machine; return what it wrote. Raise Failed with it if it fails."""
    done = subprocess.run(
        argv,
        check=False,
        timeout=timeout,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds. Raise Failed if it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Failed(f"it did not come true within {seconds:g} s")
        time.sleep(0.25)


def _reaches_registries(server: FreshServer, suite: str) -> None:
    own = Path("/usr/local/share/ca-certificates")
    for certificate in sorted(own.glob("*.crt")):
        server.copy(certificate, str(own))
    if Path(BUNDLE).exists():
        server.run("update-ca-certificates")
        server.copy(Path(BUNDLE), BUNDLE)
    if shutil.which("apt-config"):
        server.write(host("apt-config", "dump", "Acquire"), "/etc/apt/apt.conf.d/99host")
    if suite in TESTING:
        server.write(f"{STALE}\n", "/etc/apt/apt.conf.d/99stale")
    settings: Sequence[str] = ("[global]", f"cert = {BUNDLE}")
    if Path("/etc/pip.conf").exists():
        settings = Path("/etc/pip.conf").read_text().splitlines()
    server.write("\n".join(settings) + "\n", "/etc/pip.conf")
    server.run("apt-get", "update", "--quiet")
