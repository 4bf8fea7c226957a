"""The plan for the tunnel as a table: a cloudflared that is there is used, and what is somebody else's stays."""

import base64
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost import templates
from deployhost.edge.account import RunningTunnel
from deployhost.errors import SetupFailed
from deployhost.paths import Paths
from deployhost.server import steps, steps_tunnel
from deployhost.server.facts_tunnel import (
    KEY_FINGERPRINT,
    USERS,
    TunnelFacts,
    TunnelSetupFiles,
    WantedTunnel,
)
from deployhost.server.plan_tunnel import plan_tunnel
from deployhost.steps import Step

FILES = TunnelSetupFiles(Paths(Path("/"))).texts("the key\n")
RUNNING = RunningTunnel(program=("cloudflared",), secret="digest", file="1:2:3", port=20246)
WANTED = WantedTunnel(files=FILES, definition="the service", running=replace(RUNNING, port=0))
FRESH = TunnelFacts(distribution="debian", distribution_name="Debian 13")
DONE = replace(
    FRESH,
    packages=frozenset({"cloudflared", "ca-certificates"}),
    version=(2026, 8, 2),
    ours=True,
    files=FILES,
    users=frozenset(USERS),
    definition="the service",
    enabled=True,
    active=True,
    running=RUNNING,
    connected=True,
)
SERVICE = ["DefineService", "StartTunnel"]
INSTALL = ["WriteAptSource", "InstallCloudflared"]


def words(facts: TunnelFacts, wanted: WantedTunnel = WANTED) -> list[str]:
    return [step.word for step in plan_tunnel(facts, wanted)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (DONE, []),
        (FRESH, [*INSTALL, "CreateUsers", *SERVICE]),
        (replace(FRESH, listed=True), ["InstallCloudflared", "CreateUsers", *SERVICE]),
        (replace(FRESH, version=(2025, 4, 0)), ["CreateUsers", *SERVICE]),
        (replace(DONE, ours=False, files={}), []),
        (replace(DONE, version=(2024, 1, 1)), ["InstallCloudflared"]),
        (replace(DONE, version=()), ["InstallCloudflared"]),
        (replace(DONE, files=dict(list(FILES.items())[:1])), ["WriteAptSource"]),
        (replace(DONE, install_interrupted=True), ["InstallCloudflared"]),
        (replace(DONE, users=frozenset(USERS[:1])), ["CreateUsers"]),
        (replace(DONE, active=False), ["StartTunnel"]),
        (replace(DONE, enabled=False), ["StartTunnel"]),
        (replace(DONE, connected=False), []),
        (replace(DONE, running=None), ["RestartTunnel"]),
        (replace(DONE, running=replace(RUNNING, secret="before")), ["RestartTunnel"]),
        (replace(DONE, running=replace(RUNNING, file="")), ["RestartTunnel"]),
        (replace(DONE, running=replace(RUNNING, program=())), ["RestartTunnel"]),
        (replace(DONE, running=replace(RUNNING, port=20250)), []),
        (replace(DONE, definition="before"), ["DefineService"]),
        (replace(DONE, definition=None, active=False), SERVICE),
    ],
)
def test_what_is_missing(facts: TunnelFacts, expected: list[str]) -> None:
    assert words(facts) == expected


def carried_out(facts: TunnelFacts, step: Step) -> TunnelFacts:
    """Return the facts once a step was carried out."""
    started = {"enabled": True, "active": True, "running": RUNNING, "connected": True}
    changes: dict[type[Step], dict[str, object]] = {
        steps_tunnel.WriteAptSource: {"files": FILES},
        steps_tunnel.InstallCloudflared: {
            "version": max(facts.version, (2026, 8, 2)),
            "ours": True,
            "packages": facts.packages | {"cloudflared", "ca-certificates"},
            "install_interrupted": False,
        },
        steps_tunnel.CreateUsers: {"users": frozenset(USERS)},
        steps.DefineService: {"definition": WANTED.definition},
        steps_tunnel.StartTunnel: started,
        steps_tunnel.RestartTunnel: started,
    }
    return replace(facts, **changes[type(step)])  # type: ignore[arg-type]


