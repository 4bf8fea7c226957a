"""What the code takes for granted of Docker: one suite for the fake (tests/unit/system) and the real engine (tests/contract).

The subject's image prints three lines, holds /etc/motd and runs until it is stopped. It has two more commands: one that ends
at once with exit code 3, and one that ends with 0.
"""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from deployhost.errors import Conflict, DockerRefused, DockerUnavailable, NotFound
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, ContainerSpec

LABEL = "deployhost-contract"
LINES = ("one", "two", "three")
MOTD = b"welcome\n"
FAILS, SUCCEEDS = ("sh", "-c", "exit 3"), ("true",)
_NUMBERS = itertools.count(1)


class Subject(Protocol):
    """An engine under test, an image on it, and what a person does to it by hand. What is made through it goes after the test."""

    docker: Docker
    image: str

    def pause(self, container: str) -> None:
        """As `docker pause`."""

    def disconnect(self, container: str, network: str) -> None:
        """As `docker network disconnect`."""

    def keep_in_mind(self, *, container: str = "", image: str = "", network: str = "") -> None:
        """Take note of what is to be removed after the test."""


def name_of(what: str = "c") -> str:
    return f"xcontract-{what}-{time.monotonic_ns()}-{next(_NUMBERS)}"


def make(subject: Subject, **settings: Any) -> Container:
    settings = {"name": name_of(), "image": subject.image, "init": True, **settings}
    made = subject.docker.create(ContainerSpec(**{**settings, "labels": {LABEL: "yes", **settings.get("labels", {})}}))
    subject.keep_in_mind(container=made)
    return subject.docker.inspect(made)


def started(subject: Subject, **settings: Any) -> Container:
    made = make(subject, **settings)
    subject.docker.start(made.id)
    return subject.docker.inspect(made.id)


def network(subject: Subject) -> str:
    name = name_of("n")
    subject.docker.create_network(name)
    subject.keep_in_mind(network=name)
    return name


def tag(subject: Subject) -> str:
    """Return a further tag of the subject's image."""
    reference = f"{name_of('i')}:1"
    subject.docker.tag(subject.image, reference)
    subject.keep_in_mind(image=reference)
    return reference


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


