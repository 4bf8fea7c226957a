"""A process that answers questions: in time, too long, too much, never, or not any more."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.errors import CommandFailed, CommandMissing, CommandStopped, CommandTimedOut
from deployhost.system.answering_process import LONGEST, AnsweringProcess
from deployhost.system.stop import Stop

PARTNER = f"""
import os, struct, sys, time
questions, answers = sys.stdin.buffer, sys.stdout.buffer
while header := questions.read(4):
    question = questions.read(struct.unpack(">I", header)[0])
    if question == b"sleep":
        time.sleep(60)
    if question == b"die":
        os._exit(7)
    if question == b"flood":
        answers.write(struct.pack(">I", {LONGEST} + 1))
    elif question == b"environment":
        question = ",".join(sorted(os.environ)).encode()
    answers.write(struct.pack(">I", len(question)) + question)
    answers.flush()
"""


def start() -> AnsweringProcess:
    return AnsweringProcess([sys.executable, "-I", "-c", PARTNER], env={"LC_CTYPE": "C.UTF-8"})


@pytest.fixture
def process() -> Iterator[AnsweringProcess]:
    made = start()
    yield made
    made.end()


def ask(process: AnsweringProcess, question: bytes, seconds: float = 10.0, stop: Stop | None = None) -> bytes:
    return process.ask(question, seconds=seconds, stop=stop or Stop())


def test_it_answers_one_question_after_the_other(process: AnsweringProcess) -> None:
    for question in (b"", b"hello", b"x" * 300_000):
        assert ask(process, question) == question
    assert ask(process, b"environment") == b"LC_CTYPE", "nothing of ours"


@pytest.mark.parametrize(
    ("question", "error", "said"),
    [
        (b"sleep", CommandTimedOut, "did not answer in time"),
        (b"die", CommandFailed, "ended before it answered"),
        (b"flood", CommandFailed, "too long an answer"),
    ],
)
def test_one_that_fails_to_answer_is_ended_for_good(
    process: AnsweringProcess, question: bytes, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        ask(process, question, seconds=0.3 if question == b"sleep" else 10)
    assert not Path(f"/proc/{process.pid}").exists()
    with pytest.raises(CommandFailed, match="ended before it answered"):
        ask(process, b"hello")
    process.end()


@pytest.mark.parametrize("before", [True, False])
def test_a_wish_ends_the_wait_at_once(process: AnsweringProcess, before: bool) -> None:
    stop = Stop()
    wish: Callable[[], None] = stop.set
    timer = threading.Timer(0.0 if before else 0.1, wish)
    timer.start()
    if before:
        timer.join()
    began = time.monotonic()
    with pytest.raises(CommandStopped):
        ask(process, b"sleep", stop=stop)
    assert time.monotonic() - began < 5


def test_what_is_not_there_can_not_be_started() -> None:
    with pytest.raises((CommandFailed, CommandMissing)):
        AnsweringProcess(["/nowhere/program"], env={})
