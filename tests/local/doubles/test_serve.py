"""The doubles' HTTPS server: calls, violations and faults, as a client sees them."""

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.doubles.certificates import Authority
from tests.doubles.serve import Answer, Call, Fault, HttpsDouble, Violation, json_answer


def echo(call: Call) -> Answer:
    if call.path == "/unknown":
        raise Violation("no such path")
    if call.path == "/broken":
        raise ZeroDivisionError
    return json_answer({"method": call.method, "body": call.body.decode(), **call.parameters})


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def double(authority: Authority) -> Iterator[HttpsDouble]:
    with HttpsDouble(echo, authority.server_context("127.0.0.1", "*.example.test")) as server:
        yield server


@pytest.fixture
def client(authority: Authority, double: HttpsDouble) -> Iterator[http.client.HTTPSConnection]:
    connection = http.client.HTTPSConnection("127.0.0.1", double.port, timeout=5, context=authority.client_context())
    yield connection
    connection.close()


def ask(client: http.client.HTTPSConnection, method: str, path: str, body: str | None = None) -> tuple[int, object]:
    client.request(method, path, body=body)
    answer = client.getresponse()
    return answer.status, json.loads(answer.read() or b"null")


def test_a_connection_serves_many_calls_and_all_are_recorded(
    client: http.client.HTTPSConnection, double: HttpsDouble
) -> None:
    assert ask(client, "GET", "/a?b=c") == (200, {"method": "GET", "body": "", "b": "c"})
    local = client.sock.getsockname()
    assert ask(client, "PATCH", "/a", "text") == (200, {"method": "PATCH", "body": "text"})
    client.request("POST", "/a", body=iter([b"in ", b"parts"]))
    assert json.loads(client.getresponse().read())["body"] == "in parts"
    assert client.sock.getsockname() == local
    assert [(call.method, call.path) for call in double.record.calls] == [
        ("GET", "/a"),
        ("PATCH", "/a"),
        ("POST", "/a"),
    ]
    double.record.check()


@pytest.mark.parametrize("path", ["/unknown", "/broken"])
def test_what_the_service_does_not_know_is_a_violation(
    client: http.client.HTTPSConnection, double: HttpsDouble, path: str
) -> None:
    assert ask(client, "GET", path)[0] == 500
    with pytest.raises(AssertionError, match=path):
        double.record.check()


def test_faults_are_met_in_their_turn(client: http.client.HTTPSConnection, double: HttpsDouble) -> None:
    double.record.fail(
        Fault("GET", "/a.*", status=429, retry_after=7, skip=1), Fault("*", "/b", status=403, times=None)
    )
    assert ask(client, "GET", "/a")[0] == 200
    client.request("GET", "/a")
    answer = client.getresponse()
    assert (answer.status, answer.headers["Retry-After"], answer.read() != b"") == (429, "7", True)
    assert ask(client, "GET", "/a")[0] == 200
    assert [ask(client, method, "/b")[0] for method in ("GET", "DELETE", "PUT")] == [403] * 3
    double.record.mend()
    assert ask(client, "GET", "/b")[0] == 200


def test_a_call_is_dropped_after_it_was_done(authority: Authority, client: http.client.HTTPSConnection) -> None:
    done: list[str] = []

    def note(call: Call) -> Answer:
        done.append(call.path)
        return Answer()

    with HttpsDouble(note, authority.server_context("127.0.0.1")) as double:
        double.record.fail(Fault("POST", "/one", drop=True, done=True), Fault("POST", "/two", drop=True))
        for path in ("/one", "/two"):
            lost = http.client.HTTPSConnection("127.0.0.1", double.port, context=authority.client_context())
            lost.request("POST", path)
            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                lost.getresponse()
            lost.close()
        assert done == ["/one"]
        assert [status for _, status in double.record.answered] == [0, 0]


def test_a_hang_lasts_until_the_client_gives_up(authority: Authority, double: HttpsDouble) -> None:
    double.record.fail(Fault("GET", "/", hang=True, times=None))
    impatient = http.client.HTTPSConnection("127.0.0.1", double.port, timeout=0.2, context=authority.client_context())
    impatient.request("GET", "/")
    with pytest.raises(TimeoutError):
        impatient.getresponse()
    impatient.close()


def test_the_server_stops_while_calls_hang(authority: Authority) -> None:
    double = HttpsDouble(echo, authority.server_context("127.0.0.1"))
    double.record.fail(Fault("GET", "/", hang=True), Fault("GET", "/late", delay=30))
    with ThreadPoolExecutor() as pool, contextlib.ExitStack() as connections:
        asked = []
        for path in ("/", "/late"):
            connection = http.client.HTTPSConnection("127.0.0.1", double.port, context=authority.client_context())
            connections.callback(connection.close)
            asked.append(pool.submit(ask, connection, "GET", path))
        time.sleep(0.2)
        started = time.monotonic()
        double.stop()
        assert time.monotonic() - started < 2
        for answer in asked:
            assert answer.exception(5) is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", double.port), 1)


def test_only_the_test_ca_is_trusted_and_only_for_the_names(authority: Authority, double: HttpsDouble) -> None:
    context = authority.client_context()
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection(("127.0.0.1", double.port)) as raw:
        ssl.create_default_context().wrap_socket(raw, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection(("127.0.0.1", double.port)) as raw:
        context.wrap_socket(raw, server_hostname="other.test")
    with socket.create_connection(("127.0.0.1", double.port)) as raw:
        context.wrap_socket(raw, server_hostname="one.example.test").close()
