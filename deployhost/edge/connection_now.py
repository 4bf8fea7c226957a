"""The connection to Cloudflare as it is now: read again when its file has changed."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from deployhost.edge import connection as files
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.ownership import CONNECTION
from deployhost.errors import DeployhostError
from deployhost.paths import Paths
from deployhost.steps import Finding, Severity


@dataclass(kw_only=True)
class ConnectionNow:
    """The connection, without a read of its file where that is the same. A damaged file is none, and a finding."""

    paths: Paths
    _seen: tuple[object, CloudflareConnection | None, DeployhostError | None] = field(
        default=((), None, None), init=False
    )

    def now(self) -> CloudflareConnection | None:
        """Return the connection, or None if there is none, or it can't be read."""
        return self._read()[1]

    @contextlib.contextmanager
    def in_use(self, connection: CloudflareConnection) -> Iterator[bool]:
        """Change something at Cloudflare within this block, if it gives True: then that still is the connection.

        Whoever disconnects the server waits until the block has ended. Raise FileProblem, Conflict.
        """
        with files.in_use(self.paths):
            yield self.now() == connection

    def findings(self) -> tuple[Finding, ...]:
        """Return why the connection can't be read, if that is so."""
        problem = self._read()[2]
        if problem is None:
            return ()
        why = "until it is repaired, domains get no DNS records"
        return (Finding(Severity.ERROR, problem.message, why, problem.hint),)

    def _read(self) -> tuple[object, CloudflareConnection | None, DeployhostError | None]:
        seen, state = self._seen, self._state()
        if seen[0] != state:
            try:
                found = files.load(self.paths) if state else None
                # Without a tunnel there is nothing yet that a record could lead to.
                seen = (state, found if found is not None and found.tunnel_id else None, None)
            except DeployhostError as error:
                seen = (state, None, error)
            self._seen = seen
        return seen

    def _state(self) -> tuple[int, ...]:
        try:
            file = (self.paths.connections / CONNECTION).lstat()
        except OSError:
            return ()
        return file.st_mtime_ns, file.st_ino, file.st_size, file.st_mode, file.st_uid
