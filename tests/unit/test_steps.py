"""Steps and findings as --json prints them."""

from dataclasses import dataclass

from deployhost.steps import Finding, Severity, Step


@dataclass(frozen=True, kw_only=True)
class Plain(Step):
    pass


@dataclass(frozen=True, kw_only=True)
class RenamedSince(Step, word="Original"):
    path: str


def test_a_step_keeps_its_word_when_its_class_is_renamed() -> None:
    assert Plain(what="do", why="because").to_json() == {"step": "Plain", "what": "do", "why": "because"}
    assert RenamedSince(what="do", why="because", path="/x").to_json()["step"] == "Original"


def test_a_finding_has_its_cause_and_its_cure() -> None:
    found = Finding(Severity.WARNING, "the disk is nearly full", "builds are refused soon", "deployhost prune")
    assert found.to_json() == {
        "severity": "warning",
        "what": "the disk is nearly full",
        "why": "builds are refused soon",
        "fix": "deployhost prune",
    }
