"""A deploy's events as lines for people: in a terminal, and in what git shows of a hook. Standard library only, and light.

Lines are whole and never redrawn: git prefixes each with "remote: ", and logs keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from deployhost.control.terminal import RESET, escaped, plain
from deployhost.errors import DeployCancelled

TYPE_CHECKING = False  # types are not needed to run, and the views would take 2 ms
if TYPE_CHECKING:
    from deployhost.control.messages import Event, StageEvent
    from deployhost.control.views import DeployView, PhaseView
    from deployhost.errors import ErrorView

Write = Callable[[str], None]

_DIM, _BOLD, _RED, _GREEN, _YELLOW = "2", "1", "31", "32", "33"
_WIDTH = 8  # of a stage's name
_AFTER_LIVE = frozenset({"live", "drain"})


class ProgressLines:
    """Writes a deploy's events and its end as lines."""

    def __init__(self, write: Write, color: bool = False) -> None:
        self._write = write
        self._color = color
        self._headed = ""  # the stage whose name stands above its output already

    def event(self, message: Event) -> None:
        """Write what a person should see of one event; events of other kinds are left out."""
        if message["event"] == "stage":
            self._stage(message)
        elif message["event"] == "output":
            self._head(message["stage"])
            self._line(f"    {plain(message['line'])}", _DIM)
        elif message["event"] == "note":
            for line in message["text"].splitlines():
                self._line(f"  ! {plain(line)}", _YELLOW)

    def finish(self, deploy: DeployView) -> None:
        """Write how a deploy ended: where it is live and how long it took, or why it failed."""
        status = deploy["status"]
        if status == "live":
            self._live(deploy)
        elif status == "failed":
            error = deploy["error"]
            self._error(error_lines(error, "failed") if error else ["failed: the deploy failed"])
        elif status == "cancelled":
            error = deploy["error"]
            word = "" if error and error["code"] == DeployCancelled.code else "cancelled"  # its message says so itself
            self._error(error_lines(error, word) if error else ["cancelled: a person cancelled it"])
        elif status == "superseded":
            self._write(_superseded(deploy))
        else:
            self._write(f"deploy {deploy['id']} is {status}")

    def _error(self, lines: list[str]) -> None:
        for number, line in enumerate(lines):
            self._write(line if number else self._paint(line, _RED))

    def _live(self, deploy: DeployView) -> None:
        took = f" in {seconds(deploy['total_ms'])}" if deploy["total_ms"] is not None else ""
        phases = phase_line(deploy["phases"])
        where = self._paint(deploy["url"], _BOLD)
        self._write(f"{self._paint('live', _GREEN)} at {where}{took}" + (f"  ({phases})" if phases else ""))

    def _stage(self, message: StageEvent) -> None:
        name, state = message["stage"], message["state"]
        detail = plain(message.get("detail") or "")
        took = seconds(message["ms"]) if message.get("ms") is not None else ""
        if state == "start":
            if detail:  # a stage with a detail may take long
                self._headed = name
                self._line(f"  {name:<{_WIDTH}} {detail} …")
            return
        words = ["failed" if state == "failed" else "", took, detail]
        self._line(f"  {name:<{_WIDTH}} {'  '.join(word for word in words if word)}", _RED if state == "failed" else "")
        self._headed = ""

    def _head(self, stage: str) -> None:
        if stage and stage != self._headed:
            self._headed = stage
            self._line(f"  {stage:<{_WIDTH}} …")

    def _line(self, text: str, style: str = "") -> None:
        self._write(self._paint(text.rstrip(), style))

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}{RESET}" if self._color and style else text


def seconds(ms: float) -> str:
    """Return milliseconds as a person reads them: `3 ms`, `0.41 s`, `75.20 s`."""
    return f"{ms:.0f} ms" if ms < 10 else f"{ms / 1000:.2f} s"


def phase_line(phases: Iterable[PhaseView]) -> str:
    """Return a deploy's phases up to the switch on one line: `queue 2 ms · build 410 ms · health 1.2 s`."""
    return " · ".join(f"{phase['name']} {_short(phase['ms'])}" for phase in phases if phase["name"] not in _AFTER_LIVE)


def error_lines(error: ErrorView, word: str = "error") -> list[str]:
    """Return an error's lines: what happened, the context below it, and the command that fixes it."""
    first, *more = [plain(line) for line in error["message"].splitlines()] or [""]
    details = [plain(line) for detail in error.get("details") or () for line in str(detail).splitlines()]
    hint = escaped(error.get("hint") or "")
    return [
        f"{word}: {first}" if word else first,
        *(f"  {line}".rstrip() for line in (*more, *details)),
        *([f"try: {hint}"] if hint else []),
    ]


def _short(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _superseded(deploy: DeployView) -> str:
    by = f" (deploy {deploy['superseded_by']})" if deploy["superseded_by"] is not None else ""
    # The newer deploy also applies what a change of settings or a restart asks for; a push is left out.
    if deploy["trigger"] in ("settings", "restart"):
        return f"done together with a newer change{by}"
    if deploy["trigger"] == "push":
        return f"overtaken by a newer push{by}: nothing was changed"
    return f"overtaken by a later request{by}: nothing was changed"
