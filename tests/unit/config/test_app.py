"""The settings of one app that say how it runs: processes, limits, strategy, engine, whom it may reach."""

from pathlib import Path

import pytest

from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.config.process import ProcessConfig
from deployhost.config.reachable import HostDoor
from deployhost.config.yaml_tree import parse
from deployhost.errors import InvalidConfig
from deployhost.model import WEB, AppName, EngineName, ProcessName, RuntimeName, Strategy

SHOP, DB, WORKER = AppName("shop"), AppName("db"), ProcessName("worker")


def read(settings: str) -> AppConfig:
    return file(settings).get(SHOP)


def file(settings: str) -> AppsFile:
    text = "apps:\n  db:\n  shop:\n" + "".join(f"    {line}\n" for line in settings.splitlines())
    return apps.parse(parse(text, "apps.yml"), "apps.yml")


def mistakes(settings: str) -> str:
    with pytest.raises(InvalidConfig) as caught:
        file(settings).check()
    return "\n".join(caught.value.details)


def test_everything_is_read() -> None:
    config = read(
        "strategy: overlap\nmemory: 1.5g\ncpus: 0.5\nrelease: python migrate.py\nmay_reach: [db, host:5432, host:metadata]\nengine: kamal\n"
        "trust_repo_config: true\nauto_rollback: false\nruntime: static\n"
        "processes:\n  web: gunicorn app\n  worker: {command: python work.py, memory: 64M, cpus: 2}\n  clock: {command: ./tick}"
    )
    assert (config.strategy, config.memory, config.cpus) == (Strategy.OVERLAP, 1536 * 1024**2, 0.5)
    assert (config.release, config.may_reach, config.engine) == (
        "python migrate.py",
        (DB, HostDoor("host:5432"), HostDoor("host:metadata")),
        EngineName.KAMAL,
    )
    assert (config.trust_repo_config, config.auto_rollback) == (True, False)
    assert (config.runtime, config.names_web) == (RuntimeName.STATIC, True)
    assert config.processes[WEB] == ProcessConfig("gunicorn app")
    assert config.processes[WORKER] == ProcessConfig("python work.py", 64 * 1024**2, 2)


def test_limits_of_a_process_go_before_those_of_the_app() -> None:
    config = read("memory: 512m\ncpus: 1\nprocesses:\n  worker: {command: ./work, memory: 64m}")
    assert (config.memory_of(WORKER), config.memory_of(WEB)) == (64 * 1024**2, 512 * 1024**2)
    assert (config.cpus_of(WORKER), config.cpus_of(WEB)) == (1, 1)


@pytest.mark.parametrize(
    ("settings", "strategy"),
    [
        ("", Strategy.OVERLAP),
        ("storage: true", Strategy.HANDOVER),
        ("storage: true\nstrategy: overlap", Strategy.OVERLAP),
        ("strategy: handover", Strategy.HANDOVER),
    ],
)
def test_two_releases_share_storage_only_if_that_is_wanted(settings: str, strategy: Strategy) -> None:
    assert read(settings).takes_over is strategy


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("strategy: rolling", "'rolling' must be one of overlap, handover"),
        ("engine: swarm", "'swarm' must be one of direct, kamal"),
        ("engine: kamal\nstrategy: handover", "Kamal knows no handover (strategy: handover)"),
        ("engine: kamal\nstorage: true", "Kamal knows no handover (an app with storage is handed over)"),
        ("memory: lots", "must be a size of at least 16m, as in 512m or 2g"),
        ("memory: 15m", "must be a size of at least 16m"),
        ("memory: -1g", "must be a size"),
        ("log_size: 900k", "must be a size of at least 1m and at most 10g, as in 512m or 2g"),
        ("log_size: 11g", "must be a size of at least 1m and at most 10g"),
        ("cpus: 0", "must be a number from 0.01 to 512"),
        ("processes: [worker]", "must be a mapping"),
        ("processes: {my-worker: ./w}", "is not a valid process name"),
        ("processes: {worker: ''}", "must be a command on one line"),
        ("processes: {worker: }", "has no command"),
        ("processes: {release: ./migrate}", "the app's own key `release:`"),
        ("processes: {worker: {command: ./w, speed: 3}}", "unknown key"),
        ('release: "a\\nb"', "must be a command on one line"),
        ("may_reach: [warehouse]", "apps/shop/may_reach/0: there is no app warehouse (line 4)"),
        ("may_reach:\n- db\n- warehouse", "apps/shop/may_reach/1: there is no app warehouse (line 6)"),
        ("may_reach: [host:http]", "'host:http' is not a part of the host: use host:PORT"),
        ("may_reach: [host:0]", "'host:0' is not a part of the host"),
        ("may_reach: [host:65536]", "'host:65536' is not a part of the host"),
        ("may_reach: [host]", "apps/shop/may_reach/0: there is no app host"),
        ("stand_in_base: true", "unknown key; did you mean stand_in_bases? known are auto_rollback, boot_limit,"),
        ("runtime: statik", "'statik' must be one of python, node, static"),
        ("colour: red", "unknown key; known are auto_rollback, boot_limit,"),
        ("processes: {worker: {comand: ./w}}", "unknown key; did you mean command? known are command, cpus, memory"),
    ],
)
def test_mistakes(settings: str, said: str) -> None:
    assert said in mistakes(settings)


def test_the_web_process_may_have_limits_only() -> None:
    assert read("processes: {web: {memory: 64m}}").processes == {WEB: ProcessConfig(memory=64 * 1024**2)}


def test_an_app_that_is_removed_is_reached_by_nobody(tmp_path: Path) -> None:
    path = tmp_path / "apps.yml"
    path.write_text("apps:\n  db:\n  cache:\n  shop:\n    may_reach: [cache, db]\n")
    apps.remove_app(path, DB)
    assert apps.load(path).get(SHOP).may_reach == (AppName("cache"),)
