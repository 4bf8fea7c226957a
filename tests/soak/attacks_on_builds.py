"""Attacks on this machine's builds, one by one: with nothing in their way, held by BuildKit's policy alone, and through deployhost.

    python tests/soak/attacks_on_builds.py
    python tests/soak/in_fresh_server.py --suite trixie -- tests/soak/attacks_on_builds.py

Exit code 1 if one gets through, or if one that should work with nothing in its way does not: then it proves nothing.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.build.sources.source_policy import ENGINE
from tests.real.attacks_on_builds import ATTACKS, SECRET, Attack, Field, field


def attacked(there: Field, attack: Attack) -> list[str]:
    """Return what is wrong with how one attack ended, having printed it."""
    wrong = []
    alone, said = there.succeeds(attack)
    expected = attack.since is not None and attack.since <= there.major < attack.until
    if expected and not alone:
        wrong.append(f"it does not work with nothing in its way: {said[-300:]}")
    policy = "-"
    if there.cli.find().policies and there.major >= ENGINE:
        leaks, said = there.succeeds(attack, policy=True)
        policy = "SHOWN" if leaks else "denied" if "denied by policy" in said else "failed"
        if leaks:
            wrong.append("BuildKit's policy lets it through")
    how, said = there.through_deployhost(attack)
    if SECRET in said or how == "built":
        wrong.append(f"it gets through: {said[-300:]}")
    print(
        f"{attack.name:56} alone: {'shown' if alone else 'failed':7} policy: {policy:7} deployhost: {how}", flush=True
    )
    return wrong


def main() -> int:
    """Carry out every attack."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as directory, field(Path(directory)) as there:
        print(f"Docker {there.docker.info().version}, policies: {there.cli.find().policies}", flush=True)
        for attack in ATTACKS:
            wrong += [f"{attack.name}: {one}" for one in attacked(there, attack)]
    print(*wrong, f"{len(ATTACKS)} attacks, {len(wrong)} wrong", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
