"""The accounts of this machine and their subordinate ids, as subuid(5) has them."""

from pathlib import Path

from deployhost.system.host_accounts import HostAccounts


def test_accounts_of_this_machine() -> None:
    accounts = HostAccounts()
    assert (accounts.user(0), accounts.group(0)) == ("root", "root")
    assert accounts.user(2**31 - 7) is None
    assert accounts.group(2**31 - 7) is None
    assert accounts.user(2**64) is None


def test_subordinate_ids(tmp_path: Path) -> None:
    users, groups = tmp_path / "subuid", tmp_path / "subgid"
    users.write_text(
        "ann:100000:65536\n\n# no comment is known\nbroken\n1000:165536:65536\nbob:x:1\nbob:-5:1\n ann:1048576:65536 \n"
    )
    groups.write_bytes(b"\xff\xfe:200000:10\n")
    accounts = HostAccounts((users, groups, tmp_path / "missing"))
    assert accounts.subordinate() == [
        range(100000, 165536), range(165536, 231072), range(1048576, 1114112), range(200000, 200010),
    ]  # fmt: skip
