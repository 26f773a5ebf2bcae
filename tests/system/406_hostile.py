#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 400
"""Targets that refuse, reset, stall, answer nonsense or never stop answering: each is counted in
its class and in no other, memory stays bounded, and the run ends on time."""
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (CLIENT, Target, Yardstick, cases_of, check_identities, client, free_port,
                  memory_of, run_cases, run_json, show, title_of, tree_of)

USERS = 20
# What a connection may take, and an engine: its receive buffers (engine.recv_buffers) are touched
# as its load begins.
CONNECTION_BYTES, ENGINE_BYTES = 256 << 10, 12 << 20
FLAGS = ("-d", "1500ms", "--drain", "500ms", "--json", "-q")
# Who waits for a timeout has a short one; who is answered, one that a busy machine keeps, and is
# cut by the end of the drain.
SHORT, LONG = ("--timeout", "300ms"), ("--timeout", "5s")
ENDS_WITHIN = 1.5 + 0.5 + 3  # load, drain, its start and its end


def watch_memory(process):
    """Until the run ends: by how much the greediest engine grew."""
    first, growth = {}, 0
    while process.poll() is None:
        for pid in tree_of(process.pid):
            if "hyperscaled: engine." in title_of(pid):
                try:
                    own = memory_of(pid)[0]
                except OSError:
                    continue
                growth = max(growth, own - first.setdefault(pid, own))
        time.sleep(0.02)
    return growth


def run_against(url, *flags, users=USERS, timeout=LONG):
    """Its document and exit code; memory and time are looked at on the way."""
    with Yardstick() as yardstick:
        begin = time.monotonic()
        process = subprocess.Popen([CLIENT, "run", url, "-c", str(users), *FLAGS, *timeout, *flags],
                                   stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        growth = watch_memory(process)
        seconds, allowed = time.monotonic() - begin, yardstick.allows(ENDS_WITHIN, 50)
    output, errors = process.communicate(timeout=60)
    assert output, (process.returncode, errors)
    document = json.loads(output)
    check_identities(document)
    print(f"  {show(document['requests'])} {document['errors']}; engines grew by {growth >> 10} "
          f"KiB; {seconds:.1f} s")
    assert growth <= USERS * CONNECTION_BYTES + ENGINE_BYTES, growth
    assert seconds < allowed, (seconds, allowed)
    return document, process.returncode


def expect_class(mode, wanted):
    target = Target("--mode", mode)
    is_waited_for = wanted == "timeout.response"
    document, code = run_against(target.url, timeout=SHORT if is_waited_for else LONG)
    counts = target.stop()
    requests, errors = document["requests"], document["errors"]
    assert code == 99 and document["verdict"]["target"] == "FAILED", (code, document["verdict"])
    assert requests["completed"] == 0 and requests["failed"] > 0, requests
    # A short timeout may strike a connect on a loaded machine; nothing else may appear.
    assert set(errors) <= ({wanted, "connect.timeout"} if is_waited_for else {wanted}), errors
    assert errors[wanted] >= 0.95 * requests["failed"], errors
    assert counts["requests"] <= requests["sent"] + requests["retried"], (counts, requests)
    assert counts["requests"] >= requests["completed"], (counts, requests)


def silence():
    expect_class("silent", "timeout.response")


def garbage():
    expect_class("garbage", "http.parse")


def resets():
    expect_class("reset", "recv.reset")


def an_early_close():
    expect_class("early-close", "recv.eof_early")


def a_chunk_of_no_size():
    expect_class("bad-chunk", "http.bad_chunk")


def a_byte_now_and_then():
    expect_class("drip", "timeout.response")


def headers_without_end():
    expect_class("endless-head", "http.header_too_big")


def a_body_without_end():
    expect_class("endless-body", "timeout.response")


def a_port_that_refuses():
    document, code = run_against(f"http://127.0.0.1:{free_port()}/")
    assert code == 4 and document["verdict"]["target"] == "UNREACHABLE", (code, document["verdict"])
    assert set(document["errors"]) == {"connect.refused"}, document["errors"]
    assert document["requests"]["completed"] == 0, document["requests"]


def a_name_that_nobody_knows():
    """It is told at once, not after the time of the load; nothing of it can ever be sent."""
    for flags in (("-d", "20s"), ("-R", "100/s", "-d", "20s"), ("-n", "100"),
                  ("-d", "20s", "--warmup", "9s")):
        begin = time.monotonic()
        done = client("run", "http://no-such-host.invalid/", *flags, "--json", "-q")
        assert time.monotonic() - begin < 8, (flags, time.monotonic() - begin)
        assert done.returncode == 4 and "no such name" in done.stderr, (flags, done)
        document = json.loads(done.stdout)
        check_identities(document)
        assert set(document["errors"]) == {"dns.nxdomain"}, (flags, document["errors"])
        assert document["verdict"]["target"] == "UNREACHABLE", (flags, document["verdict"])


class Parrot:
    """Says the same to every request, whatever it is, and then keeps, closes or resets the
    connection."""

    def __init__(self, words, then="keep"):
        self.words, self.then = words, then
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],),
                                 daemon=True).start()
            except OSError:
                return

    def serve(self, connection):
        with connection:
            try:
                while connection.recv(65536):
                    connection.sendall(self.words)
                    if self.then == "reset":
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                              struct.pack("ii", 1, 0))
                    if self.then != "keep":
                        return
            except OSError:
                pass


