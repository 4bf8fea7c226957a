"""Set-up as a whole: facts → plan → apply → facts, until the plan is empty."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import deployhost
from deployhost.config import server as server_config
from deployhost.errors import CommandFailed, CommandMissing, CommandTimedOut, Conflict, SetupFailed
from deployhost.paths import Paths
from deployhost.server.act import SetupActor
from deployhost.server.facts import DAEMON, INSTALLED, STORAGE, ServerFacts, WantedServer, completion_files
from deployhost.server.installed import daemon_program, interpreter
from deployhost.server.kamal_services import kamal_wanted, unit
from deployhost.server.plan import consents, engine_unknown, plan_setup
from deployhost.server.read import read_facts
from deployhost.steps import Plan, Recorder, Step, apply
from deployhost.system import bind_mount, early_rules, process
from deployhost.system.docker import Docker
from deployhost.system.process import OnLine
from deployhost.system.services import PATH, Services
from deployhost.system.supervised import supervised_definition

ENGINE_PIDFILE = "/run/docker.pid"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asked set-up for; `consent` is asked about each thing that would be taken from somebody else."""

    http_port: int | None = None
    proxy_image: Path | None = None
    kamal: bool = False  # whether Kamal's CLI and what it needs shall be there too
    ssh_port: int | None = None
    dry_run: bool = False
    consent: Callable[[str], bool] = lambda _what: False


@dataclass(frozen=True)
class Done:
    """One step that was carried out (or, on a dry run, would be), how it went and its seconds."""

    step: Step
    said: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as --json prints it."""
        return {**self.step.to_json(), "said": self.said, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Report:
    """What set-up did: the steps, whether anything changed, and kamal-proxy's port."""

    steps: tuple[Done, ...]
    notes: tuple[str, ...]
    changed: bool
    http_port: int

    def to_json(self) -> dict[str, Any]:
        """Return it as --json prints it."""
        return {
            "steps": [done.to_json() for done in self.steps],
            "notes": list(self.notes),
            "changed": self.changed,
            "http_port": self.http_port,
        }


@dataclass
class Timed:
    """A recorder that passes everything on and keeps what was done, with its time."""

    next: Recorder
    done_steps: list[Done] = field(default_factory=list)
    began: float = 0.0

    def started(self, step: Step) -> None:
        """Note when the step began."""
        self.began = time.monotonic()
        self.next.started(step)

    def done(self, step: Step, said: str) -> None:
        """Keep the step."""
        self.done_steps.append(Done(step, said, time.monotonic() - self.began))
        self.next.done(step, said)

    def failed(self, step: Step, error: Exception) -> None:
        """Pass it on."""
        self.next.failed(step, error)


@dataclass(frozen=True)
class Setup:
    """Sets the server up. `log` gets every line that a program writes."""

    paths: Paths
    docker: Docker
    services: Services
    log: OnLine

    def run(self, request: Request, recorder: Recorder) -> Report:
        """Do what is missing and return what was done; nothing on a dry run.

        Raises Conflict if the port is taken or consent is not given, SetupFailed or what a step raised if it can't be done.
        """
        wanted = self._wanted(request)
        facts = self._facts(wanted)
        plan = plan_setup(facts, wanted)
        if request.dry_run:
            return Report(tuple(Done(step) for step in plan), plan.notes, changed=False, http_port=wanted.http_port)
        timed = Timed(recorder)
        self._apply(plan, wanted, request, timed)
        if engine_unknown(facts):
            plan = plan_setup(self._facts(wanted), wanted)
            self._apply(plan, wanted, request, timed)
        if timed.done_steps:
            self._check(wanted)
        done = tuple(timed.done_steps)
        return Report(done, plan.notes, changed=bool(done), http_port=wanted.http_port)

    def _apply(self, plan: Plan, wanted: WantedServer, request: Request, recorder: Recorder) -> None:
        for drops in consents(plan):
            if not request.consent(drops):
                raise Conflict(drops, hint="deployhost setup --local --yes")
        apply(plan, SetupActor(wanted=wanted, docker=self.docker, services=self.services, log=self.log).acts, recorder)

    def _check(self, wanted: WantedServer) -> None:
        """Raise SetupFailed if, now that all is done, something is still to be done."""
        left = plan_setup(self._facts(wanted), wanted)
        if left:
            raise SetupFailed(
                "setup finished, but something is still not as it should be",
                hint="deployhost setup --local --dry-run",
                details=tuple(f"{step.what}: {step.why}" for step in left),
            )

    def _facts(self, wanted: WantedServer) -> ServerFacts:
        return read_facts(wanted, self.docker, self.services, INSTALLED)

    def _wanted(self, request: Request) -> WantedServer:
        port = request.http_port or server_config.load(self.paths.server_yml).http_port
        program = str(daemon_program(INSTALLED, Path(sys.prefix)))
        by_systemd = self.services.manager == "systemd"
        run = f"{interpreter()} -I -m"
        return WantedServer(
            paths=self.paths,
            http_port=port,
            version=deployhost.__version__,
            prefix=sys.prefix,
            daemon_definition=unit(DAEMON, EXEC=program, PATH=PATH) if by_systemd else supervised_definition([program]),
            engine_definition=supervised_definition(
                ["/usr/sbin/dockerd"], ENGINE_PIDFILE, binds=self.paths.storage_root, rules=self.paths.early_rules
            ),
            storage_definition=unit(
                STORAGE,
                BIND=f"{run} {bind_mount.__name__}",
                STORAGE=str(self.paths.storage_root),
                LOAD=f"{run} {early_rules.__name__}",
                RULES=str(self.paths.early_rules),
            )
            if by_systemd
            else "",
            completions=dict(self._completions()),
            proxy_image=request.proxy_image,
            kamal=kamal_wanted(self.paths, self.services, asked=request.kamal, ssh_port=request.ssh_port),
        )

    def _completions(self) -> Iterator[tuple[Path, str]]:
        """Yield each shell's completion file and its text, which the program itself prints; none where it can't be asked."""
        program = Path(sys.prefix) / "bin/deployhost"
        for shell, path in completion_files(self.paths).items():
            try:
                yield path, process.run([str(program), "completion", shell], timeout=20).stdout
            except (CommandFailed, CommandMissing, CommandTimedOut) as error:
                self.log(f"no completion for {shell}: {error}")
