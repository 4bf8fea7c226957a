"""Which steps lead from what the server is to what it shall be. Pure."""

from collections.abc import Iterator

from deployhost.errors import Conflict, SetupFailed
from deployhost.kamal import contract
from deployhost.server import steps
from deployhost.server.facts import DAEMON, STORAGE, ServerFacts, WantedServer, daemon_json
from deployhost.server.plan_kamal import plan_kamal
from deployhost.server.plan_proxy import plan_proxy
from deployhost.steps import Plan, Step

SUPPORTED = ("debian", "ubuntu")
ENGINE_PACKAGES = ("docker.io", "iptables", "ca-certificates")
ENGINE_OPTIONAL = ("docker-cli", "docker-buildx")  # of their own on newer releases, part of docker.io on older ones
ENGINE_SETTINGS = '{\n  "live-restore": true\n}\n'


def plan_setup(facts: ServerFacts, wanted: WantedServer) -> Plan:
    """Return the steps from what the server is to what it shall be, and notes on what is kept.

    Where an engine is installed but does not run, these are only the steps that start it: read the facts again then.
    Raises Conflict if the port is somebody else's, SetupFailed if it needs packages of a distribution that we do not know.
    """
    _check_port(facts, wanted)
    engine = (*_packages(facts, wanted), *_engine(facts, wanted))
    if engine_unknown(facts):
        note = "containers can be checked only once the Docker engine runs; more steps may follow"
        return Plan(engine, (*_notes(facts), note))
    rest = (_files, _storage, plan_proxy, _daemon, _leftovers, plan_kamal)
    return Plan((*engine, *(step for part in rest for step in part(facts, wanted))), tuple(_notes(facts)))


def engine_unknown(facts: ServerFacts) -> bool:
    """Return whether there is an engine whose containers, images and networks can't be seen now, because it does not run."""
    return facts.engine.installed and not facts.engine.answers


def engine_service(facts: ServerFacts) -> str:
    """Return the name of the Docker engine's service: the distribution's unit, or ours where there is no systemd."""
    return "docker" if facts.systemd else "dockerd"


def consents(plan: Plan) -> tuple[str, ...]:
    """Return what a plan would take away from whoever relies on it now: a person should say yes to each."""
    return tuple(step.drops for step in plan if isinstance(step, steps.CreateProxy) and step.drops)


def _check_port(facts: ServerFacts, wanted: WantedServer) -> None:
    holder = facts.port_holder
    if holder is not None and holder.container != contract.PROXY_CONTAINER:
        other = 8080 if wanted.http_port != 8080 else 8081
        raise Conflict(
            f"port {wanted.http_port} is taken by {holder}", hint=f"deployhost setup --local --http-port {other}"
        )


def _packages(facts: ServerFacts, wanted: WantedServer) -> Iterator[Step]:
    engine = not facts.engine.installed and not facts.engine.answers
    needed: list[str] = list(ENGINE_PACKAGES) if engine else []
    if engine and facts.apparmor_parser_missing:
        needed.append("apparmor")  # the kernel enforces it, and Docker starts no container without its parser
    if not facts.git:
        needed += ["git", "ca-certificates"]
    needed = [name for name in dict.fromkeys(needed) if name not in facts.packages]
    if not needed and not facts.install_interrupted:
        return
    if facts.distribution not in SUPPORTED:
        raise SetupFailed(
            f"{facts.distribution_name} is neither Debian nor Ubuntu: install {' and '.join(needed)} yourself, then run setup again",
            hint="deployhost setup --local",
        )
    if engine and not facts.daemon_json:
        yield steps.WriteEngineSettings(
            what=f"write {daemon_json(wanted.paths)}",
            why="live-restore keeps apps running while the Docker engine restarts or is upgraded",
            path=daemon_json(wanted.paths),
            text=ENGINE_SETTINGS,
        )
    why = "apps run in its containers" if engine else "apps are pushed with git"
    yield steps.InstallPackages(
        what=f"install {'the Docker engine' if engine else 'packages'} ({', '.join(needed) or 'the rest of an interrupted installation'})",
        why=why if needed else "an earlier installation was interrupted",
        packages=tuple(needed),
        optional=ENGINE_OPTIONAL if engine else (),
        engine=engine,
    )


