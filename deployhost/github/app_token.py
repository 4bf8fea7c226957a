"""What an App proves with that it is the App: a JSON Web Token that it signs with its key."""

import base64
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import deployhost
from deployhost.errors import CommandFailed, InvalidConfig
from deployhost.github.connection import GitHubConnection
from deployhost.model import Secret
from deployhost.system.clock import CLOCK, Clock
from deployhost.system.process import run

# "iat 60 seconds in the past … exp no more than 10 minutes into the future":
# https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
PAST, LIFE, MARGIN = 60, 540, 60
WITHIN = 20.0  # seconds for a process that signs; 0.1 on a machine with nothing else to do

Sign = Callable[[GitHubConnection, str], str]  # a message's RS256 signature with the App's key, in base64url


class AppToken:
    """The token of one App, signed anew when it is about to end; any number of threads may ask."""

    def __init__(self, connection: GitHubConnection, clock: Clock = CLOCK, sign: Sign | None = None) -> None:
        self._connection = connection
        self._clock = clock
        self._sign = sign or sign_beside
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._signed_at = 0.0

    def current(self) -> Secret:
        """Return a token that is good for another minute at least. Raise InvalidConfig if the App's key is none."""
        with self._lock:
            now = self._clock.time()
            # A clock that was set back counts as well.
            if self._token is None or not 0 <= now - self._signed_at < LIFE - MARGIN:
                self._token, self._signed_at = Secret(self._made(int(now))), now
            return self._token

    def forget(self) -> None:
        """Sign a new one the next time: the clock may have been put right."""
        with self._lock:
            self._token = None

    def _made(self, now: int) -> str:
        claims = {"iat": now - PAST, "exp": now + LIFE, "iss": self._connection.client_id}
        message = f"{_encoded({'alg': 'RS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        return f"{message}.{self._sign(self._connection, message)}"


def sign_beside(connection: GitHubConnection, message: str) -> str:
    """Return the signature of a message, made by a process that ends (signing.py). Raise InvalidConfig if the key is none."""
    request = json.dumps({"key": connection.key.reveal(), "message": message}).encode()
    package = Path(deployhost.__file__).resolve().parents[1]
    code = (
        f"import sys; sys.path.append({str(package)!r}); from deployhost.github.signing import main; sys.exit(main())"
    )
    try:
        done = run([sys.executable, "-I", "-c", code], env={"PATH": os.defpath}, stdin=request, timeout=WITHIN)
    except CommandFailed as error:
        if error.status != 3:
            raise
        raise InvalidConfig(
            f"the key of the GitHub App {connection.slug} is damaged: make a new App",
            hint=connection.disconnect_command,
        ) from None
    return done.stdout


def _encoded(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).rstrip(b"=").decode()
