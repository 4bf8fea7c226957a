"""Whether a process may be spared is asked of the kernel."""

from pathlib import Path

from deployhost.system.oom_score import may_be_lowered


def test_it_may_always_be_raised_and_never_out_of_bounds() -> None:
    mine = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
    assert may_be_lowered(min(1000, mine + 1))
    assert not may_be_lowered(-1001)
