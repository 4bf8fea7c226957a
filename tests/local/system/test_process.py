"""Starting real processes: what they wrote, how they ended, and that nothing of them is left."""

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from deployhost.errors import CommandFailed, CommandMissing, CommandStopped, CommandTimedOut
from deployhost.system import process
from deployhost.system.process import run, spawn
from deployhost.system.stop import Stop
from tests.fakes.assembled import wait_until


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_completed() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2; printf half"], timeout=5)
    assert (done.code, done.stdout, done.stderr) == (0, "out\nhalf", "err\n")


def test_arguments_are_no_shell_text() -> None:
    text = "$(id) `id` ; rm -rf / ' \" \n *"
    assert run(["printf", "%s", text], timeout=5).stdout == text


def test_descriptors_are_passed_on_only_if_given() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"hello")
        file.flush()
        number = file.fileno()
        assert run(["cat", f"/proc/self/fd/{number}"], timeout=5, pass_fds=(number,)).stdout == "hello"
        assert run(["cat", f"/proc/self/fd/{number}"], timeout=5, check=False).code != 0


def test_environment_is_only_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    assert run(["/usr/bin/env"], env={"A": "1"}, timeout=5).stdout == "A=1\n"


def test_stdin_and_cwd(tmp_path: Path) -> None:
    assert run(["sh", "-c", "pwd; cat"], cwd=tmp_path, stdin=b"given", timeout=5).stdout == f"{tmp_path}\ngiven"
    assert run(["cat"], timeout=5).stdout == "", "without, there is nothing to read"


def test_stdin_that_nobody_reads() -> None:
    assert run(["true"], stdin=b"x" * 1_000_000, timeout=5).code == 0


def test_failed() -> None:
    with pytest.raises(CommandFailed) as failed:
        run(["sh", "-c", "echo out; seq 30 >&2; exit 7", "--password=hunter2"], timeout=5)
    assert failed.value.status == 7
    assert failed.value.message == "sh failed with exit code 7"
    assert failed.value.details == tuple(str(number) for number in range(11, 31))
    assert run(["false"], timeout=5, check=False).code == 1


def test_killed_by_a_signal() -> None:
    assert run(["sh", "-c", "kill -9 $$"], timeout=5, check=False).code == -9


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(CommandMissing, match="no-such-program is not installed"):
        run(["no-such-program"], timeout=5)
    with pytest.raises(CommandFailed, match="no such directory"):
        run(["true"], cwd=tmp_path / "no", timeout=5)
    (tmp_path / "plain").write_text("x")
    with pytest.raises(CommandFailed, match="can't be started"):
        run([str(tmp_path / "plain")], timeout=5)


def test_time_out_ends_the_whole_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A child that ignores TERM, and its own child, are gone afterwards."""
    monkeypatch.setattr(process.ChildProcess.stop, "__defaults__", (0.1,))
    script = f"trap '' TERM; sleep 60 & echo $! >{tmp_path}/child; echo $$ >{tmp_path}/parent; echo said; while :; do sleep 60; done"
    with pytest.raises(CommandTimedOut) as failed:
        run(["sh", "-c", script], timeout=0.3)
    assert failed.value.details == ("said",)
    pids = [int((tmp_path / name).read_text()) for name in ("child", "parent")]
    wait_until(lambda: all(gone(pid) for pid in pids))


def test_lines_as_they_come() -> None:
    lines: list[str] = []
    news = threading.Event()

    def on_line(line: str) -> None:
        lines.append(line)
        news.set()

    running = spawn(["sh", "-c", "echo one; read x; printf 'two\\r\\nthr'"], on_line=on_line, stdin=None)
    assert news.wait(5)
    assert running.wait(5).code == 0
    assert lines == ["one", "two", "thr"]


def test_output_that_is_no_text() -> None:
    assert run(["printf", r"\377\n"], timeout=5).stdout == "\ufffd\n"


def test_grandchild_that_holds_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that was started does not keep us waiting for its output."""
    monkeypatch.setattr(process, "LINGER", 0.2)
    started = time.monotonic()
    done = run(["sh", "-c", "sleep 30 & echo $!"], timeout=10)
    assert time.monotonic() - started < 5
    os.kill(int(done.stdout), signal.SIGKILL)


