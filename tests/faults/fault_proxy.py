"""An HTTP proxy between Spark and the store that does harm to the storlets' answers on their way to the executors."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import socket
import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa


class Exchange:
    """One request of an executor for a storlet's answer, to be answered by a fault.

    Args:
        handler: with the executor's request.
        store: host and port of Swift's proxy.
    """

    def __init__(self, handler: http.server.BaseHTTPRequestHandler, store: str) -> None:
        self.path, self.headers = handler.path, dict(handler.headers.items())
        self._handler, self._upstream = handler, http.client.HTTPConnection(store)

    def ask(self) -> http.client.HTTPResponse:
        """Pass the request on."""
        self._upstream.request("GET", self.path, headers=self.headers)
        return self._upstream.getresponse()

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._handler.wfile.write(data)

    def head(self, status: int = 200, **headers: str) -> None:
        """Send a status line and headers; a body follows in chunks."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines = [f"HTTP/1.1 {status} Fault", *lines, "Transfer-Encoding: chunked", "", ""]
        self.raw("\r\n".join(lines).encode())

    def chunk(self, data: bytes) -> None:
        """Send a part of the body; an empty one ends it."""
        self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    def wait_until_closed(self) -> None:
        """Wait for the executor to give up."""
        self._handler.connection.settimeout(60)
        with contextlib.suppress(ConnectionError):
            assert self._handler.connection.recv(1) == b"", "no second request was expected"

    def close(self) -> None:
        """End both connections; whoever reads notices at once."""
        self._upstream.close()
        self._handler.close_connection = True
        self._handler.wfile.flush()
        with contextlib.suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)


Fault = Callable[[Exchange], None]


def passed(exchange: Exchange) -> None:
    """No fault."""
    answer = exchange.ask()
    named = {"X_Trans_Id": answer.headers.get("X-Trans-Id", "")}
    if answer.headers.get("Retry-After"):
        named["Retry_After"] = answer.headers["Retry-After"]
    exchange.head(answer.status, **named)
    _pass_on(exchange, answer)


def _pass_on(exchange: Exchange, answer: http.client.HTTPResponse) -> None:
    try:
        while data := answer.read1(1 << 16):
            exchange.chunk(data)
        exchange.chunk(b"")
    except (http.client.HTTPException, OSError):
        exchange.close()  # the store has broken off, so this does as well


class FaultProxy:
    """The proxy: each answer for an executor takes the next of `faults`; without one it is passed on.

    Args:
        store: Swift's auth URL.
    """

    def __init__(self, store: str) -> None:
        self.faults: list[Fault] = []
        self.requests = 0
        self.refuses_logins = False
        self._store = store.removeprefix("http://").removesuffix("/auth/v1.0")
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._get(self)

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def auth_url(self) -> str:
        """Where Spark is to log in, so that all its requests come here."""
        return f"http://127.0.0.1:{self._server.server_port}/auth/v1.0"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _get(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        exchange = Exchange(handler, self._store)
        if handler.headers.get("User-Agent") == "spark-storlets":
            self.requests += 1
            fault = self.faults.pop(0) if self.faults else passed
            try:
                fault(exchange)
            except OSError:
                exchange.close()  # the executor has gone
            return
        if self.refuses_logins and handler.path.startswith("/auth/"):
            handler.send_response(401)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        answer = http.client.HTTPConnection(self._store)
        answer.request(handler.command, handler.path, headers=dict(handler.headers.items()))
        found = answer.getresponse()
        body = found.read()
        handler.send_response(found.status)
        for name, value in found.headers.items():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                handler.send_header(name, value.replace(self._store, handler.headers["Host"]))
        length = found.headers["Content-Length"] if handler.command == "HEAD" else str(len(body))
        handler.send_header("Content-Length", length)
        handler.end_headers()
        handler.wfile.write(body)
        answer.close()


# ---- faults

Place = Callable[[bytes], int]


def messages(body: bytes) -> list[int]:
    """Where the messages of the Arrow stream in an answer end: schema, batches."""
    source, ends = pa.BufferReader(body), []
    while _message(source) is not None:
        ends.append(source.tell())
    return ends


def _message(source: pa.BufferReader) -> pa.ipc.Message | None:
    try:
        return pa.ipc.read_message(source)
    except (EOFError, pa.ArrowInvalid):
        return None


def cut(place: Place) -> Fault:
    """Break off at a place of the body."""

    def fault(exchange: Exchange) -> None:
        body = exchange.ask().read()
        exchange.head()
        if place(body):
            exchange.chunk(body[: place(body)])
        exchange.close()

    return fault


def stalled(place: Place) -> Fault:
    """Send nothing more from a place of the body on."""

    def fault(exchange: Exchange) -> None:
        body = exchange.ask().read()
        exchange.head()
        if place(body):
            exchange.chunk(body[: place(body)])
        exchange.wait_until_closed()

    return fault


def flipped(place: Place) -> Fault:
    """Send another byte at a place of the body."""

    def fault(exchange: Exchange) -> None:
        body = bytearray(exchange.ask().read())
        body[place(bytes(body))] ^= 1
        exchange.head()
        exchange.chunk(bytes(body))
        exchange.chunk(b"")

    return fault


def slow(exchange: Exchange) -> None:
    """Send the body byte by byte."""
    body = exchange.ask().read()
    exchange.head()
    for at in range(len(body)):
        exchange.chunk(body[at : at + 1])
    exchange.chunk(b"")


def cut_in_head(exchange: Exchange) -> None:
    """Break off between the status line and the headers' end."""
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Le")
    exchange.close()


def dropped(exchange: Exchange) -> None:
    """Send nothing at all."""
    exchange.close()


def status(code: int, **headers: str) -> Fault:
    """Answer with a status of one's own."""

    def fault(exchange: Exchange) -> None:
        exchange.head(code, **headers)
        exchange.chunk(b"")

    return fault


def after(action: Callable[[], object], then: Fault = passed) -> Fault:
    """Do something before the request reaches the store."""

    def fault(exchange: Exchange) -> None:
        action()
        then(exchange)

    return fault


def amid(action: Callable[[], object]) -> Fault:
    """Do something when the first bytes of the body have come, and pass on what comes behind them."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.ask()
        exchange.head(answer.status)
        exchange.chunk(answer.read1(1 << 16))
        action()
        _pass_on(exchange, answer)

    return fault


def storlet(name: str) -> Fault:
    """Run another storlet."""

    def fault(exchange: Exchange) -> None:
        exchange.headers["X-Run-Storlet"] = name
        passed(exchange)

    return fault
