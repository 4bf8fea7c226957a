"""Rules of the packet filter as `iptables -S` prints them, and which of them decide before others. Pure."""

from collections.abc import Collection, Iterable, Sequence

ANSWERS = "RELATED,ESTABLISHED"
ENDS = ("ACCEPT", "RETURN")
FORWARD = "FORWARD"  # the kernel's own, which asks Docker's; and ours where Docker does not care for IPv6
DOCKERS = "DOCKER-USER"  # Docker keeps this chain for others' rules, and asks it before its own


def asked_first(current: Collection[str]) -> str:
    """Return the chain whose rules are asked first of what passes through: the engine's for others, else the kernel's own."""
    return DOCKERS if f"-N {DOCKERS}" in current else FORWARD


def keep_chain(chain: str, rules: Sequence[str], current: Sequence[str]) -> list[str]:
    """Return lines for iptables-restore that have a chain consist of `rules`; none if it does already."""
    # Some versions print hardware addresses in capitals.
    there = [rule.lower() for rule in current if rule.startswith(f"-A {chain} ")]
    if f"-N {chain}" in current and there == [rule.lower() for rule in rules]:
        return []
    return [f":{chain} - [0:0]", *rules]  # naming the chain empties it


def keep_jumps(chain: str, jumps: Sequence[str], interface: str, current: Sequence[str]) -> list[str]:
    """Return lines that have a chain asked by these rules only, each once, and before what lets anything of an interface through.

    None if it is so already. Raises ValueError for a rule that asks another chain.
    """
    if not all(jumps_to(jump, chain) for jump in jumps):
        raise ValueError(f"{chain} is not what is asked")
    there = [rule for rule in current if jumps_to(rule, chain)]
    lines = dropped(rule for rule in there if rule not in jumps)
    for jump in jumps:
        parent = jump.split()[1]
        asked = [rule for rule in current if rule.startswith(f"-A {parent} ")]
        before = asked[: asked.index(jump)] if jump in asked else asked
        # RETURN, in a chain of the kernel's own, is its policy's word.
        if there.count(jump) != 1 or any(lets_through(rule, current, interface, ENDS) for rule in before):
            lines += [*dropped([jump] * there.count(jump)), f"-I {parent} 1{jump.removeprefix(f'-A {parent}')}"]
    return lines


def lets_through(rule: str, current: Sequence[str], interface: str, ends: Sequence[str] = ("ACCEPT",)) -> bool:
    """Return whether a rule, or a chain that it asks, may let something new through that uses the interface."""
    words = rule.split()
    target = next((words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-j", "-g")), "")
    if elsewhere(rule, interface) or (target in ends and _only_answers(words)):
        return False
    asked = (one for one in current if one.startswith(f"-A {target} "))
    return target in ends or any(lets_through(one, current, interface) for one in asked)


def elsewhere(rule: str, interface: str) -> bool:
    """Return whether a rule can't be about what uses this interface."""
    words = rule.split()
    named = [words[at + 1] for at, word in enumerate(words) if word in ("-i", "-o") and words[at - 1] != "!"]
    return any(name != interface and not (name.endswith("+") and interface.startswith(name[:-1])) for name in named)


def jumps_to(rule: str, chain: str) -> bool:
    """Return whether a rule does nothing but ask a chain."""
    return rule.startswith("-A ") and rule.endswith(f" -j {chain}")


def dropped(rules: Iterable[str]) -> list[str]:
    """Return the lines that delete rules."""
    return [f"-D{rule.removeprefix('-A')}" for rule in rules]


def removal(chains: Collection[str], current: Sequence[str]) -> list[str]:
    """Return the lines that take chains away, and the rules of others that ask them; none if there are none."""
    there = [chain for chain in chains if f"-N {chain}" in current]
    asks = (
        rule for rule in current if any(jumps_to(rule, chain) for chain in chains) and rule.split()[1] not in chains
    )
    return [*dropped(asks), *(f"-F {chain}" for chain in there), *(f"-X {chain}" for chain in there)]


def text(lines: Iterable[str]) -> str:
    """Return lines as one text."""
    return "".join(f"{line}\n" for line in lines)


def _only_answers(words: Sequence[str]) -> bool:
    """Return whether a rule's condition is that of our first one: answers."""
    states = next((words[at + 1] for at, word in enumerate(words[:-1]) if word in ("--ctstate", "--state")), "")
    return bool(states) and set(states.split(",")) <= set(ANSWERS.split(",")) and "!" not in words
