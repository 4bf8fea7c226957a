"""Recorded output of the real builders: Docker 20.10's own client, and buildx under Docker 28."""

from pathlib import Path

import pytest

from deployhost.build.progress import BuildProgress, Failure, is_about_a_step

RECORDED = Path(__file__).parent / "recorded"


def played(name: str) -> tuple[list[str], BuildProgress]:
    progress = BuildProgress()
    lines = [
        line for raw in (RECORDED / f"{name}.txt").read_bytes().decode().split("\n") for line in progress.feed(raw)
    ]
    return lines, progress


def test_steps_and_their_own_output_are_kept_and_noise_is_not() -> None:
    assert played("20.ok")[0] == [
        "[deps 2/4] WORKDIR /app",
        "[deps 3/4] COPY a.txt ./",
        r"[deps 4/4] RUN echo hello; echo oops >&2; printf 'a\rb\rc\n'; sleep 1",
        "  hello",
        "  c",
        "  oops",
        "  done in 1.2 s",
        "[stage-1 2/3] COPY --from=deps /app /app",
        "[stage-1 3/3] COPY . .",
    ]


def test_of_what_was_cached_only_commands_are_shown() -> None:
    assert played("28.ok")[0] == [r"[deps 4/4] RUN echo hello; echo oops >&2; printf 'a\rb\rc\n'; sleep 1", "  cached"]


def test_a_command_is_shown_without_its_mounts_and_our_preamble_and_not_too_long() -> None:
    progress = BuildProgress()
    mounts = (
        "--mount=type=cache,id=a-pip,target=/root/.cache/pip     --mount=type=secret,id=ca,target=/run/secrets/ca.pem"
    )
    trust = "if [ -s /run/secrets/ca.pem ]; then       export SSL_CERT_FILE=/run/secrets/ca.pem A=b;     fi;     "
    assert progress.feed(f"#1 [deps 1/2] RUN {mounts}     {trust}pip install x") == ["[deps 1/2] RUN pip install x"]
    progress.feed("#1 ERROR: process: exit code: 2")
    assert progress.failure().message == "RUN pip install x failed with exit code 2"
    (long,) = progress.feed(f"#2 [2/2] RUN {'x' * 500}")
    assert len(long) == 120


RUN = "RUN echo before; pip install ./nonexistent-thing"


@pytest.mark.parametrize("version", ["20", "28"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fail", f"{RUN} failed with exit code 1"),
        ("copy", 'COPY missing.txt . failed: "/missing.txt" not found'),
        ("parse", "the Dockerfile can't be read: line 2: unknown instruction: FOO"),
        ("heredoc", "the Dockerfile can't be read: line 3: unknown instruction: ECHO"),
        ("syntax", "the image docker.io/docker/dockerfile:1 can't be had: its name can't be resolved"),
        ("from", "the image docker.io/nosuch/image:1 can't be had: its name can't be resolved"),
    ],
)
def test_a_failure_is_told_by_its_cause(version: str, name: str, message: str) -> None:
    failure = played(f"{version}.{name}")[1].failure()
    assert failure.message == message


@pytest.mark.parametrize("version", ["20", "28"])
def test_a_failing_command_carries_its_own_last_lines(version: str) -> None:
    details = played(f"{version}.fail")[1].failure().details
    assert details[0] == "before"
    assert details[-1] == "Hint: It looks like a path. File './nonexistent-thing' does not exist."
    assert len(details) == 5


def test_details_are_the_last_twenty_lines_of_the_failing_step_only() -> None:
    progress = BuildProgress()
    progress.feed("#1 [1/2] RUN a")
    progress.feed("#2 [2/2] RUN b")
    for number in range(50):
        progress.feed(f"#1 {number}.0 a{number}")
        progress.feed(f"#2 {number}.0 b{number}")
    progress.feed("#1 CANCELED")
    progress.feed('#2 ERROR: process "/bin/sh -c b" did not complete successfully: exit code: 137')
    assert progress.failure() == Failure(
        "RUN b failed with exit code 137, killed: probably out of memory", tuple(f"b{n}" for n in range(30, 50))
    )


def test_steps_that_run_side_by_side_are_told_apart() -> None:
    progress = BuildProgress()
    raw = [
        "#1 [a 1/1] RUN a",
        "#2 [b 1/1] RUN b",
        "#1 0.1 x",
        "#1 0.2 y",
        "#2 0.3 z",
        "#2 ...",
        "#1 [a 1/1] RUN a",
        "#1 0.4 w",
    ]
    assert [line for one in raw for line in progress.feed(one)] == [
        "[a 1/1] RUN a",
        "[b 1/1] RUN b",
        "[a 1/1] RUN a",
        "  x",
        "  y",
        "[b 1/1] RUN b",
        "  z",
        "[a 1/1] RUN a",
        "  w",
    ]


def test_colours_and_overwritten_parts_go() -> None:
    progress = BuildProgress()
    progress.feed("#1 [1/1] RUN a")
    assert progress.feed("#1 0.5 10%\r50%\r\x1b[32m100%\x1b[0m\r") == ["  100%"]


def test_a_command_that_said_nothing_at_all() -> None:
    assert BuildProgress().failure().message == "docker build failed and did not say why"


def test_an_engine_that_is_not_there() -> None:
    progress = BuildProgress()
    progress.feed(
        "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    )
    assert progress.failure().message.startswith("Cannot connect to the Docker daemon")


def test_lines_about_steps_are_told_from_their_output() -> None:
    about = [
        "#5 [2/3] RUN make",
        "#5 DONE 0.1s",
        "#5 ERROR: process failed",
        "#12 CACHED",
        "#4 sha256:ab 1MB / 2MB",
        "#6 ...",
    ]
    assert all(is_about_a_step(line) for line in about)
    output = ["#5 0.123 text", "#5 12.3 #5 DONE 0.1s", "Step 1/2", "------", " > [2/3] RUN make:", ""]
    assert not any(is_about_a_step(line) for line in output)


def test_not_every_step_is_known_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployhost.build.progress.MOST_STEPS", 10)
    progress = BuildProgress()
    progress.feed("#1 [1/1] RUN a")
    progress.feed("#1 ERROR: process did not complete successfully: exit code: 3")
    for number in range(2, 100):
        progress.feed(f"#{number} [1/1] RUN b")
    assert len(progress._steps) == 10
    assert progress.failure().message == "RUN a failed with exit code 3"
