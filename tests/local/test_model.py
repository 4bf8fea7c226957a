"""Names of branches as git itself judges them."""

import re
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.errors import InvalidName
from deployhost.model import Branch


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab/.-@{~^:?*[\\ lock"), min_size=1, max_size=9))
def test_branches_as_git_has_them(text: str) -> None:
    """Whatever we take, git takes; what git takes of these, we take."""
    try:
        Branch(text)
        ours = True
    except InvalidName:
        ours = False
    if ours != _plain(text):
        git = subprocess.run(["git", "check-ref-format", f"refs/heads/{text}"], check=False).returncode == 0
        assert ours is (git and not text.startswith("-") and text != "@")


def _plain(text: str) -> bool:
    # Names that need no git to know: it is asked about the rest only, a process is dear.
    return bool(re.fullmatch(r"[ab]+(?:/[ab]+)*", text)) and len(text) < 200
