"""setup's second half: Cloudflare, then GitHub, by the functions that `deployhost connect` calls."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhost.cli.arguments import to_domain
from deployhost.cli.checklist import Checklist
from deployhost.cli.session import Session
from deployhost.control.progress import error_lines
from deployhost.errors import ConnectionRefused, DeployhostError, InvalidRequest
from deployhost.model import Domain, Secret

if TYPE_CHECKING:  # the rooms take longer to load than every other verb to start
    from deployhost.edge.connect import EdgeReport
    from deployhost.github.connect import ConnectRequest

CLOUDFLARE, GITHUB = "cloudflare", "github"
NAMES = {CLOUDFLARE: "Cloudflare", GITHUB: "GitHub"}
AGAIN = "deployhost setup"
NEEDED = {
    CLOUDFLARE: "Cloudflare is not connected: --cloudflare-token FILE connects it, --skip cloudflare leaves it out",
    GITHUB: "GitHub is not connected: --org ORG or --github-url URL connects it, --skip github leaves it out",
}
LATER = {CLOUDFLARE: "deployhost connect cloudflare", GITHUB: "deployhost connect github"}
MENDS = {CLOUDFLARE: f"{AGAIN} --cloudflare-token FILE", GITHUB: LATER[GITHUB]}
WHAT_FOR = {
    CLOUDFLARE: "With Cloudflare, your apps are live at your domains with HTTPS. This server opens no port.",
    GITHUB: "With GitHub, each push to a repository that you choose is deployed.",
}


@dataclass(frozen=True, kw_only=True)
class AccountsAsked:
    """What a person asked of the accounts. With `local` nothing is asked for, and what is connected is kept right."""

    local: bool = False
    token: Secret | None = None
    zone: Domain | None = None
    org: str = ""
    github_url: str | None = None
    skip: frozenset[str] = frozenset()
    yes: bool = False
    dry_run: bool = False

    @property
    def options(self) -> Iterator[tuple[str, str]]:
        """Yield the options that were given, and the account that each is about."""
        if self.token is not None:
            yield "--cloudflare-token", CLOUDFLARE
        if self.zone is not None:
            yield "--zone", CLOUDFLARE
        if self.org:
            yield "--org", GITHUB
        if self.github_url is not None:
            yield "--github-url", GITHUB

    def gives(self, name: str) -> bool:
        """Return whether the options are enough to connect an account: then nobody has to be asked whether it is wanted."""
        if name == CLOUDFLARE:
            return self.token is not None
        return bool(self.org) or self.github_url is not None


def asked_for(
    *, token: Path | None, zone: str | None, org: str, github_url: str | None, skip: str, local: bool, **how: bool
) -> AccountsAsked:
    """Return what the options say. Raise InvalidRequest, InvalidName, NotFound before anything is done."""
    from deployhost.cli.connect_cloudflare import read_token  # noqa: PLC0415 - it imports setup

    skipped = frozenset(word.strip().lower() for word in skip.split(",") if word.strip())
    unknown = sorted(skipped - NAMES.keys())
    if unknown:
        raise InvalidRequest(f"--skip takes {' and '.join(NAMES)}, not {unknown[0]}", hint=f"{AGAIN} --help")
    asked = AccountsAsked(
        local=local,
        token=None if token is None else read_token(token),
        zone=None if zone is None else to_domain(zone),
        org=org.strip(),
        github_url=github_url,
        skip=skipped,
        **how,
    )
    for option, name in asked.options:
        if local:
            raise InvalidRequest(f"--local connects no account: leave {option} or --local out", hint=f"{AGAIN} --help")
        if name in skipped:
            raise InvalidRequest(
                f"--skip {name} leaves {NAMES[name]} out: leave {option} out too", hint=f"{AGAIN} --help"
            )
    if asked.gives(GITHUB):
        request_of(asked.org, github_url)  # a mistake is reported before the machine is changed
    return asked


def request_of(org: str, github_url: str | None, user: str = "") -> "ConnectRequest":
    """Return what `connect github` is asked for. Raise InvalidRequest."""
    from deployhost.github.connect import ConnectRequest  # noqa: PLC0415
    from deployhost.github.connection import GITHUB as GITHUB_COM  # noqa: PLC0415
    from deployhost.github.manifest_plan import to_github_url, to_org  # noqa: PLC0415

    return ConnectRequest(org=to_org(org), user=user, html_url=to_github_url(github_url or GITHUB_COM))


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Connects the accounts that are missing, and asks for them where a person is there. `results` is for --json, by account."""

    session: Session
    asked: AccountsAsked
    results: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(NAMES))

    @property
    def changed(self) -> bool:
        """Return whether an account was connected, or something of it was put right."""
        cloudflare, owners = self.results[CLOUDFLARE], self.results[GITHUB]
        return bool(cloudflare and cloudflare["changed"]) or any(one["changed"] for one in owners or ())

    @property
    def ready(self) -> bool:
        """Return whether repositories of GitHub can be deployed."""
        return bool(self.results[GITHUB])

    def cloudflare(self, checklist: Checklist, http_port: int) -> None:
        """Connect Cloudflare, or put right what is connected. The caller holds the lock of set-up.

        A Cloudflare that is connected and does not answer, or refuses the token, is a note. Raise InvalidRequest if it is missing
        and nobody is there to ask, and what `connect cloudflare` raises.
        """
        named = self.asked.gives(CLOUDFLARE) or self.asked.zone is not None
        if not named and self._connected(CLOUDFLARE):
            self._keep_cloudflare(checklist, http_port)
        elif self.asked.local or CLOUDFLARE in self.asked.skip:
            return
        elif self.asked.gives(CLOUDFLARE) or self._connected(CLOUDFLARE) or self._wanted(CLOUDFLARE):
            self._show_cloudflare(self._join_cloudflare(checklist), checklist)

    def github(self) -> None:
        """Connect GitHub, or put right what is connected. A browser confirms a new App, within ten minutes.

        Raise InvalidRequest if it is missing and nobody is there to ask, and what `connect github` raises.
        """
        if GITHUB in self.asked.skip:
            return
        named = self.asked.gives(GITHUB)
        if self.asked.local or (not named and self._connected(GITHUB)):
            self.results[GITHUB] = [one for request in self._kept() if (one := self._keep(request)) is not None] or None
        elif named or self._wanted(GITHUB):
            self._join_github(request_of(self.asked.org or self._org(named), self.asked.github_url))

    def _connected(self, name: str) -> bool:
        """Return whether an account is connected. Raise InvalidConfig, FileProblem."""
        from deployhost.edge import connection as edge  # noqa: PLC0415
        from deployhost.github import connection as github  # noqa: PLC0415

        paths = self.session.paths
        return edge.load(paths) is not None if name == CLOUDFLARE else bool(github.load_all(paths))

    def _wanted(self, name: str) -> bool:
        """Return whether a person wants to connect a missing account. Raise InvalidRequest if nobody is there to ask."""
        if self.asked.dry_run:
            self._say(f"  {NEEDED[name]}")
            return False
        if not self._asks:
            missing = [NEEDED[one] for one in NAMES if self._missing(one)]
            raise InvalidRequest(
                f"the server is set up, but {missing[0]}", hint=MENDS[name], details=tuple(missing[1:])
            )
        self._say(WHAT_FOR[name])
        if self.asked.yes or self.session.confirm(f"Connect {NAMES[name]} now?"):
            return True
        self._say(f"  skipped; to connect it later: {LATER[name]}")
        return False

    @property
    def _asks(self) -> bool:
        return self.session.interactive and not self.session.json

    def _missing(self, name: str) -> bool:
        return name not in self.asked.skip and not self.asked.gives(name) and not self._connected(name)

    def _keep_cloudflare(self, checklist: Checklist, http_port: int) -> None:
        from deployhost.cli.connect_cloudflare import lines_of, shown_connection  # noqa: PLC0415
        from deployhost.edge import connection  # noqa: PLC0415
        from deployhost.edge.asking import CloudflareAccounts  # noqa: PLC0415
        from deployhost.edge.sdk import CloudflareSdk  # noqa: PLC0415
        from deployhost.server.connected import ConnectionKeeper  # noqa: PLC0415
        from deployhost.system.service_manager import service_manager  # noqa: PLC0415

        paths, dry_run = self.session.paths, self.asked.dry_run
        services = service_manager(paths)
        accounts = CloudflareAccounts(sdk=CloudflareSdk(paths, checklist.log))
        work = ConnectionKeeper(paths=paths, services=services, accounts=accounts, log=checklist.log)
        kept = work.keep(checklist, http_port=http_port, dry_run=dry_run)
        saved = connection.load(paths)
        if saved is None:
            return
        result = self.results[CLOUDFLARE] = shown_connection(saved, kept.steps, kept.notes, dry_run=dry_run)
        if not kept.steps and not kept.notes and not dry_run and not self.session.json:
            checklist.tick("this server is connected to Cloudflare; nothing to do")
        self._show(lines_of(result))

    def _join_cloudflare(self, checklist: Checklist) -> "EdgeReport":
        """Return what was done. On a terminal, a token that does not do is asked for again."""
        from deployhost.cli.connect_cloudflare import join  # noqa: PLC0415 - it imports setup

        token = self.asked.token
        while True:
            try:
                return join(self.session, checklist, token, self.asked.zone, dry_run=self.asked.dry_run)
            except (ConnectionRefused, InvalidRequest) as error:
                if not self._asks:
                    error.hint = _as_setup(error.hint)
                    raise
                for line in error_lines(error.to_json(), "error"):
                    self.session.warn(line)
                if not self.session.confirm("Try again?"):
                    raise
                token = None

    def _show_cloudflare(self, report: "EdgeReport", checklist: Checklist) -> None:
        from deployhost.cli.connect_cloudflare import lines_of, result_of, run_tunnel  # noqa: PLC0415

        machine = run_tunnel(self.session, checklist, dry_run=self.asked.dry_run)
        result = self.results[CLOUDFLARE] = result_of(report, machine, dry_run=self.asked.dry_run)
        if not report.plan and not machine and not self.asked.dry_run:
            checklist.tick("this server is connected to Cloudflare; nothing to do")
        self._show(lines_of(result))

    def _org(self, named: bool) -> str:
        """Return the organization that a person enters, or "" for their own account."""
        if named or not self._asks:
            return ""
        self.session.stderr.write("Organization on GitHub (Enter: your own account): ")
        self.session.stderr.flush()
        return self.session.stdin.readline().strip()

    def _join_github(self, request: "ConnectRequest") -> None:
        from deployhost.cli.connect_github import join, plan_lines, plan_of  # noqa: PLC0415

        if self.asked.dry_run:
            result = plan_of(self.session, request)
            self._show(plan_lines(result))
            self.results[GITHUB] = [{**result, "changed": False}]
            return
        done = join(self.session, request)
        self._show(f"  {note}" for note in done.notes)
        self.results[GITHUB] = [done.to_json()]

    def _kept(self) -> Iterator["ConnectRequest"]:
        """Yield a request for each connected owner."""
        from deployhost.github.connection import load_all  # noqa: PLC0415

        for one in load_all(self.session.paths, self._warn if self.asked.local else None):
            named = {"org" if one.kind == "organization" else "user": one.owner}
            yield request_of(**{"org": "", "github_url": one.html_url, **named})

    def _keep(self, request: "ConnectRequest") -> dict[str, Any] | None:
        """Put right what is connected, and return how it is. With --local nobody is waited for, and what GitHub refuses is a warning."""
        from deployhost.cli.connect_github import join, plan_lines, plan_of  # noqa: PLC0415
        from deployhost.github.connect_plan import AwaitInstallation  # noqa: PLC0415

        try:
            result = plan_of(self.session, request)
            waits = any(step["step"] == AwaitInstallation.word for step in result["steps"])
            if self.asked.dry_run or (waits and self.asked.local):
                self._show(plan_lines(result))
                return {**result, "changed": False}
            if waits and not self._asks:
                raise InvalidRequest(
                    "the server is set up, but its GitHub App is not installed: that takes a browser",
                    hint=request.command,
                )
            done = join(self.session, request)
        except DeployhostError as error:
            if not self.asked.local:
                raise
            self._warn(error)
            return None
        self._show(f"  {note}" for note in done.notes)
        return done.to_json()

    def _warn(self, error: DeployhostError) -> None:
        for line in error_lines(error.to_json(), "warning"):
            self.session.warn(line)

    def _say(self, line: str) -> None:
        if not self.session.json:
            self.session.say(line)

    def _show(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._say(line)


def _as_setup(hint: str) -> str:
    """Return the set-up that does what a `connect cloudflare` of a hint does."""
    again = hint.replace(LATER[CLOUDFLARE], AGAIN)
    return again if again == hint else again.replace("--token", "--cloudflare-token")