@given(
    st.builds(
        TunnelFacts,
        distribution=st.just("debian"),
        packages=st.sampled_from([frozenset(), frozenset({"cloudflared"}), DONE.packages]),
        install_interrupted=st.booleans(),
        version=st.sampled_from([(), (2024, 1, 1), (2025, 4, 0), (2026, 8, 2)]),
        ours=st.just(True),
        listed=st.booleans(),
        files=st.sampled_from([{}, FILES, dict(list(FILES.items())[:1])]),
        users=st.sampled_from([frozenset(), frozenset(USERS)]),
        definition=st.sampled_from([None, "before", WANTED.definition]),
        enabled=st.booleans(),
        active=st.booleans(),
        running=st.sampled_from([None, RUNNING, replace(RUNNING, secret="before")]),
        connected=st.booleans(),
    ),
    st.integers(0, 6),
)
def test_killed_after_any_step_the_next_run_finishes(facts: TunnelFacts, done: int) -> None:
    for step in plan_tunnel(facts, WANTED).steps[:done]:
        facts = carried_out(facts, step)
    for step in plan_tunnel(facts, WANTED):
        facts = carried_out(facts, step)
    assert words(facts) == []


def test_only_what_is_missing_is_installed() -> None:
    install = next(one for one in plan_tunnel(FRESH, WANTED) if isinstance(one, steps_tunnel.InstallCloudflared))
    assert install.packages == ("ca-certificates", "cloudflared")
    again = next(iter(plan_tunnel(replace(DONE, install_interrupted=True, ours=False), WANTED)))
    assert isinstance(again, steps_tunnel.InstallCloudflared)
    assert again.packages == ()


def test_somebody_elses_old_one_is_not_touched() -> None:
    with pytest.raises(SetupFailed, match=r"cloudflared 2024\.12\.2 is installed.*2025\.4\.0 or later") as told:
        plan_tunnel(replace(DONE, version=(2024, 12, 2), ours=False), WANTED)
    assert told.value.hint == "apt-get update && apt-get install cloudflared"


def test_a_distribution_without_packages() -> None:
    other = replace(FRESH, distribution="arch", distribution_name="Arch Linux")
    with pytest.raises(SetupFailed, match="Arch Linux is neither Debian nor Ubuntu"):
        plan_tunnel(other, WANTED)
    assert words(replace(other, version=(2026, 1, 0))) == ["CreateUsers", *SERVICE]


def test_notes() -> None:
    assert plan_tunnel(DONE, WANTED).notes == ()
    assert plan_tunnel(replace(DONE, ours=False), WANTED).notes == ("the existing cloudflared 2026.8.2 is used",)
    assert "not connected" in plan_tunnel(replace(DONE, connected=False), WANTED).notes[0]


def test_the_key_is_cloudflares() -> None:
    """A key's fingerprint is the SHA-1 of its first packet (RFC 4880, section 12.2)."""
    text = templates.read_template("keys/cloudflare.asc")
    body = text.partition("\n\n")[2].partition("\n=")[0]
    data = base64.b64decode(body)
    assert data[0] == 0x99, "a public key, with two bytes of length"
    packet = data[: 3 + int.from_bytes(data[1:3], "big")]
    assert hashlib.sha1(packet).hexdigest().upper() == KEY_FINGERPRINT
    assert b"CloudFlare Software Packaging 2025 <help@cloudflare.com>" in data


def test_the_files_of_apt() -> None:
    places = TunnelSetupFiles(Paths(Path("/")))
    source = places.texts("k")[places.source]
    key = "/etc/apt/keyrings/deployhost-cloudflare.asc"
    assert source.endswith(f"deb [signed-by={key}] https://pkg.cloudflare.com/cloudflared any main\n")
    assert str(places.token) == "/etc/deployhost/connections/tunnel-token"
