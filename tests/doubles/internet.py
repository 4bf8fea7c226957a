"""The doubles together, as a server in a container meets them: by their real names, all at one address and port.

    with Internet(tmp_path, "172.17.0.1") as internet:
        internet.replace_keys(wheel)
        ... start a server whose /etc/hosts has internet.hosts("www.example.com"), and write internet.files() there ...

The server trusts the test CA once `update-ca-certificates` ran.
"""

import base64
import csv
import hashlib
import io
import shutil
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.doubles.apt_repository import Repository, SigningKey
from tests.doubles.certificates import Authority
from tests.doubles.cloudflare.double import API_HOST, CloudflareDouble
from tests.doubles.cloudflared.package import cloudflared_package
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.transports import Https
from tests.doubles.serve import HttpsDouble

PACKAGES_HOST = "pkg.cloudflare.com"
PACKAGES_PATH = "/cloudflared"
CA_FILE = "/usr/local/share/ca-certificates/deployhost-tests.crt"
KEY_IN_WHEEL = "deployhost/templates/keys/cloudflare.asc"


class Internet:
    """Cloudflare (API, edge, packages) and a GitHub Enterprise Server at `host`, an address that the server reaches."""

    def __init__(
        self,
        folder: Path,
        host: str,
        port: int = 443,
        *,
        github: str = "github.test",
        architectures: tuple[str, ...] = ("amd64", "arm64"),
    ) -> None:
        self.host, self.authority, self.key = host, Authority(), SigningKey()
        self.cloudflare = CloudflareDouble(self.authority, host=host, edge_port=port)
        self.port = self.cloudflare.edge.port
        self.repository = Repository(folder / "packages", self.key, origin="cloudflared")
        self.repository.publish([cloudflared_package(architecture) for architecture in architectures])
        self.packages = HttpsDouble(self.repository.answer(PACKAGES_PATH), None)
        hooks = Https(self.authority.client_context(), {"*": (host, self.port)})
        self.github_host = github
        web = f"https://{github}" if self.port == 443 else f"https://{github}:{self.port}"
        self.github = GitHubDouble(folder / "github", self.authority, web=web, transport=hooks)
        self.cloudflare.edge.also_serve(PACKAGES_HOST, self.packages)
        self.cloudflare.edge.also_serve(github, self.github.server)

    def hosts(self, *domains: str) -> str:
        """Return the lines of /etc/hosts for the services and for domains that the edge serves."""
        return "".join(f"{self.host} {name}\n" for name in self.names(*domains))

    def names(self, *domains: str) -> tuple[str, ...]:
        """Return the names of the services, and these domains."""
        return (API_HOST, PACKAGES_HOST, self.github_host, *domains)

    def files(self) -> dict[str, str]:
        """Return by path what a server needs: the test CA, where connectors dial, no proxy for the packages."""
        return {
            CA_FILE: self.authority.pem,
            "/etc/cloudflared-double.json": f'{{"edge": "{self.cloudflare.connectors.address}"}}\n',
            "/etc/apt/apt.conf.d/99zz-doubles": f'Acquire::https::Proxy::{PACKAGES_HOST} "DIRECT";\n',
        }

    def replace_keys(self, wheel: Path, path: str = KEY_IN_WHEEL) -> None:
        """Put the repository's test key into a wheel of deployhost, where it pins Cloudflare's."""
        changed = wheel.with_suffix(".changed")
        digest = base64.urlsafe_b64encode(hashlib.sha256(self.key.armored).digest()).decode().rstrip("=")
        with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
            assert path in old.namelist(), f"{wheel.name} has no {path}"
            for entry in old.infolist():
                content = old.read(entry)
                if entry.filename == path:
                    content = self.key.armored
                elif entry.filename.endswith(".dist-info/RECORD"):
                    content = _recorded(content, path, digest, len(self.key.armored))
                new.writestr(entry, content)
        shutil.move(changed, wheel)

    def check(self) -> None:
        """Raise AssertionError if a service was asked what the real one would not know."""
        self.cloudflare.record.check()
        self.github.record.check()

    def stop(self) -> None:
        """Stop everything."""
        self.github.stop()
        self.packages.stop()
        self.cloudflare.stop()
        self.key.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _recorded(record: bytes, path: str, digest: str, size: int) -> bytes:
    rows = [
        [path, f"sha256={digest}", str(size)] if row and row[0] == path else row
        for row in csv.reader(io.StringIO(record.decode()))
    ]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
