"""Bare repositories of a directory over HTTPS by git's own http-backend, for one token, with what went over the wire."""

import os
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.doubles.serve import Answer, Call, HttpsDouble

HEADERS = {"content-type": "CONTENT_TYPE", "git-protocol": "GIT_PROTOCOL", "content-encoding": "HTTP_CONTENT_ENCODING"}


class GitOverHttps:
    """A server of the repositories below a directory: whoever does not send the authorization is refused, as GitHub does."""

    def __init__(self, root: Path, authorization: str, context: ssl.SSLContext) -> None:
        self.root, self.authorization = root, authorization
        self.redirects: dict[str, str] = {}  # from a path's beginning to a whole URL
        self.during: Callable[[], None] = lambda: None  # called while a fetch waits
        self.https = HttpsDouble(self._answer, context, refusal=lambda status: Answer(status, b"failed as told"))

    @property
    def url(self) -> str:
        return self.https.url

    def _answer(self, call: Call) -> Answer:
        for beginning, target in self.redirects.items():
            if call.path.startswith(beginning):
                return Answer(301, b"", (("Location", target + call.path.removeprefix(beginning)),))
        if call.headers.get("authorization") != self.authorization:
            return Answer(401, b"", (("WWW-Authenticate", 'Basic realm="GitHub"'),))
        repository = self.root / call.path.partition(".git/")[0].lstrip("/")
        if not repository.with_name(f"{repository.name}.git").is_dir():
            return Answer(404, b"Repository not found.")
        self.during()
        return self._backend(call)

    def _backend(self, call: Call) -> Answer:
        env: Mapping[str, str] = {
            "PATH": os.defpath, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": call.path,
            "QUERY_STRING": call.query, "REQUEST_METHOD": call.method, "CONTENT_LENGTH": str(len(call.body)),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
            **{cgi: call.headers[name] for name, cgi in HEADERS.items() if name in call.headers},
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], env=env, input=call.body, capture_output=True, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        return Answer(status, body, tuple(headers.items()))
