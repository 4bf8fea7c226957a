"""Hostile names, branches, variables and hosts, a few of them: tests/soak/hostile.py sends 100,000."""

import re
from pathlib import Path

import pytest

from tests.inputs.hostile import ATTACKS, Maker, Trial, nothing_started


def run_all(maker: Maker, trial: Trial) -> None:
    for _ in range(40):
        trial.run(maker.case())


def test_nothing_hostile_gets_through(tmp_path: Path) -> None:
    maker, trial = Maker(seed=1), Trial(tmp_path)
    with nothing_started():
        run_all(maker, trial)


BROKEN: dict[str, tuple[str, object]] = {
    "a host that is two": (
        "tests.inputs.hostile.deploy_arguments",
        lambda target: ["deploy", target.service, "--host=a,b"],
    ),
    "two apps of one name": ("deployhost.kamal.contract.service_name", lambda app, _process: app[:1]),
    "labels of an image": ("deployhost.containers.make.of_container", lambda _image, said: said),
    "a label more": ("deployhost.kamal.contract.role_labels", lambda app, process: {"service": app, process: "x"}),
    "an option for git": (
        "deployhost.system.git.BareRepository.set_head",
        lambda self, branch: self._git("symbolic-ref", "HEAD", branch),
    ),
    "a value that ERB runs": ("deployhost.kamal.yaml_text.quoted", lambda text: f"'{text}<%= 1 %>'"),
    "a value that dotenv changes": ("deployhost.kamal.env_values._survives_kamal", lambda _value: True),
    "a terminal that obeys": ("tests.inputs.hostile.plain", str),
    "letters that are turned round": ("deployhost.control.terminal._UNSEEN", re.compile("[\x00-\x1f\x7f-\x9f]")),
    "a name that runs": ("deployhost.cli.completion.quoted", str),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_trial_would_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """A trial that passes whatever it is sent proves nothing: here one place of the code is broken."""
    name, broken = BROKEN[what]
    maker, trial = Maker(seed=2), Trial(tmp_path)
    monkeypatch.setattr(name, broken)
    with pytest.raises(AssertionError):
        run_all(maker, trial)


def test_every_attack_is_used() -> None:
    maker = Maker(seed=3)
    made = "".join(maker.text() for _ in range(4000))
    assert [attack for attack in ATTACKS if attack not in made] == []
