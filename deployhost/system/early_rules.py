"""Rules of the packet filter that a reboot loses, kept in a file: they are there before the Docker engine starts its containers.

`python3 -I -m deployhost.system.early_rules FILE` loads them at boot; the supervisor does it too, in what is about to become dockerd.
The daemon comes later, and an app that asks for the cloud's credentials while nothing forbids it has got them.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deployhost.errors import DeployhostError
from deployhost.system import files
from deployhost.system.filter_rules import DOCKERS
from deployhost.system.firewall import Family, Firewall


def as_text(chain: str, rules: Mapping[Family, str]) -> str:
    """Return a file's text: for each family lines for iptables-restore, and the chain by which one sees that they are there."""
    return (
        json.dumps({"chain": chain, "rules": {str(family): lines for family, lines in rules.items()}}, indent=2) + "\n"
    )


def load(file: Path, firewall: Firewall) -> list[str]:
    """Load the rules of a file, for each family that has lost them, and return what went wrong.

    A server without such a file has nothing to load.
    """
    try:
        text = files.read_text(file)
        said = {} if text is None else json.loads(text)
        chain, rules = (
            str(said.get("chain", "")),
            [(Family(family), str(lines)) for family, lines in said.get("rules", {}).items()],
        )
    except (DeployhostError, ValueError, AttributeError) as error:
        return [f"{file} can't be read: {error}"]
    problems = []
    for family, lines in rules:
        try:
            _load(firewall, family, chain, lines)
        except DeployhostError as error:
            problems.append(str(error))
    return problems


def _load(firewall: Firewall, family: Family, chain: str, lines: str) -> None:
    current = firewall.rules(family)
    if f"-N {chain}" in current:
        return  # not the machine began anew, but the engine
    # The engine takes over its chain with the rules in it. Naming a chain empties it: it may be there, with somebody's rules.
    firewall.restore(family, lines if f"-N {DOCKERS}" in current else f":{DOCKERS} - [0:0]\n{lines}")


def main(argv: list[str]) -> int:
    """Load the rules of the file that is named, and return an exit code."""
    problems = load(Path(argv[1]), Firewall())
    for problem in problems:
        os.write(2, f"{problem}\n".encode())
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
