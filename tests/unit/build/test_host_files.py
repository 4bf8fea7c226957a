"""What the host sets for all sessions reaches builds; what the daemon itself has wins."""

from pathlib import Path

import pytest

from deployhost.build.host_files import host_environment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP_PROXY=http://p:3128\n", {"HTTP_PROXY": "http://p:3128"}),
        ('export PIP_INDEX_URL="https://x/simple"\n', {"PIP_INDEX_URL": "https://x/simple"}),
        ("# a comment\n\nnonsense\n=x\n", {}),
        ("A='1'\nA=2\n", {"A": "2"}),
    ],
)
def test_it_reads_the_file(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    file = tmp_path / "environment"
    file.write_text(text, encoding="utf-8")
    assert host_environment({}, file) == expected


def test_our_own_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("A=host\nB=host\n", encoding="utf-8")
    assert host_environment({"A": "ours"}, file) == {"A": "ours", "B": "host"}


def test_a_missing_file_is_no_settings(tmp_path: Path) -> None:
    assert host_environment({"A": "1"}, tmp_path / "none") == {"A": "1"}
