"""Uninstalling: what is taken away, what stays, and that data goes only when it is asked to."""

from dataclasses import replace
from pathlib import Path

from deployhost.paths import Paths
from deployhost.server.setup_steps import RemoveFiles, RemoveImages, RemoveService, UninstallStep
from deployhost.server.uninstall_plan import Present, plan_uninstall

PATHS = Paths(Path("/"))
ALL = Present(
    daemon=True,
    engine_kept=True,
    proxy=True,
    running=("blog-web-1",),
    stopped=("blog-web-0",),
    images=("127.0.0.1:5555/blog:1",),
    network=True,
    program_files=(Path("/usr/local/share/completion"),),
    data=(PATHS.config, PATHS.state),
    added=("docker.io", "iptables"),
)
KAMAL = replace(
    ALL,
    kamal_services=("deployhost-sshd", "deployhost-registry"),
    kamal_files=(PATHS.kamal_program, PATHS.ssh),
    held_back=(Path("/etc/ssh/sshd_not_to_be_run"),),
)


def names(present: Present, *, purge: bool) -> list[str]:
    return [type(step).__name__ for step in plan_uninstall(present, PATHS, purge=purge)]


def test_the_daemon_goes_first_and_no_data_goes() -> None:
    expected = ["RemoveService", "RemoveContainers", "StopContainers", "RemoveFiles", "ReleaseService"]
    assert names(ALL, purge=False) == expected
    touched = [step for step in plan_uninstall(ALL, PATHS, purge=False) if isinstance(step, RemoveFiles)]
    assert [step.paths for step in touched] == [ALL.program_files]


def test_purge_removes_data_after_everything_has_stopped() -> None:
    plan = plan_uninstall(ALL, PATHS, purge=True)
    expected = ["RemoveContainers", "RemoveImages", "RemoveNetwork", "RemoveFiles"]
    assert [type(step).__name__ for step in plan][-4:] == expected
    *_, images, _network, files = plan
    assert isinstance(images, RemoveImages)
    assert isinstance(files, RemoveFiles)
    assert images.references == ALL.images
    assert files.paths == ALL.data


def test_nothing_is_left_to_do_on_a_clean_machine() -> None:
    assert names(Present(), purge=True) == []


def test_it_says_what_stays_and_how_docker_goes() -> None:
    said = " ".join(plan_uninstall(ALL, PATHS, purge=False).notes)
    assert "/var/lib/deployhost" in said
    assert "apt-get remove --purge docker.io iptables" in said
    assert "found it here" in " ".join(plan_uninstall(replace(ALL, engine=True, added=()), PATHS, purge=True).notes)


def test_nothing_is_said_of_docker_where_there_is_none() -> None:
    assert "Docker" not in " ".join(plan_uninstall(Present(), PATHS, purge=True).notes)


def test_each_step_can_be_carried_out() -> None:
    assert all(isinstance(step, UninstallStep) for step in plan_uninstall(ALL, PATHS, purge=True))


def test_what_kamal_needed_goes_with_the_program() -> None:
    plan = plan_uninstall(KAMAL, PATHS, purge=False)
    removed = [step.name for step in plan if isinstance(step, RemoveService)]
    assert removed == ["deployhostd", "deployhost-sshd", "deployhost-registry"]
    files = [step.paths for step in plan if isinstance(step, RemoveFiles)]
    assert (PATHS.kamal_program, PATHS.ssh) in files
    assert "rm /etc/ssh/sshd_not_to_be_run" in " ".join(plan.notes), (
        "the package stays, and must not open a port at the next boot"
    )
