#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of an idle kept connection and its virtual user: what the processes of a tree hold
(proportional set size, so shared pages count once) while 10,000 users wait between two requests,
less what they hold with 10, divided by the difference. Not in it: what the kernel itself keeps for
a socket. Three rounds."""
import json
import os
import subprocess
import tempfile
import time

from benchlib import (HYPERSCALE, IS_QUICK, Responder, descendants, ends, give_up, judge, median,
                      signal, wait_for)

MANY, FEW, ROUNDS = 10000, 10, 1 if IS_QUICK else 3


def plan(url, users):
    """Everybody asks once, and thinks for longer than the run lasts."""
    return {"version": 1, "name": "idle", "workflows": [
        {"name": "w", "load": {"model": "closed", "vus": users, "for": "60s"},
         "steps": [{"name": "get", "url": url, "think": "10m"}]}]}


def held_bytes(pid):
    total = 0
    for one in descendants(pid):
        with open(f"/proc/{one}/smaps_rollup") as rollup:
            total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) * 1024
    return total


def sockets(pid):
    """TCP connections of a tree, as its processes' descriptors: the engine's are nearly all of
    them."""
    count = 0
    for one in descendants(pid):
        with os.scandir(f"/proc/{one}/fd") as entries:
            count += sum(1 for _ in entries)
    return count


def idle_bytes(server, users):
    """(bytes held by a tree whose users all wait)"""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plan(server.url, users), file)
        file.flush()
        run = subprocess.Popen([HYPERSCALE, "run", file.name, "--json", "-q", "--cores", "1"],
                               stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        wait_for(f"{users} connections", lambda: run.poll() is not None or
                 sockets(run.pid) >= users, 30)
        time.sleep(2)  # a reading of the figures and a heartbeat or two: not a burst but the rest
        total = held_bytes(run.pid)
        run.send_signal(signal.SIGINT)
        output, errors = run.communicate(timeout=60)
        ends(run)
        try:
            completed = json.loads(output)["requests"]["completed"]
        except ValueError:
            give_up(f"no document: {errors[-2000:]}")
        if completed != users:
            give_up(f"{completed} answers for {users} users")
        return total


with Responder() as server:
    found = [(idle_bytes(server, FEW), idle_bytes(server, MANY)) for _ in range(ROUNDS)]
each = median((many - few) / (MANY - FEW) for few, many in found)
judge("memory", each / 1024, 1.5, 0.6, f"{each:.0f} bytes a connection, tree of {FEW}: "
      f"{median(few for few, _ in found) / 1e6:.1f} "
      f"MB, of {MANY}: {median(many for _, many in found) / 1e6:.1f} MB", unit="KiB")
