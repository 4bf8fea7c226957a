"""The one door to GitHub's API: one request, one answer as JSON, within a time."""

import json
import logging
import ssl
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deployhost import __version__
from deployhost.errors import ClockOff, ProviderUnavailable
from deployhost.github.answers import HttpAnswer
from deployhost.model import Secret
from deployhost.system.clock import CLOCK, Clock

if TYPE_CHECKING:  # 8 MB, which a server without a GitHub App does not need
    import httpx

TIMEOUT = 10.0  # seconds for connecting, and for each piece of the answer
WHOLE = 30.0  # seconds for all of the answer
LARGEST = 8 * 1024**2  # bytes of an answer; a repository's has 20,000
API_VERSION = "2022-11-28"
MOST_HOPS = 3
NOT_YET_VALID = (
    9  # X509_V_ERR_CERT_NOT_YET_VALID (openssl/x509_vfy.h): a server that starts without its clock is years behind
)


class GitHubHttp:
    """Sends requests to GitHub by one client, which is made when it is first needed; any number of threads may ask.

    The certificates that the system trusts are trusted. `transport` is for tests.
    """

    def __init__(self, transport: "httpx.BaseTransport | None" = None, clock: Clock = CLOCK) -> None:
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._made: httpx.Client | None = None

    def send(
        self,
        method: str,
        url: str,
        *,
        token: Secret | None = None,
        body: object = None,
        etag: str = "",
    ) -> HttpAnswer:
        """Return the answer to a request with a Bearer token. A GET follows redirects on the same host.

        Raise ProviderUnavailable if there is no answer, ClockOff if that is due to this server's clock.
        """
        headers = {"accept": "application/vnd.github+json", "x-github-api-version": API_VERSION}
        if token is not None:
            headers["authorization"] = f"Bearer {token.reveal()}"
        if etag and etag.isascii():
            headers["if-none-match"] = etag
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        for _ in range(MOST_HOPS):
            answer, url = self._exchange(method, url, headers, content)
            if not url:
                return answer
        raise ProviderUnavailable(f"{_host(url)} redirects in a circle")

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> tuple[HttpAnswer, str]:
        """Return an answer, and the URL to go on to, or ""."""
        import httpx  # noqa: PLC0415

        try:
            with self._client().stream(method, url, headers=dict(headers), content=content) as response:
                answer = HttpAnswer(response.status_code, dict(response.headers), _json(self._read(response)))
                target = response.headers.get("location", "")
                if method != "GET" or answer.status not in (301, 302, 307, 308) or not target:
                    return answer, ""
                there = response.url.join(target)
                same = (there.scheme, there.host, there.port) == (
                    response.url.scheme,
                    response.url.host,
                    response.url.port,
                )
                return answer, str(there) if same else ""  # our token is for this host alone
        except httpx.TimeoutException as error:
            raise ProviderUnavailable(f"{_host(url)} did not answer within {TIMEOUT:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            if getattr(_cause(error), "verify_code", 0) == NOT_YET_VALID:
                raise ClockOff(
                    f"this server's clock is behind: the certificate of {_host(url)} is not valid yet",
                    hint="timedatectl set-ntp true",
                ) from error
            raise ProviderUnavailable(f"{_host(url)} can't be reached: {_why(error)}") from error

    def _read(self, response: "httpx.Response") -> bytes:
        deadline = self._clock.monotonic() + WHOLE
        data = bytearray()
        for piece in response.iter_bytes():
            data += piece
            if len(data) > LARGEST or self._clock.monotonic() > deadline:
                raise ProviderUnavailable(f"{response.url.host} did not finish its answer within {WHOLE:g} s and 8 MB")
        return bytes(data)

    def _client(self) -> "httpx.Client":
        import httpx  # noqa: PLC0415

        with self._lock:
            if self._made is None:
                # It logs each request, which would be a line per app and minute in the daemon's log.
                logging.getLogger("httpx").setLevel(logging.WARNING)
                self._made = httpx.Client(
                    transport=self._transport,
                    verify=ssl.create_default_context() if self._transport is None else True,
                    timeout=TIMEOUT,
                    headers={"user-agent": f"deployhost/{__version__}"},
                )
            return self._made


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _json(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except (ValueError, RecursionError):
        return None


def _cause(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _why(error: Exception) -> str:
    """Return why there was no answer, as short as the cause says it. It never has the request's headers."""
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    return (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).lower()
