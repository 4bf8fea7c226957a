"""Set-up's plan as a table: facts in, steps out; and carrying out each step's effect leaves nothing to do."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import Conflict, SetupFailed
from deployhost.kamal import contract
from deployhost.paths import Paths
from deployhost.server import steps
from deployhost.server.facts import (
    STORAGE,
    DaemonFacts,
    EngineFacts,
    PortHolder,
    ProxyFacts,
    ServerFacts,
    StorageFacts,
    WantedServer,
    apps_config,
)
from deployhost.server.plan import consents, engine_unknown, plan_setup
from deployhost.server.plan_proxy import usable_image
from deployhost.steps import Step

PATHS = Paths(Path("/"))
PREFIX = "/opt/deployhost/venv-new"
BASH = Path("/usr/local/share/bash-completion/completions/deployhost")
IMAGE = "sha256:proxy"
WANTED = WantedServer(
    paths=PATHS,
    http_port=80,
    version="1.0",
    prefix=PREFIX,
    daemon_definition="the daemon",
    engine_definition="the engine",
    storage_definition="the mount",
    completions={BASH: "complete"},
)
PROXY = ProxyFacts(
    image=contract.PROXY_IMAGE,
    running=True,
    titled=True,
    bindings=((80, "127.0.0.1", 80),),
    mounts=(
        (contract.PROXY_CONFIG_VOLUME, contract.PROXY_CONFIG_PATH),
        (str(apps_config(PATHS)), contract.PROXY_APPS_CONFIG_PATH),
    ),
    networks=(contract.NETWORK,),
    restart="unless-stopped",
    log_max_size="10m",
    mac=contract.PROXY_MAC,
)
DEBIAN = ServerFacts(distribution="debian", distribution_name="Debian GNU/Linux 12 (bookworm)", git=True)
FRESH_SYSTEMD = replace(DEBIAN, systemd=True)
DONE = ServerFacts(
    distribution="debian",
    distribution_name="Debian GNU/Linux 12 (bookworm)",
    systemd=True,
    git=True,
    engine=EngineFacts(
        installed=True, answers=True, version="20.10", manager="systemd", enabled=True, builder="/usr/bin/docker"
    ),
    directories=WANTED.directories,
    network=True,
    proxy_image=IMAGE,
    proxy=PROXY,
    proxy_binary=IMAGE,
    daemon=DaemonFacts(definition="the daemon", enabled=True, active=True, version="1.0", prefix=PREFIX),
    completions=WANTED.completions,
    storage=StorageFacts(bound=True, definition="the mount", enabled=True),
)
DONE_SUPERVISED = replace(
    DONE, systemd=False, engine=replace(DONE.engine, manager="supervisor", definition="the engine")
)
DOCKER_CE = replace(FRESH_SYSTEMD, engine=replace(DONE.engine, version="28.2"), packages=frozenset({"docker-ce"}))
BY_HAND = replace(DONE_SUPERVISED, engine=replace(DONE.engine, manager="other", enabled=False, definition=None))
REBOOTED = replace(DONE_SUPERVISED, engine=EngineFacts(installed=True, builder="docker", definition="the engine"))

FILES = ["MakeDirectories"]
PROXY_STEPS = ["ObtainProxyImage", "ExtractProxyBinary", "CreateProxy"]
MOUNT = ["BindStorage", "DefineService", "StartService"]
REST = [*FILES, "CreateNetwork", *MOUNT, *PROXY_STEPS, "DefineService", "StartService", "WriteCompletions"]
REST_SUPERVISED = [*FILES, "CreateNetwork", "BindStorage", *REST[REST.index(PROXY_STEPS[0]) :]]
ENGINE = ["WriteEngineSettings", "InstallPackages"]


def names(facts: ServerFacts, wanted: WantedServer = WANTED) -> list[str]:
    return [step.word for step in plan_setup(facts, wanted)]


def daemon(facts: ServerFacts, **changed: object) -> ServerFacts:
    return replace(facts, daemon=replace(facts.daemon, **changed))  # type: ignore[arg-type]


def proxy(facts: ServerFacts, **changed: object) -> ServerFacts:
    return replace(facts, proxy=replace(PROXY, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(FRESH_SYSTEMD, [*ENGINE, "StartService", "EnsureBuilder", *REST], id="fresh, systemd"),
        pytest.param(DEBIAN, [*ENGINE, "DefineService", "StartService", "EnsureBuilder", *REST_SUPERVISED], id="fresh, no systemd"),
        pytest.param(replace(FRESH_SYSTEMD, daemon_json=True), [*ENGINE[1:], "StartService", "EnsureBuilder", *REST], id="settings kept"),
        pytest.param(DOCKER_CE, REST, id="docker-ce is kept"),
        pytest.param(BY_HAND, [], id="an engine started by hand is kept"),
        pytest.param(DONE, [], id="done, systemd"),
        pytest.param(DONE_SUPERVISED, [], id="done, supervised"),
        pytest.param(replace(DONE, git=False), ["InstallPackages"], id="git is missing"),
        pytest.param(replace(DONE, install_interrupted=True), ["InstallPackages"], id="apt was interrupted"),
        pytest.param(replace(DONE, engine=replace(DONE.engine, builder="")), ["EnsureBuilder"], id="no builder"),
        pytest.param(replace(DONE, engine=replace(DONE.engine, enabled=False)), ["StartService"], id="not at boot"),
        pytest.param(replace(DONE, network=False), ["CreateNetwork"], id="no network"),
        pytest.param(replace(DONE, http_port=8080), ["SetHttpPort"], id="another port in server.yml"),
        pytest.param(proxy(DONE, running=False), ["StartProxy"], id="proxy stopped"),
        pytest.param(proxy(DONE, bindings=((80, "127.0.0.1", 8080),)), ["CreateProxy"], id="proxy on another port"),
        pytest.param(proxy(DONE, restart="no"), ["CreateProxy"], id="proxy not at boot"),
        pytest.param(proxy(DONE, titled=False), ["CreateProxy"], id="proxy without its label"),
        pytest.param(proxy(DONE, mounts=()), ["CreateProxy"], id="proxy without its state"),
        pytest.param(proxy(DONE, networks=("bridge",)), ["CreateProxy"], id="proxy on another network"),
        pytest.param(proxy(DONE, log_max_size=""), ["CreateProxy"], id="proxy with an endless log"),
        pytest.param(proxy(DONE, image="basecamp/kamal-proxy:v0.9.1"), ["CreateProxy"], id="an older proxy"),
        pytest.param(proxy(DONE, image="basecamp/kamal-proxy:v0.10.0"), [], id="a later proxy is kept"),
        pytest.param(replace(DONE, proxy_binary="sha256:old"), ["ExtractProxyBinary"], id="program of another image"),
        pytest.param(daemon(DONE, active=False, version=""), ["StartService"], id="daemon down"),
        pytest.param(daemon(DONE, version="0.9"), ["RestartService"], id="an older daemon runs"),
        pytest.param(daemon(DONE, version=""), ["RestartService"], id="daemon does not answer"),
        pytest.param(daemon(DONE, prefix="/opt/deployhost/venv-old"), ["RestartService"], id="of another installation"),
        pytest.param(daemon(DONE, definition="old"), ["DefineService", "RestartService"], id="another definition"),
        pytest.param(daemon(DONE_SUPERVISED, enabled=False), ["StartService"], id="supervisor dead"),
        pytest.param(replace(DONE, completions={}), ["WriteCompletions"], id="no completions"),
        pytest.param(replace(DONE, old_installs=(Path("/x"),)), ["RemoveOldInstalls"], id="old installations"),
        pytest.param(replace(DONE, stopped_apps=("a",)), ["StartContainers"], id="apps that uninstalling stopped"),
        pytest.param(replace(DONE, directories={**WANTED.directories, PATHS.secrets: 0o755}), FILES, id="open secrets"),
        pytest.param(replace(DONE, directories={**WANTED.directories, PATHS.state: 0o755, PATHS.storage_root: 0o755}), FILES, id="open storage"),
        pytest.param(replace(DONE, storage=replace(DONE.storage, bound=False)), ["BindStorage"], id="storage with setuid"),
        pytest.param(replace(DONE, storage=StorageFacts()), MOUNT, id="before storage was bound"),
        pytest.param(replace(DONE_SUPERVISED, storage=StorageFacts(bound=True)), [], id="the supervisor binds the storage"),
        pytest.param(REBOOTED, ["StartService"], id="after a reboot without systemd"),
    ],
)  # fmt: skip
def test_the_steps_for(facts: ServerFacts, expected: list[str]) -> None:
    assert names(facts) == expected


def test_a_fresh_debian_gets_only_what_is_missing() -> None:
    facts = replace(FRESH_SYSTEMD, git=False, packages=frozenset({"iptables"}), apparmor_parser_missing=True)
    (step,) = [step for step in plan_setup(facts, WANTED) if isinstance(step, steps.InstallPackages)]
    assert step.packages == ("docker.io", "ca-certificates", "apparmor", "git")


def test_the_engines_settings_are_written_before_it_is_installed() -> None:
    assert names(FRESH_SYSTEMD)[:2] == ["WriteEngineSettings", "InstallPackages"]


@pytest.mark.parametrize(
    ("holder", "port", "said", "hint"),
    [
        (PortHolder(812, "nginx"), 80, "nginx (process 812)", "--http-port 8080"),
        (PortHolder(container="web"), 8080, "the container web", "--http-port 8081"),
        (PortHolder(), 80, "another process", "--http-port 8080"),
    ],
)
def test_a_taken_port_names_who_holds_it(holder: PortHolder, port: int, said: str, hint: str) -> None:
    with pytest.raises(Conflict, match="taken by") as caught:
        plan_setup(replace(FRESH_SYSTEMD, port_holder=holder), replace(WANTED, http_port=port))
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_the_port_may_be_held_by_our_own_proxy() -> None:
    assert names(replace(DONE, port_holder=PortHolder(container="kamal-proxy"))) == []


def test_another_distribution_needs_docker_first() -> None:
    fedora = replace(DEBIAN, distribution="fedora", distribution_name="Fedora Linux 41")
    with pytest.raises(SetupFailed, match="Fedora Linux 41"):
        plan_setup(fedora, WANTED)
    assert "InstallPackages" not in names(replace(DOCKER_CE, distribution="fedora"))


def test_a_public_proxy_is_replaced_only_with_consent() -> None:
    facts = proxy(DONE, bindings=((80, "", 80), (443, "", 443)))
    (said,) = consents(plan_setup(facts, WANTED))
    assert "every address:443" in said
    assert consents(plan_setup(proxy(DONE, bindings=((80, "127.0.0.1", 81),)), WANTED)) == ()


def test_every_step_says_why() -> None:
    for facts in (DEBIAN, FRESH_SYSTEMD, proxy(DONE, running=False), daemon(DONE, version="0.9")):
        assert all(step.what and step.why for step in plan_setup(facts, WANTED))


@pytest.mark.parametrize(
    ("reference", "usable"),
    [
        ("basecamp/kamal-proxy:v0.9.2", True),
        ("basecamp/kamal-proxy:v1.0.0", True),
        ("basecamp/kamal-proxy:v0.9.10", True),
        ("basecamp/kamal-proxy:v0.8.7", False),
        ("basecamp/kamal-proxy:latest", False),
        ("basecamp/kamal-proxy:v0.9.2-custom", False),
        ("somebody/kamal-proxy:v0.9.2", False),
        ("sha256:123", False),
    ],
)
def test_images_that_kamal_takes(reference: str, usable: bool) -> None:
    assert usable_image(reference) is usable


optional_proxy = st.one_of(
    st.none(),
    st.builds(
        replace,
        st.just(PROXY),
        running=st.booleans(),
        titled=st.booleans(),
        bindings=st.sampled_from([((80, "127.0.0.1", 80),), ((80, "", 80), (443, "", 443)), ()]),
        restart=st.sampled_from(["no", "unless-stopped"]),
        image=st.sampled_from([contract.PROXY_IMAGE, "basecamp/kamal-proxy:latest", "basecamp/kamal-proxy:v0.9.9"]),
    ),
)
any_engine = st.builds(
    EngineFacts,
    installed=st.booleans(),
    answers=st.booleans(),
    manager=st.sampled_from(["", "other"]),
    enabled=st.booleans(),
    definition=st.sampled_from([None, "the engine", "old"]),
    builder=st.sampled_from(["", "/usr/bin/docker"]),
)
any_daemon = st.builds(
    DaemonFacts,
    definition=st.sampled_from([None, "the daemon", "old"]),
    enabled=st.booleans(),
    active=st.booleans(),
    version=st.sampled_from(["", "0.9", "1.0"]),
    prefix=st.sampled_from(["", PREFIX]),
)
any_facts = st.builds(
    ServerFacts,
    distribution=st.just("debian"),
    systemd=st.booleans(),
    git=st.booleans(),
    install_interrupted=st.booleans(),
    apparmor_parser_missing=st.booleans(),
    daemon_json=st.booleans(),
    engine=any_engine,
    directories=st.sampled_from([{}, WANTED.directories]),
    http_port=st.sampled_from([80, 8080]),
    network=st.booleans(),
    proxy_image=st.sampled_from(["", IMAGE]),
    proxy=optional_proxy,
    proxy_binary=st.sampled_from(["", IMAGE, "sha256:old"]),
    daemon=any_daemon,
    completions=st.sampled_from([{}, WANTED.completions]),
    old_installs=st.sampled_from([(), (Path("/opt/deployhost/venv-old"),)]),
    stopped_apps=st.sampled_from([(), ("blog-web-1",)]),
)


@given(any_facts)
def test_carrying_out_the_plan_leaves_nothing_to_do(facts: ServerFacts) -> None:
    after = facts
    for _round in range(2 if engine_unknown(facts) else 1):
        for step in plan_setup(after, WANTED):
            after = effect(step, after)
    assert names(after) == []


def test_an_engine_that_does_not_run_is_started_before_anything_else_is_judged() -> None:
    stopped = replace(DONE, engine=replace(DONE.engine, answers=False), network=False, proxy=None, proxy_image="")
    assert names(stopped) == ["StartService"]
    found = replace(DONE, on_the_host=(("shop", "host:5432"),))
    assert "add host:5432 to its may_reach" in " ".join(plan_setup(found, WANTED).notes)
    assert "once the Docker engine runs" in " ".join(plan_setup(stopped, WANTED).notes)


def effect(step: Step, facts: ServerFacts) -> ServerFacts:
    """Given a step and facts, return the facts once the step has done what it says."""
    match step:
        case steps.WriteEngineSettings():
            return replace(facts, daemon_json=True)
        case steps.InstallPackages():
            engine = replace(facts.engine, installed=facts.engine.installed or step.engine)
            return replace(facts, git=True, install_interrupted=False, engine=engine, apparmor_parser_missing=False)
        case steps.DefineService() | steps.StartService() | steps.RestartService():
            return service_effect(step, facts)
        case steps.EnsureBuilder():
            return replace(facts, engine=replace(facts.engine, builder="/usr/bin/docker"))
        case steps.MakeDirectories():
            made: Mapping[Path, int] = {**facts.directories, **step.directories}
            return replace(facts, directories=made)
        case steps.BindStorage():
            return replace(facts, storage=replace(facts.storage, bound=True))
        case steps.SetHttpPort():
            return replace(facts, http_port=step.port)
        case steps.CreateNetwork():
            return replace(facts, network=True)
        case steps.ObtainProxyImage():
            return replace(facts, proxy_image=IMAGE)
        case steps.CreateProxy() | steps.StartProxyContainer() | steps.ExtractProxyBinary():
            return proxy_effect(step, facts)
        case steps.WriteCompletions():
            return replace(facts, completions={**facts.completions, **step.files})
        case steps.RemoveOldInstalls():
            return replace(facts, old_installs=())
        case steps.StartContainers():
            return replace(facts, stopped_apps=())
    raise AssertionError(f"no effect is known for {step}")


def service_effect(step: Step, facts: ServerFacts) -> ServerFacts:
    assert isinstance(step, steps.DefineService | steps.StartService | steps.RestartService)
    if step.name == STORAGE:
        storage = facts.storage
        if isinstance(step, steps.DefineService):
            return replace(facts, storage=replace(storage, definition=step.text))
        return replace(facts, storage=replace(storage, enabled=True))
    of_engine = step.name != "deployhostd"
    if isinstance(step, steps.DefineService):
        if of_engine:
            return replace(facts, engine=replace(facts.engine, definition=step.text))
        return replace(facts, daemon=replace(facts.daemon, definition=step.text))
    if of_engine:
        manager = "systemd" if facts.systemd else "supervisor"
        engine = replace(facts.engine, answers=True, enabled=True)
        return replace(facts, engine=replace(engine, manager=manager))  # type: ignore[arg-type]
    started = isinstance(step, steps.RestartService) or not facts.daemon.active
    if started:
        return replace(facts, daemon=replace(facts.daemon, enabled=True, active=True, version="1.0", prefix=PREFIX))
    return replace(facts, daemon=replace(facts.daemon, enabled=True))


def proxy_effect(step: Step, facts: ServerFacts) -> ServerFacts:
    if isinstance(step, steps.ExtractProxyBinary):
        return replace(facts, proxy_binary=facts.proxy_image)
    if isinstance(step, steps.CreateProxy):
        return replace(facts, proxy=PROXY)
    assert facts.proxy is not None
    return replace(facts, proxy=replace(facts.proxy, running=True))


def test_nothing_of_ours_is_a_local_accounts() -> None:
    private = (PATHS.secrets, PATHS.repos, PATHS.builds, PATHS.deploy_logs, PATHS.storage_root, PATHS.services)
    assert {path: WANTED.directories[path] for path in private} == dict.fromkeys(private, 0o700)
    assert WANTED.directories[PATHS.state] == 0o711
