"""Having a person make the App in a browser: the page that sends it to GitHub, and the address that they may paste instead."""

import secrets
from collections.abc import Callable

from deployhost.errors import DeployhostError, InvalidRequest
from deployhost.github import manifest_plan
from deployhost.github.connection import GitHubConnection
from deployhost.github.manifest_flow import AskedFor, ManifestFlow
from deployhost.github.manifest_page import ADDRESS, CALLBACK, Form, ManifestPage
from deployhost.system.clock import CLOCK, Clock

PATIENCE = 600.0  # seconds for a person at a browser
LOOK = 0.5  # seconds between two looks at the disk


class AppMaker:
    """Shows the way to a new App. `tell` gets lines for the person; `pasted` waits that many seconds for a line that they enter."""

    def __init__(
        self,
        flow: ManifestFlow,
        tell: Callable[[str], object],
        pasted: Callable[[float], str | None],
        *,
        host: str,
        clock: Clock = CLOCK,
    ) -> None:
        self._flow = flow
        self._tell = tell
        self._pasted = pasted
        self._clock = clock
        self._host = host

    def make(self, asked: AskedFor, port: int = 0, owner: str = "") -> GitHubConnection | None:
        """Return the App once its key is on the disk, or None after ten minutes; the page says whose it is to be.

        Raise InvalidRequest if the person pastes the address of another run, Conflict if the port is taken.
        """
        with ManifestPage(
            lambda port: self._form(asked, port, owner or asked.org or "you"),
            self._flow.finish,
            secret=secrets.token_urlsafe(16),
            port=port,
        ) as page:
            for line in invitation(page.url, page.port, self._host):
                self._tell(line)
            return self._until_made(asked)

    def _form(self, asked: AskedFor, port: int, owner: str) -> Form:
        at = f"https://{asked.webhook_host}" if asked.webhook_host else ""
        made = manifest_plan.manifest(
            name=manifest_plan.app_name(self._host, secrets.token_hex(3)),
            host=self._host,
            redirect_url=f"http://{ADDRESS}:{port}{CALLBACK}",
            webhook_url=f"{at}/webhook/{asked.id}" if at else "",
            homepage=at or asked.html_url,
        )
        return Form(
            manifest_plan.submit_url(asked.html_url, asked.org, asked.state.reveal()),
            manifest_plan.form_value(made),
            owner,
        )

    def _until_made(self, asked: AskedFor) -> GitHubConnection | None:
        """Return the App whoever fetched its key: the page, what a person pasted, another process."""
        end = self._clock.monotonic() + PATIENCE
        while True:
            made = self._flow.made(asked)
            left = end - self._clock.monotonic()
            if made is not None or left <= 0:
                return made
            line = self._pasted(min(LOOK, left))
            if line is not None and line.strip():
                self._take(line, asked)

    def _take(self, line: str, asked: AskedFor) -> None:
        back = manifest_plan.returned(line)
        if back is None:
            self._tell("that is not the address at which the browser ended: it has code= and state= in it")
            return
        try:
            made = self._flow.finish(back)
        except DeployhostError as error:
            for said in (error.message, *error.details):
                self._tell(said)
            return
        if made.id != asked.id:
            raise InvalidRequest(
                f"this address belongs to another run: the key of the App of {made.owner} is kept, and it is to be installed",
                hint=made.connect_command,
            )


def invitation(url: str, port: int, host: str) -> tuple[str, ...]:
    """Return the lines that tell a person how to open the page."""
    return (
        "Open this address in a browser within ten minutes:",
        f"\n  {url}\n",
        "If the browser runs on another computer, run this there first:",
        f"\n  ssh -L {port}:127.0.0.1:{port} root@{host}\n",
        "If the browser ends at an address that it can't open, paste that address here.",
    )
