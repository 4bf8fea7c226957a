"""What counts as a run that went well."""

import pytest

from deployhost.journal.last_run import Run


@pytest.mark.parametrize(
    ("run", "well"),
    [
        (Run(1.0), False),  # it still runs, or broke off
        (Run(1.0, done_at=0.5), False),
        (Run(1.0, 2.0, 2.0), True),
        (Run(1.0, 2.0, None, "no room"), False),
        (Run(1.0, 2.0, 0.5, "no room"), False),  # the one before went well
    ],
)
def test_went_well(run: Run, well: bool) -> None:
    assert run.went_well is well