class DockerContract:
    """The suite; whoever runs it gives a fixture `subject`."""

    # Containers: made, started, stopped, removed

    def test_created(self, subject: Subject) -> None:
        name = name_of()
        made = make(subject, name=name, labels={"role": "web"}, restart="unless-stopped")
        assert (made.name, made.image, made.status, made.running, made.pid) == (
            name,
            subject.image,
            "created",
            False,
            0,
        )
        assert (made.exit_code, made.restart_count, made.restart) == (0, 0, "unless-stopped")
        assert made.labels["role"] == "web"
        image = subject.docker.image(subject.image)
        assert image is not None
        assert made.image_id == image.id

    def test_created_with_all_that_was_asked_for(self, subject: Subject, tmp_path: Path) -> None:
        on = network(subject)
        made = make(
            subject,
            network=on,
            aliases=("shop",),
            env={"GREETING": "a=b"},
            command=("sh", "-c", "sleep 60"),
            binds=(f"{tmp_path}:/storage",),
            log_max_size="5m",
            memory=64 * 1024 * 1024,
            cpus=0.5,
            pids_limit=50,
            stop_timeout=7,
            cap_drop=("ALL",),
            cap_add=("CHOWN",),
            security_opt=("no-new-privileges",),
        )
        assert made.networks == (on,)
        assert "shop" in made.aliases[on]
        assert "GREETING=a=b" in made.env
        assert made.command == ("sh", "-c", "sleep 60")
        assert made.mounts == ((str(tmp_path), "/storage"),)
        assert (made.log_max_size, made.memory, made.cpus) == ("5m", 64 * 1024 * 1024, 0.5)
        assert (made.pids_limit, made.stop_timeout) == (50, 7)
        assert (made.cap_drop, made.cap_add, made.security_opt) == (("ALL",), ("CHOWN",), ("no-new-privileges",))

    def test_found_by_name_and_id_only(self, subject: Subject) -> None:
        made = make(subject)
        for known in (made.name, made.id, made.short_id):
            found = subject.docker.find(known)
            assert found is not None
            assert found.id == made.id
        assert subject.docker.find(made.name[:-1]) is None
        assert subject.docker.find("xcontract-none") is None

    def test_a_name_is_taken_once(self, subject: Subject) -> None:
        made = make(subject)
        with pytest.raises(Conflict, match="already in use"):
            make(subject, name=made.name)

    def test_an_image_that_is_not_there(self, subject: Subject) -> None:
        with pytest.raises(NotFound, match="No such image"):
            make(subject, image="xcontract-none:1")

    def test_started_and_stopped(self, subject: Subject) -> None:
        running = started(subject, network=network(subject))
        assert (running.status, running.running, running.exit_code) == ("running", True, 0)
        assert running.pid > 0
        assert all(running.ips.values())
        subject.docker.start(running.id)
        again = subject.docker.inspect(running.id)
        assert (again.pid, again.ips) == (running.pid, running.ips), "one that runs is left alone"
        subject.docker.stop(running.id, timeout=5)
        subject.docker.stop(running.id, timeout=5)
        ended = subject.docker.inspect(running.id)
        assert (ended.status, ended.running, ended.pid) == ("exited", False, 0)
        assert ended.networks == running.networks
        assert not any(ended.ips.values())
        subject.docker.start(running.name)
        assert subject.docker.inspect(running.id).running

    @pytest.mark.parametrize(("command", "code"), [(FAILS, 3), (SUCCEEDS, 0)])
    def test_ends_by_itself(self, subject: Subject, command: tuple[str, ...], code: int) -> None:
        made = started(subject, command=command)
        eventually(lambda: subject.docker.inspect(made.id).status == "exited")
        ended = subject.docker.inspect(made.id)
        assert (ended.exit_code, ended.pid, ended.oom_killed) == (code, 0, False)
        told = subject.docker.how_ended(made.id)
        assert (told.by_hand, told.exit_code, told.trouble, told.exit_codes) == (False, code, "", (code,))

    def test_stopped_by_hand(self, subject: Subject) -> None:
        made = started(subject)
        subject.docker.stop(made.id, timeout=5)
        assert subject.docker.how_ended(made.id).by_hand
        subject.docker.start(made.id)
        assert not subject.docker.how_ended(made.id).by_hand, "somebody started it again"

    def test_removed(self, subject: Subject) -> None:
        running = started(subject)
        with pytest.raises(Conflict, match="running container"):
            subject.docker.remove(running.id)
        subject.docker.remove(running.id, force=True)
        assert subject.docker.find(running.id) is None
        subject.docker.remove(running.id)
        made = make(subject)
        subject.docker.remove(made.name)
        assert subject.docker.find(made.id) is None

    def test_paused(self, subject: Subject) -> None:
        running = started(subject, labels={"contract": (mark := name_of())})
        subject.pause(running.id)
        paused = subject.docker.inspect(running.id)
        assert (paused.status, paused.running, paused.pid) == ("paused", False, running.pid)
        assert [one.status for one in subject.docker.listed({"contract": mark}, running_only=True)] == ["paused"]
        with pytest.raises(Conflict, match="paused"):
            subject.docker.start(running.id)
        with pytest.raises(Conflict, match="paused container"):
            subject.docker.remove(running.id)
        subject.docker.stop(running.id, timeout=5)
        assert subject.docker.inspect(running.id).status == "exited"

    def test_a_port_that_is_taken(self, subject: Subject) -> None:
        ports = {80: ("127.0.0.1", 38271)}
        first = started(subject, ports=ports)
        assert first.bindings == ((80, "127.0.0.1", 38271),)
        second = make(subject, ports=ports)
        with pytest.raises(DockerRefused, match="already allocated"):
            subject.docker.start(second.id)
        assert not subject.docker.inspect(second.id).running
        assert "already allocated" in subject.docker.how_ended(second.id).trouble
        subject.docker.stop(first.id, timeout=5)
        subject.docker.start(second.id)
        assert subject.docker.inspect(second.id).running

    def test_what_is_not_there(self, subject: Subject) -> None:
        docker, none = subject.docker, "xcontract-none"
        asked: list[Callable[[], object]] = [
            lambda: docker.inspect(none),
            lambda: docker.start(none),
            lambda: docker.stop(none),
            lambda: docker.rename(none, "xcontract-other"),
            lambda: docker.set_restart(none, "no"),
            lambda: docker.connect(none, "bridge"),
            lambda: docker.how_ended(none),
            lambda: list(docker.logs(none)),
            lambda: docker.read_file(none, "/etc/motd", limit=10),
            lambda: docker.put_archive(none, "/", b""),
            lambda: docker.tag("xcontract-none:1", "xcontract-none:2"),
        ]
        for ask in asked:
            with pytest.raises(NotFound):
                ask()
        docker.remove(none, force=True)
        docker.remove_image("xcontract-none:1")
        assert docker.image("xcontract-none:1") is None
        assert docker.network("xcontract-none") is None

    # Containers: listed, renamed, given other settings

    def test_listed_by_labels_newest_first(self, subject: Subject) -> None:
        mark = name_of()
        first = make(subject, labels={"contract": mark, "role": "web"})
        time.sleep(1.1 if first.created else 0)  # the engine orders by whole seconds
        second = started(subject, labels={"contract": mark, "role": "web"})
        make(subject, labels={"contract": mark, "role": "web2"})
        make(subject, labels={"contract": f"{mark}2", "role": "web"})
        labels = {"contract": mark, "role": "web"}
        assert [one.id for one in subject.docker.containers(labels)] == [second.id, first.id]
        assert [one.id for one in subject.docker.listed(labels)] == [second.id, first.id]
        assert [one.id for one in subject.docker.containers(labels, running_only=True)] == [second.id]
        (listed,) = subject.docker.listed(labels, running_only=True)
        assert (listed.name, listed.image_id, listed.status) == (second.name, second.image_id, "running")
        assert listed.labels == second.labels
        assert listed.ips == second.ips

    def test_renamed(self, subject: Subject) -> None:
        one, other, name = make(subject), make(subject), name_of()
        subject.docker.rename(one.name, name)
        assert subject.docker.inspect(one.id).name == name
        assert subject.docker.find(one.name) is None
        with pytest.raises(Conflict, match="already in use"):
            subject.docker.rename(one.id, other.name)
        assert subject.docker.inspect(one.id).name == name

    def test_another_restart_policy(self, subject: Subject) -> None:
        made = make(subject)
        for policy in ("unless-stopped", "no"):
            subject.docker.set_restart(made.id, policy)
            assert subject.docker.inspect(made.id).restart == policy

    # What is in them

    def test_logs(self, subject: Subject) -> None:
        made = started(subject)
        eventually(lambda: len(list(subject.docker.logs(made.id))) == len(LINES))
        assert [(one.stream, one.line, one.at) for one in subject.docker.logs(made.id)] == [
            ("stdout", line, "") for line in LINES
        ]
        assert [one.line for one in subject.docker.logs(made.id, tail=2)] == list(LINES[-2:])
        assert list(subject.docker.logs(made.id, tail=0)) == []
        timed = list(subject.docker.logs(made.id, timestamps=True))
        assert [one.line for one in timed] == list(LINES)
        assert all(one.at.endswith("Z") for one in timed)
        subject.docker.stop(made.id, timeout=5)
        assert [one.line for one in subject.docker.logs(made.id)] == list(LINES)

    def test_what_never_ran_wrote_nothing(self, subject: Subject) -> None:
        assert list(subject.docker.logs(make(subject).id)) == []

    def test_files(self, subject: Subject) -> None:
        made = make(subject)
        assert subject.docker.read_file(made.id, "/etc/motd", limit=100) == MOTD
        for path, limit in (("/etc/none", 100), ("/etc/motd", 3)):
            with pytest.raises(NotFound):
                subject.docker.read_file(made.id, path, limit=limit)

    # Images

    def test_tags(self, subject: Subject) -> None:
        reference = tag(subject)
        image = subject.docker.image(reference)
        assert image is not None
        assert {reference, subject.image} <= set(image.tags)
        assert subject.docker.image(image.id) == image
        assert image in subject.docker.images(f"{LABEL}=image")
        assert subject.docker.images(f"{LABEL}=other") == []
        subject.docker.remove_image(reference)
        subject.docker.remove_image(reference)
        assert subject.docker.image(reference) is None
        assert subject.docker.image(subject.image) is not None

    def test_an_image_in_use_stays(self, subject: Subject) -> None:
        made = make(subject)
        before = subject.docker.image(subject.image)
        assert before is not None
        subject.docker.remove_image(subject.image)
        assert subject.docker.image(subject.image) == before
        assert subject.docker.inspect(made.id).image_id == before.id

    # Networks

    def test_networks(self, subject: Subject) -> None:
        name = network(subject)
        subject.docker.create_network(name)
        found = subject.docker.network(name)
        assert found is not None
        assert (found.name, found.ipv6) == (name, False)
        assert found.bridge.startswith("br-")
        assert subject.docker.network(name[:-1]) is None
        assert subject.docker.network_exists(name)

    def test_connected_and_disconnected(self, subject: Subject) -> None:
        first, second = network(subject), network(subject)
        running = started(subject, network=first, aliases=("shop",))
        subject.docker.connect(running.id, second, ("shop", "web.shop"))
        both = subject.docker.inspect(running.id)
        assert set(both.networks) == {first, second}
        assert {"shop", "web.shop"} <= set(both.aliases[second])
        assert both.ips[first] == running.ips[first]
        assert both.ips[second]
        with pytest.raises(DockerUnavailable, match="already exists"):
            subject.docker.connect(running.id, second)
        with pytest.raises(NotFound, match="not found"):
            subject.docker.connect(running.id, "xcontract-none")
        subject.disconnect(running.id, first)
        subject.disconnect(running.id, second)
        alone = subject.docker.inspect(running.id)
        assert (alone.networks, dict(alone.ips), dict(alone.aliases)) == ((), {}, {})
        assert alone.running