OK, HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\n"
WORDS = (  # what it says, what it does then, the class of all its answers (or none: they complete)
    (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "keep", "http.parse"),
    (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "keep",
     "http.parse"),
    (HEAD + b"Content-Length: -1\r\n\r\n", "keep", "http.bad_length"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "keep", "http.bad_chunk"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "keep", "http.parse"),
    (b"\0" * 100, "keep", "http.parse"),
    (HEAD + b"Content-Length: 9\r\n\r\nabc", "close", "recv.eof_early"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "keep", None),
    (HEAD + b"\r\nuntil the end", "close", None),
    (OK + OK, "keep", None),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX: y\r\n\r\n", "keep", None))


def whatever_a_server_says():
    for words, then, wanted in WORDS:
        parrot = Parrot(words, then)
        document = run_json(parrot.url, "-n", 200, "-c", 5, "--timeout", "5s", code=99 if wanted
                            else 0)
        parrot.listener.close()
        check_identities(document)
        print(f"  {words[:60]!r}, {then}: {show(document['requests'])} {document['errors']}")
        assert (document["requests"]["sent"] == 200 and
                document["requests"]["completed"] == (0 if wanted else 200)), words
        assert document["errors"] == ({wanted: 200} if wanted else {}), (words, document["errors"])


def error_statuses():
    for status, name in (("404", "status.4xx"), ("503", "status.5xx")):
        target = Target("--status", status)
        document, code = run_against(target.url)
        counts = target.stop()
        assert code == 99 and set(document["errors"]) == {name}, (code, document["errors"])
        assert document["status"] == {status: document["requests"]["failed"]}, document["status"]
        assert counts["requests"] == document["requests"]["sent"], (counts, document["requests"])


def a_close_after_every_third_answer():
    target = Target("--close-after", "3")
    document, code = run_against(target.url)
    counts = target.stop()
    requests = document["requests"]
    assert code == 0 and requests["failed"] == 0, (code, document["errors"])
    assert counts["requests"] == requests["sent"] + requests["retried"], (counts, requests)
    assert document["connections"] >= requests["completed"] // 3, document["connections"]


def an_open_load_on_a_silent_target_is_bounded():
    target = Target("--mode", "silent")
    document, code = run_against(target.url, "-R", "2000/s", users=50, timeout=SHORT)
    target.stop()
    requests = document["requests"]
    assert code == 99 and requests["offered"] == 3000, (code, requests)
    assert requests["dropped"] + requests["shed"] + requests["sent"] == 3000, requests


def a_target_that_goes_away_and_comes_back():
    target = Target("--for", "700ms", port=free_port())
    process = subprocess.Popen([CLIENT, "run", target.url, "-R", "200/s", "-d", "4s", "--json",
                                "-q"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    target.process.communicate(timeout=60)
    target = Target(port=target.port)
    output, _ = process.communicate(timeout=60)
    target.stop()
    document = json.loads(output)
    check_identities(document)
    print(f"  {show(document['requests'])} {document['errors']}")
    assert process.returncode == 0 and document["requests"]["offered"] == 800, document["requests"]
    assert document["requests"]["completed"] > 200, document["requests"]
    assert all(name.startswith(("connect.", "recv.", "send."))
               for name in document["errors"]), document["errors"]


run_cases(cases_of(globals(), ("watch_memory", "run_against", "expect_class")))
