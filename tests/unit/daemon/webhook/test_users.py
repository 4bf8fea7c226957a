"""The users that set-up makes, by the system's tables."""

import grp
import pwd
from types import SimpleNamespace

import pytest

from deployhost.daemon.webhook.users import ListenerUsers, listener_users


def test_both_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwnam", {"deployhost-webhook": SimpleNamespace(pw_uid=990, pw_gid=989)}.__getitem__)
    monkeypatch.setattr(grp, "getgrnam", {"deployhost-tunnel": SimpleNamespace(gr_gid=988)}.__getitem__)
    users = listener_users()
    assert users == ListenerUsers(tunnel_group=988, user=990, group=989)
    assert users.rights() == ["990", "989"]


def test_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwnam", {"deployhost-webhook": SimpleNamespace(pw_uid=990, pw_gid=989)}.__getitem__)
    monkeypatch.setattr(grp, "getgrnam", dict[str, SimpleNamespace]().__getitem__)
    assert listener_users() is None


def test_without_a_user_it_stays_who_the_daemon_is() -> None:
    assert ListenerUsers(tunnel_group=988).rights() == []
