"""setup: setting the server up, its accounts included, and taking deployhost off it again."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployhost.cli.arguments import JsonOption, option
from deployhost.cli.checklist import Checklist
from deployhost.cli.session import Session, session_of
from deployhost.cli.setup_accounts import AGAIN, Accounts, AccountsAsked, asked_for
from deployhost.control.progress import ProgressLines
from deployhost.errors import DeployhostError, Interrupted, InvalidRequest
from deployhost.steps import Plan

if TYPE_CHECKING:  # the types take 2 ms to make, and the server's room more
    from deployhost.control.views import AppView
    from deployhost.server.setup import Request, Setup

LOG = "setup.log"
LOCK = "setup.lock"
BRING_PATIENCE = 1200.0  # seconds for a set-up that is under way


TokenOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Read Cloudflare's API token from a file (default: asked for).")
]
ZoneOption = Annotated[
    str | None, option("Zone of the webhook's host (default: the only one, or asked for).", "--zone", metavar="ZONE")
]
OrgOption = Annotated[str, option("Connect this organization on GitHub (default: asked for).", "--org", metavar="ORG")]
GitHubUrlOption = Annotated[
    str | None, option("GitHub Enterprise Server (default: https://github.com).", "--github-url", metavar="URL")
]
SkipOption = Annotated[
    str, option("Leave accounts out: cloudflare, github or both, with a comma.", "--skip", metavar="ACCOUNTS")
]


def _port(summary: str, default: str) -> Any:
    return typer.Option(min=1, max=65535, help=summary, show_default=default)


def setup(
    context: typer.Context,
    *,
    local: Annotated[bool, option("Connect no account and ask nothing; you push to this server.", "--local")] = False,
    cloudflare_token: TokenOption = None,
    zone: ZoneOption = None,
    org: OrgOption = "",
    github_url: GitHubUrlOption = None,
    skip: SkipOption = "",
    http_port: Annotated[int | None, _port("Port of kamal-proxy on 127.0.0.1.", "80")] = None,
    proxy_image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Load kamal-proxy's image from a file that docker save wrote.")
    ] = None,
    demo: Annotated[bool, option("Deploy a small demo app as `hello`.", "--demo")] = False,
    kamal: Annotated[
        bool, option("Install Kamal's own command too (default: when `deployhost kamal` is first used).", "--kamal")
    ] = False,
    ssh_port: Annotated[int | None, _port("Port on 127.0.0.1 at which Kamal reaches this server.", "822")] = None,
    dry_run: Annotated[bool, option("Show what would be done and why; change nothing.", "--dry-run")] = False,
    yes: Annotated[bool, option("Answer yes to every question.", "--yes", "-y")] = False,
    uninstall: Annotated[bool, option("Remove deployhost from this server; its data stays.", "--uninstall")] = False,
    purge: Annotated[bool, option("With --uninstall: delete the data too.", "--purge")] = False,
    as_json: JsonOption = False,
) -> None:
    """Set this server up, or bring it up to date: Docker, the proxy and the daemon, then Cloudflare and GitHub.

    Whatever is in place stays unchanged. A rerun asks only for what is missing.

    Example: deployhost setup --cloudflare-token token.txt --zone example.com --org acme
    """
    session = session_of(context, as_json)
    _check(uninstall=uninstall, purge=purge)
    if uninstall:
        with locked_checklist(session, dry_run=dry_run) as checklist:
            _uninstall(session, checklist, purge=purge, dry_run=dry_run, yes=yes)
        return
    # Kamal's command alone is no reason to ask for accounts.
    local = local or (kamal and not any((cloudflare_token, zone, org, github_url, skip)))
    asked = asked_for(
        token=cloudflare_token,
        zone=zone,
        org=org,
        github_url=github_url,
        skip=skip,
        local=local,
        yes=yes,
        dry_run=dry_run,
    )
    image = proxy_image.resolve() if proxy_image is not None else None
    wishes = {"http_port": http_port, "proxy_image": image, "kamal": kamal, "ssh_port": ssh_port}
    try:
        _setup(session, Accounts(session=session, asked=asked), wishes, demo=demo)
    except (KeyboardInterrupt, EOFError):
        again = f"{AGAIN} --local" if local else AGAIN
        raise Interrupted("set-up was stopped; what is done stays, and a rerun continues", hint=again) from None


def bring_kamal(session: Session) -> None:
    """Install Kamal's command and what it needs, showing the steps on standard error.

    Waits for a set-up that runs. Raises SetupFailed, Conflict.
    """
    beside = replace(session, stdout=session.stderr)
    with locked_checklist(beside, dry_run=False, patience=BRING_PATIENCE) as checklist:
        _work(beside, checklist).run(_request(beside, {"kamal": True}), checklist)


def _check(*, uninstall: bool, purge: bool) -> None:
    if purge and not uninstall:
        raise InvalidRequest("--purge needs --uninstall", hint="deployhost setup --uninstall --purge")
    if os.geteuid() != 0:
        raise InvalidRequest("set-up changes the machine, so it must run as root", hint=f"sudo {AGAIN}")


@contextlib.contextmanager
def locked_checklist(session: Session, *, dry_run: bool, patience: float = 1.0) -> Iterator[Checklist]:
    """Yield the checklist, and hold the lock of set-up and its log open; a dry run leaves no trace."""
    # Imported here: every other verb starts without what follows.
    from deployhost.server.setup_log import SetupLog  # noqa: PLC0415
    from deployhost.system import files  # noqa: PLC0415

    live = session.color and not session.json
    if dry_run:
        yield Checklist(session.stdout, _nowhere, quiet=True)
        return
    files.make_directory(session.paths.run)
    with files.lock(session.paths.run / LOCK, timeout=patience):
        log = SetupLog(session.paths.logs / LOG)
        try:
            yield Checklist(session.stdout, log.line, live=live, quiet=session.json)
        except DeployhostError as error:
            log.line(f"error: {error.message}")
            for line in error.details:
                log.line(f"  {line}")
            if not session.json:
                session.warn(f"the log is {log.path}")
            raise
        finally:
            log.close()


def _work(session: Session, checklist: Checklist) -> "Setup":
    from deployhost.server.setup import Setup  # noqa: PLC0415
    from deployhost.system.docker import Docker  # noqa: PLC0415
    from deployhost.system.service_manager import service_manager  # noqa: PLC0415

    return Setup(session.paths, Docker(), service_manager(session.paths), checklist.log)


def _request(session: Session, asked: dict[str, Any], *, dry_run: bool = False, yes: bool = False) -> "Request":
    from deployhost.server.setup import Request  # noqa: PLC0415

    def consent(what: str) -> bool:
        return yes or (session.interactive and session.confirm(f"{what}. Continue?"))

    return Request(**asked, dry_run=dry_run, consent=consent)


def _setup(session: Session, accounts: Accounts, wishes: dict[str, Any], *, demo: bool) -> None:
    dry_run = accounts.asked.dry_run
    result: dict[str, Any]
    with locked_checklist(session, dry_run=dry_run) as checklist:
        result = _setup_machine(session, checklist, accounts.asked, wishes)
        if demo and not dry_run:
            app, changed = _demo(session, checklist)
            result.update(demo=app, url=app["url"], changed=result["changed"] or changed)
        accounts.cloudflare(checklist, result["http_port"])
    accounts.github()  # without the lock: a person at a browser may take a while
    result = {**result, **accounts.results, "changed": result["changed"] or accounts.changed}
    if session.json:
        session.show(result, lambda _: ())
    elif not demo and not dry_run:
        session.say("next: deployhost add OWNER/REPO" if accounts.ready else "next: deployhost add NAME")


def _setup_machine(
    session: Session, checklist: Checklist, asked: AccountsAsked, wishes: dict[str, Any]
) -> dict[str, Any]:
    request = _request(session, wishes, dry_run=asked.dry_run, yes=asked.yes)
    report = _work(session, checklist).run(request, checklist)
    if asked.dry_run:
        if not session.json:
            session.show(report.to_json(), _dry_run_lines)
        return report.to_json()
    if not session.json:
        for note in report.notes:
            session.say(f"  {note}")
        if not report.changed:
            checklist.tick("this server is set up; nothing to do")
    return {**report.to_json(), "demo": None, "url": None}


def _demo(session: Session, checklist: Checklist) -> "tuple[AppView, bool]":
    from deployhost.server.demo import APP, Demo  # noqa: PLC0415

    def show(line: str) -> None:
        checklist.log(line)
        if not session.json:
            session.say(f"  {line}")

    if not session.json:
        session.say(f"the demo, as the app {APP}:")
    app, how = Demo(session.paths, show, ProgressLines(show).event).run()
    if how == "kept":
        checklist.tick(f"{APP} is already live; nothing pushed")
    if how != "pushed" and not session.json:  # a push has said so itself
        if app["last_deploy"]:
            ProgressLines(session.say, session.color).finish(app["last_deploy"])
        else:
            session.say(f"live at {app['url']}")
    return app, how != "kept"


def _uninstall(session: Session, checklist: Checklist, *, purge: bool, dry_run: bool, yes: bool) -> None:
    from deployhost.server.uninstall import Uninstall  # noqa: PLC0415
    from deployhost.steps import apply  # noqa: PLC0415
    from deployhost.system.docker import Docker  # noqa: PLC0415
    from deployhost.system.service_manager import service_manager  # noqa: PLC0415

    work = Uninstall(session.paths, Docker(), service_manager(session.paths), checklist.log)
    plan = work.plan(purge=purge)
    result = {
        "steps": [step.to_json() for step in plan],
        "notes": list(plan.notes),
        "changed": bool(plan) and not dry_run,
    }
    if not session.json:
        for line in _plan_lines(plan):
            session.say(line)
    if plan and not dry_run:
        if not yes and not (session.interactive and session.confirm("Remove it?")):
            again = "./install.sh --uninstall" + (" --purge" if purge else "") + " --yes"
            raise InvalidRequest("nothing was removed: removing needs a yes", hint=again)
        apply(plan, work.acts, checklist)
    if session.json:
        session.show(result, lambda _: ())


def _dry_run_lines(report: dict[str, Any]) -> Iterator[str]:
    for note in report["notes"]:
        yield f"  {note}"
    for step in report["steps"]:
        yield f"would {step['what']}"
        yield f"    {step['why']}"
    if not report["steps"]:
        yield "✓ this server is set up; nothing to do"


def _plan_lines(plan: Plan) -> Iterator[str]:
    for step in plan:
        yield f"- {step.what}"
        yield f"    {step.why}"
    if not plan:
        yield "nothing of deployhost is on this server"
    for note in plan.notes:
        yield f"  {note}"


def _nowhere(_line: str) -> None:
    """Keep nothing: a dry run has no log."""