def test_output_to_a_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    running = spawn(["sh", "-c", "echo out; echo err >&2; exit 3"], output=log)
    done = running.wait(5)
    assert (done.code, done.stdout) == (3, "")
    assert log.read_text() == "before\nout\nerr\n"
    assert running.poll() == 3


def test_session_of_its_own() -> None:
    """Ctrl-C at our terminal is not its business."""
    assert int(run(["sh", "-c", "ps -o sid= -p $$ || cut -d' ' -f6 /proc/$$/stat"], timeout=5).stdout) != os.getsid(0)


def test_stopped() -> None:
    running = spawn(["sleep", "60"])
    running.stop()
    assert running.poll() == -signal.SIGTERM
    running.stop()
    running.signal(signal.SIGTERM)


def test_dies_with_us(tmp_path: Path) -> None:
    """The thread that started it ends (as it does when we are killed), and so does it."""
    found: list[process.ChildProcess] = []

    def start() -> None:
        found.append(spawn(["sleep", "60"], dies_with_us=True))
        # The kernel is told of it by the program in between: it must have got that far.
        wait_until(lambda: Path(f"/proc/{found[0].pid}/comm").read_text() == "sleep\n")

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert found[0].wait(5).code == -signal.SIGTERM


def test_outlives_us(tmp_path: Path) -> None:
    """What is started with a file for its output goes on when we are killed."""
    script = (
        "import sys, time; from pathlib import Path; from deployhost.system.process import spawn;"
        "running = spawn(['sh', '-c', 'sleep 0.3; echo done'], output=Path(sys.argv[1]));"
        "print(running.pid, flush=True); time.sleep(60)"
    )
    said: list[str] = []
    us = spawn([sys.executable, "-c", script, str(tmp_path / "log")], on_line=said.append)
    wait_until(lambda: bool(said))
    os.kill(us.pid, signal.SIGKILL)
    us.wait(5)
    wait_until(lambda: (tmp_path / "log").read_text() == "done\n")


def test_stopped_at_once(tmp_path: Path) -> None:
    """The whole group ends, and nobody had to wait until the next look."""
    stop = Stop()
    script = f"sleep 60 & echo $! >{tmp_path}/child; echo said; wait"

    def wish() -> None:
        wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text() != "")
        stop.set()

    threading.Thread(target=wish).start()
    began = time.monotonic()
    with pytest.raises(CommandStopped, match="sh was stopped"):
        run(["sh", "-c", script], timeout=30, stop=stop)
    assert time.monotonic() - began < 5
    wait_until(lambda: gone(int((tmp_path / "child").read_text())))


def test_stopped_before_it_began_and_after_it_ended() -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(CommandStopped):
        run(["sleep", "60"], timeout=30, stop=stop)
    late = Stop()
    assert run(["true"], timeout=30, stop=late).code == 0
    late.set()  # whoever waited is not woken any more


def test_a_line_without_end_is_cut_while_it_is_read() -> None:
    """A commit's subject, or a build's progress bar, may have megabytes: none of them are kept or told."""
    told: list[str] = []
    child = spawn(["sh", "-c", "head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end"], on_line=told.append)
    done = child.wait(30)
    assert [len(line) for line in told] == [process.LINE, 3]
    assert child.tail()[-1] == "end"
    assert len(done.stdout) < 2 * process.LINE


def test_of_output_that_is_told_only_the_end_is_kept() -> None:
    told: list[str] = []
    done = run(["seq", "100000"], timeout=30, on_line=told.append)
    assert len(told) == 100_000
    assert done.stdout.splitlines() == told[-process.KEPT :]


def test_output_that_is_kept_whole_is_bounded() -> None:
    with pytest.raises(CommandFailed, match="yes wrote more than 16 MB and was stopped"):
        run(["yes"], timeout=30)


def test_memory_is_limited_for_all_that_it_starts() -> None:
    said = run(["sh", "-c", "sh -c 'ulimit -v'; ulimit -v"], timeout=5, memory=512 * 1024**2).stdout
    assert said.split() == ["524288", "524288"]
