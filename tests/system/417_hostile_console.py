#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# beside: others
"""Those who ask the console and mean it badly: they are cut off, others are answered, and it stays
the process it was."""
import json
import os
import random
import select
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import Daemon, cases_of, free_port, memory_of, run_cases, wait_for

PATIENCE = "1s"


def start(name):
    port = free_port()
    daemon = Daemon(name, engines=1, supervisor={"watchdog": "10s"},
                    console={"metrics_address": f"127.0.0.1:{port}",
                             "request_timeout": PATIENCE}).start()
    daemon.port = port
    daemon.console_pid = daemon.rows()["console"]["pid"]
    return daemon


def connect(daemon, is_metrics=False):
    client = socket.socket(socket.AF_INET if is_metrics else socket.AF_UNIX, socket.SOCK_STREAM)
    # waits in a full queue
    client.connect(("127.0.0.1", daemon.port) if is_metrics else daemon.run_dir + "/status.sock")
    client.settimeout(10)
    return client


def counts(daemon):
    return daemon.get('{"get":"counters","process":"console"}')["counters"][0]["values"]


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.console_pid}/fd"))


def push(client, data):
    """As much of it as the other side lets us; whether it hung up."""
    try:
        client.sendall(data)
        while client.recv(1 << 16):
            pass
    except (BrokenPipeError, ConnectionResetError):
        pass
    return True


def finish(daemon, before):
    wait_for("no descriptor left behind", lambda: descriptors(daemon) <= before, 10)
    row = daemon.rows()["console"]
    assert row["pid"] == daemon.console_pid and row["restarts"] == 0, row
    assert daemon.get("status")["status"]["deaths"] == 0
    daemon.stop()


def lines_without_end_and_rubbish_cost_only_their_own_connection():
    daemon = start("hostile_lines")
    before = descriptors(daemon)
    small, _ = memory_of(daemon.console_pid)
    good = connect(daemon)
    for data in (b"x" * (1 << 20), b"{" * (1 << 20), b'{"get":"' + b"a" * (1 << 20) + b'"}\n',
                 random.Random(7).randbytes(1 << 20)):
        with connect(daemon) as client:
            push(client, data)
        good.sendall(b'{"get":"workers"}\n')
        assert "workers" in json.loads(good.makefile().readline())
    good.close()
    with connect(daemon) as half:  # half a line, then nothing
        begin = time.monotonic()
        half.sendall(b'{"get":"sta')
        assert half.recv(1) == b"" and 0.5 < time.monotonic() - begin < 5
    assert counts(daemon)["status_clients_cut_off"] >= 3
    large, _ = memory_of(daemon.console_pid)
    assert large < small + (4 << 20), f"{small} -> {large} bytes"
    finish(daemon, before)


def a_thousand_connections_at_once_are_turned_away_and_told():
    daemon = start("hostile_crowd")
    before = descriptors(daemon)
    crowd, told = [], 0
    for _ in range(1000):
        client = connect(daemon)
        client.setblocking(False)
        crowd.append(client)
    wait_for("those to be closed who have no place", lambda: descriptors(daemon) <= before + 16 + 1)
    wait_for("an answer to the last", lambda: select.select([crowd[-1]], [], [], 0)[0], 10)
    for client in crowd:
        try:
            told += b"E-BUSY" in client.recv(4096)
        except BlockingIOError:
            pass  # one of the few that have a place, and asked nothing
    assert told >= 900, told
    for client in crowd:
        client.close()
    wait_for("room again", lambda: "status" in daemon.get("status"))
    assert counts(daemon)["status_clients_refused"] >= 900
    finish(daemon, before)


def who_watches_and_never_reads_is_cut_off():
    daemon = start("hostile_watcher")
    before = descriptors(daemon)
    deaf = connect(daemon)
    deaf.sendall(b'{"watch":"counters","every_ms":100}\n')
    wait_for("his end", lambda: counts(daemon)["status_clients_cut_off"] == 1, 30)
    event = [row for row in daemon.get("events")["events"] if row["kind"] == "client_cut_off"][-1]
    assert event["text"].endswith("too slow") and event["process"] == "console", event
    deaf.close()
    finish(daemon, before)


def slow_and_rude_scrapers_do_not_keep_others_out():
    daemon = start("hostile_scrapers")
    before = descriptors(daemon)
    slow = [connect(daemon, True) for _ in range(8)]
    for client in slow:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
    with connect(daemon, True) as ninth:  # no room
        assert push(ninth, b"GET /metrics HTTP/1.1\r\n\r\n")
    begin = time.monotonic()
    while time.monotonic() - begin < 3:  # a letter now and then does not buy time
        try:
            for client in slow:
                client.sendall(b"x")
        except (BrokenPipeError, ConnectionResetError):
            break
        time.sleep(0.2)
    assert time.monotonic() - begin < 3, "slow ones are never cut off"
    for client in slow:
        client.close()

    def page():
        with connect(daemon, True) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 3)
            text = b""
            try:
                while piece := client.recv(1 << 16):
                    text += piece
            except ConnectionResetError:
                pass
            return text
    text = wait_for("a page", lambda: b" 200 " in (text := page()) and text)
    head, body = text.split(b"\r\n\r\n", 1)
    length = int(next(line.split(b":")[1] for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length")))
    assert len(body) == length, "one answer, and whole"
    for rude in (b"\x00" * 5000, b"GET " + b"/" * 10000 + b" HTTP/1.1\r\n\r\n",
                 random.Random(3).randbytes(20000), b"POST /metrics HTTP/1.1\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n"):
        with connect(daemon, True) as client:
            push(client, rude)
    assert b" 200 " in page()
    assert counts(daemon)["metrics_requests_refused"] >= 4
    finish(daemon, before)


run_cases(cases_of(globals(), ("start", "connect", "counts", "descriptors", "push", "finish")))