def _engine(facts: ServerFacts, wanted: WantedServer) -> Iterator[Step]:
    engine, name = facts.engine, engine_service(facts)
    ours = not facts.systemd and (engine.definition is not None or not engine.answers)
    if ours and engine.definition != wanted.engine_definition:
        yield steps.DefineService(
            what="supervise the Docker engine",
            why="nothing else on this machine keeps services running",
            name=name,
            text=wanted.engine_definition,
        )
    kept = engine.manager == ("systemd" if facts.systemd else "supervisor")
    nobody_restarts_it = (ours and not (kept and engine.enabled)) or (facts.systemd and kept and not engine.enabled)
    if not engine.answers or nobody_restarts_it:
        yield steps.StartService(
            what="start the Docker engine", why="it is not running, or does not start at boot", name=name
        )
    if not engine.builder:
        yield steps.EnsureBuilder(what="provide a docker command that can build", why="apps are built with BuildKit")


def _files(facts: ServerFacts, wanted: WantedServer) -> Iterator[Step]:
    missing = {path: mode for path, mode in wanted.directories.items() if facts.directories.get(path) != mode}
    if missing:
        shown = ", ".join(str(path) for path in missing) if len(missing) < 4 else f"{len(missing)} of them"
        yield steps.MakeDirectories(
            what=f"make directories ({shown})",
            why="they hold settings, secrets, repositories and data",
            directories=missing,
        )
    if facts.http_port != wanted.http_port:
        yield steps.SetHttpPort(
            what=f"record port {wanted.http_port} in {wanted.paths.server_yml}",
            why="kamal-proxy listens on it",
            port=wanted.http_port,
        )
    if not facts.network:
        yield steps.CreateNetwork(
            what=f"create the network {contract.NETWORK}", why="it connects apps and kamal-proxy", name=contract.NETWORK
        )


def _storage(facts: ServerFacts, wanted: WantedServer) -> Iterator[Step]:
    storage, why = facts.storage, "a setuid program that an app leaves there would run as root for a local account"
    if not storage.bound:
        yield steps.BindStorage(what=f"mount {wanted.paths.storage_root} nosuid,nodev", why=why)
    if not facts.systemd:
        return  # the supervisor does it
    if storage.definition != wanted.storage_definition:
        yield steps.DefineService(
            what=f"define the service {STORAGE}",
            why="at boot the storage is mounted so before the Docker engine starts",
            name=STORAGE,
            text=wanted.storage_definition,
        )
    if not storage.enabled:
        yield steps.StartService(what=f"enable {STORAGE}", why="it does not start at boot", name=STORAGE)


def _daemon(facts: ServerFacts, wanted: WantedServer) -> Iterator[Step]:
    daemon = facts.daemon
    if facts.stopped_apps:
        yield steps.StartContainers(
            what=f"start the apps' containers ({', '.join(facts.stopped_apps)})",
            why="the uninstall stopped them",
            names=facts.stopped_apps,
        )
    redefined = daemon.definition != wanted.daemon_definition
    if redefined:
        yield steps.DefineService(
            what=f"define the service {DAEMON}",
            why="it builds and deploys what is pushed",
            name=DAEMON,
            text=wanted.daemon_definition,
        )
    if not (daemon.active and daemon.enabled):
        yield steps.StartService(
            what=f"start {DAEMON}", why="it is not running, or does not start at boot", name=DAEMON
        )
    if not daemon.active:
        return
    if not daemon.version:
        why = "it does not answer"
    elif daemon.version != wanted.version:
        why = f"version {daemon.version} is still running; apps keep serving during the restart"
    elif daemon.prefix != wanted.prefix:
        why = "another installation of it is still running; apps keep serving during the restart"
    elif redefined:
        why = "its definition changed; apps keep serving during the restart"
    else:
        return
    yield steps.RestartService(what=f"restart {DAEMON}", why=why, name=DAEMON)


def _leftovers(facts: ServerFacts, wanted: WantedServer) -> Iterator[Step]:
    files = {path: text for path, text in wanted.completions.items() if facts.completions.get(path) != text}
    if files:
        yield steps.WriteCompletions(
            what=f"write shell completions ({len(files)})", why="Tab completes commands and apps", files=files
        )
    if facts.old_installs:
        yield steps.RemoveOldInstalls(
            what="remove earlier versions of deployhost",
            why="nothing uses them any more",
            directories=facts.old_installs,
        )


def _notes(facts: ServerFacts) -> Iterator[str]:
    engine = facts.engine
    if engine.answers:
        yield f"the existing Docker engine {engine.version} is kept"
    for app, to in facts.on_the_host:
        yield (
            f"{app} is connected to this server itself, which apps can't reach from now on unless apps.yml says so: "
            f"add {to} to its may_reach, as in `may_reach: [{to}]`"
        )
    if engine.answers and not facts.systemd and engine.manager == "other":
        yield "the Docker engine was started by hand: nothing restarts it if it stops"
