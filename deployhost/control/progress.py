"""A deploy's events as lines for people: in a terminal, and in what git shows of a hook. Standard library only, and light.

Lines are whole and never redrawn: git prefixes each with "remote: ", and logs keep them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Write = Callable[[str], None]

_DIM, _BOLD, _RED, _GREEN, _YELLOW, _RESET = "2", "1", "31", "32", "33", "\x1b[0m"
_WIDTH = 8  # of a stage's name
# Colours and cursor movement (CSI), titles and links (OSC), other escapes; then what is left of control characters.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_AFTER_LIVE = frozenset({"live", "drain"})


class Progress:
    """Given where lines go and whether they may be coloured, turn events and the final deploy into lines."""

    def __init__(self, write: Write, color: bool = False) -> None:
        self._write = write
        self._color = color
        self._headed = ""  # the stage whose name stands above its output already

    def event(self, message: Mapping[str, Any]) -> None:
        """Given one event of control/messages.py, write what a person should see of it; other events are left out."""
        kind = message.get("event")
        if kind == "stage":
            self._stage(message)
        elif kind == "output":
            self._head(str(message.get("stage", "")))
            self._line(f"    {clean(str(message.get('line', '')))}", _DIM)
        elif kind == "note":
            for line in str(message.get("text", "")).splitlines():
                self._line(f"  ! {clean(line)}", _YELLOW)

    def finish(self, deploy: Mapping[str, Any]) -> None:
        """Given the final DeployView, write how it ended: where it is live and how long it took, or why it failed."""
        status = deploy.get("status")
        if status == "live":
            took = f" in {seconds(deploy['total_ms'])}" if deploy.get("total_ms") is not None else ""
            phases = phase_line(deploy.get("phases") or [])
            where = self._paint(str(deploy.get("url") or deploy.get("app")), _BOLD)
            self._write(f"{self._paint('live', _GREEN)} at {where}{took}" + (f"  ({phases})" if phases else ""))
        elif status == "failed":
            for line in error_lines(deploy.get("error") or {"message": "the deploy failed"}, "failed"):
                self._write(self._paint(line, _RED) if line.startswith("failed") else line)
        elif status == "cancelled":
            error = deploy.get("error") or {"message": "somebody wanted it to end"}
            for number, line in enumerate(error_lines(error, "cancelled")):
                said = line.replace("cancelled: cancelled ", "cancelled ", 1)
                self._write(line if number else self._paint(said, _RED))
        elif status == "superseded":
            by = f" (deploy {deploy['superseded_by']})" if deploy.get("superseded_by") is not None else ""
            # What a change of settings or a restart asks for, the newer deploy does as well; a push is left out.
            if deploy.get("trigger") in ("settings", "restart"):
                self._write(f"done together with a newer change{by}")
            elif deploy.get("trigger", "push") == "push":
                self._write(f"overtaken by a newer push{by}: nothing was changed")
            else:
                self._write(f"overtaken by what was asked for later{by}: nothing was changed")
        else:
            self._write(f"deploy {deploy.get('id')} is {status}")

    def _stage(self, message: Mapping[str, Any]) -> None:
        name, state = str(message.get("stage", "")), message.get("state")
        detail = clean(str(message.get("detail") or ""))
        took = seconds(message["ms"]) if message.get("ms") is not None else ""
        if state == "start":
            if detail:  # a stage that tells what it is about to do may take long
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
        return f"\x1b[{style}m{text}{_RESET}" if self._color and style else text


def clean(line: str) -> str:
    """Given a line of a program's output, return what a terminal would show of it at last, without anything that acts on one."""
    shown = _ESCAPES.sub("", line).rstrip("\r\n").rpartition("\r")[2]
    return _CONTROLS.sub("", shown)


def seconds(ms: float) -> str:
    """Given milliseconds, return them as a person reads them: `3 ms`, `0.41 s`, `75.20 s`."""
    return f"{ms:.0f} ms" if ms < 10 else f"{ms / 1000:.2f} s"


def phase_line(phases: list[Mapping[str, Any]]) -> str:
    """Given a deploy's phases, return those up to the switch on one line: `queue 2 ms · build 410 ms · health 1.2 s`."""
    return " · ".join(f"{phase['name']} {_short(phase['ms'])}" for phase in phases if phase["name"] not in _AFTER_LIVE)


def _short(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def error_lines(error: Mapping[str, Any], word: str = "error") -> list[str]:
    """Given an error as JSON, return its lines: what happened, the context below it, and the command that mends it."""
    first, *more = [clean(line) for line in str(error.get("message", "")).splitlines()] or [""]
    details = [clean(line) for detail in error.get("details") or () for line in str(detail).splitlines()]
    hint = clean(str(error.get("hint") or ""))
    return [
        f"{word}: {first}",
        *(f"  {line}".rstrip() for line in (*more, *details)),
        *([f"try: {hint}"] if hint else []),
    ]
