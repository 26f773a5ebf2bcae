#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the moment at which `hyperscale run URL` is started to the first byte of its first request,
as the server's socket has it: the whole tree starts in between. Ten runs."""
import socket
import subprocess
import time

from benchlib import HYPERSCALE, IS_QUICK, ends, judge, median

RUNS = 3 if IS_QUICK else 10
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def start_ms():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        begin_ns = time.monotonic_ns()
        run = subprocess.Popen([HYPERSCALE, "run", url, "-n", "1", "-c", "1", "-q"],
                               stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            connection.recv(4096)
            took_ns = time.monotonic_ns() - begin_ns
            connection.sendall(ANSWER)
            run.wait(20)
        ends(run)
        return took_ns / 1e6


times = [start_ms() for _ in range(RUNS)]
judge("start", median(times), 300, 100, f"to the first request sent; best {min(times):.0f} ms, "
      f"worst {max(times):.0f} ms of {RUNS}", unit="ms")
