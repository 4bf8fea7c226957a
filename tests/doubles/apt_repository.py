"""Debian packages and signed apt repositories of them, made here and served over TLS. Needs dpkg-deb and gpg."""

import datetime as dt
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.doubles.serve import Answer, Call


@dataclass(frozen=True)
class InstalledFile:
    """A file of a package."""

    path: str
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Package:
    """A package to build. `scripts` are the maintainer scripts by their names (postinst, …)."""

    name: str
    version: str
    architecture: str
    files: Sequence[InstalledFile]
    depends: str = ""
    description: str = "A double, for tests"
    scripts: dict[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        """The name of the .deb."""
        return f"{self.name}_{self.version}_{self.architecture}.deb"

    def build(self, folder: Path) -> Path:
        """Write the .deb into a folder, and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as made:
            root = Path(made) / "root"
            for file in self.files:
                path = root / file.path.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
                path.chmod(file.mode)
            control = root / "DEBIAN"
            control.mkdir()
            (control / "control").write_text(self.control(), encoding="utf-8")
            for name, text in self.scripts.items():
                (control / name).write_text(text, encoding="utf-8")
                (control / name).chmod(0o755)
            root.chmod(0o755)
            target = folder / self.filename
            # gzip: a package of some kilobytes is written at once, and every dpkg reads it.
            _run("dpkg-deb", "--build", "--root-owner-group", "-Zgzip", str(root), str(target))
        return target

    def control(self) -> str:
        """Return the control file."""
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.architecture,
            "Maintainer": "deployhost tests <tests@example.invalid>",
            "Depends": self.depends,
            "Section": "net",
            "Priority": "optional",
            "Description": self.description,
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


class SigningKey:
    """A key of gpg that signs repositories, in a keyring of its own. Close it: gpg leaves an agent running."""

    def __init__(self, name: str = "deployhost tests") -> None:
        # In /tmp itself: the path of the agent's socket must be short.
        self._home = Path(tempfile.mkdtemp(prefix="gpg.", dir="/tmp"))
        self._gpg(
            "--passphrase", "", "--quick-generate-key", f"{name} <tests@example.invalid>", "ed25519", "sign", "never"
        )
        listed = self._gpg("--with-colons", "--list-keys").decode()
        self.fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        self.public = self._gpg("--export", self.fingerprint)
        self.armored = self._gpg("--armor", "--export", self.fingerprint)

    def sign(self, text: bytes, *, inline: bool) -> bytes:
        """Return the text with a signature around it, or the signature alone."""
        how = ["--clearsign"] if inline else ["--armor", "--detach-sign"]
        return self._gpg("--digest-algo", "SHA512", "--local-user", self.fingerprint, *how, given=text)

    def close(self) -> None:
        """Stop the agent and delete the keyring."""
        _run("gpgconf", "--homedir", str(self._home), "--kill", "all")
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _gpg(self, *arguments: str, given: bytes = b"") -> bytes:
        return _run("gpg", "--homedir", str(self._home), "--batch", "--quiet", "--yes", *arguments, given=given)


@dataclass(frozen=True)
class Repository:
    """A repository in a folder, as apt reads it: `deb [signed-by=…] URL SUITE COMPONENT`."""

    folder: Path
    key: SigningKey
    suite: str = "any"
    component: str = "main"
    origin: str = "deployhost tests"

    def publish(self, packages: Sequence[Package]) -> None:
        """Write the repository anew, with these packages and no others."""
        shutil.rmtree(self.folder, ignore_errors=True)
        pool = self.folder / "pool" / self.component
        suite = self.folder / "dists" / self.suite
        entries: dict[str, list[str]] = {package.architecture: [] for package in packages}
        for package in packages:
            entries[package.architecture].append(_entry(package, package.build(pool), self.folder))
        for architecture, texts in entries.items():
            listing = suite / self.component / f"binary-{architecture}"
            listing.mkdir(parents=True)
            text = "\n".join(texts).encode()
            (listing / "Packages").write_bytes(text)
            (listing / "Packages.gz").write_bytes(gzip.compress(text, mtime=0))
        release = self._release(suite, sorted(entries))
        (suite / "Release").write_bytes(release)
        (suite / "Release.gpg").write_bytes(self.key.sign(release, inline=False))
        (suite / "InRelease").write_bytes(self.key.sign(release, inline=True))

    def answer(self, prefix: str = "") -> Callable[[Call], Answer]:
        """Return what serves the repository under a path. What it doesn't have is a 404: apt asks for more than there is."""

        def answering(call: Call) -> Answer:
            path = (self.folder / call.path.removeprefix(prefix).lstrip("/")).resolve()
            inside = call.path.startswith(prefix) and path.is_relative_to(self.folder.resolve())
            if call.method not in ("GET", "HEAD") or not inside or not path.is_file():
                return Answer(404, b"not found\n")
            return Answer(200, path.read_bytes(), (("Content-Type", "application/octet-stream"),))

        return answering

    def _release(self, suite: Path, architectures: Sequence[str]) -> bytes:
        listings = sorted(path for path in suite.rglob("Packages*") if path.is_file())
        sums = [
            f" {hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_size} {path.relative_to(suite)}"
            for path in listings
        ]
        lines = [
            f"Origin: {self.origin}",
            f"Label: {self.origin}",
            f"Suite: {self.suite}",
            f"Codename: {self.suite}",
            f"Date: {dt.datetime.now(dt.UTC):%a, %d %b %Y %H:%M:%S UTC}",
            f"Architectures: {' '.join(architectures)}",
            f"Components: {self.component}",
            "SHA256:",
            *sums,
        ]
        return ("\n".join(lines) + "\n").encode()


def _entry(package: Package, built: Path, root: Path) -> str:
    content = built.read_bytes()
    where = (
        f"Filename: {built.relative_to(root)}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    )
    return package.control() + where


def _run(*argv: str, given: bytes = b"") -> bytes:
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, input=given, capture_output=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.decode(errors='replace')}")
    return done.stdout
