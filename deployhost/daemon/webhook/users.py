"""The system's users that the webhook needs. Set-up makes them."""

import grp
import pwd
from dataclasses import dataclass

from deployhost.server.facts_tunnel import LISTENER, USER


@dataclass(frozen=True)
class ListenerUsers:
    """Who the listener is, by numbers, and the group of the tunnel, which may connect to it. Without a user it stays who the daemon is."""

    tunnel_group: int
    user: int | None = None
    group: int | None = None

    def rights(self) -> list[str]:
        """Return the listener's arguments that say who it is to become."""
        return [] if self.user is None or self.group is None else [str(self.user), str(self.group)]


def listener_users() -> ListenerUsers | None:
    """Return the users that set-up made, or None if one is missing."""
    try:
        listener, tunnel = pwd.getpwnam(LISTENER), grp.getgrnam(USER)
    except KeyError:
        return None
    return ListenerUsers(tunnel.gr_gid, listener.pw_uid, listener.pw_gid)
