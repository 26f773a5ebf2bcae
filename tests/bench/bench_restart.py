#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the death of a process to its successor serving: every kind of a daemon's processes is
killed (-9) in turn while a job runs, five times. A successor serves when it has told the supervisor
so, after it has taken over what its predecessor left; for the gate and the console also when
somebody asks them and has the answer. The worst kind is judged."""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
import status_socket
from benchlib import (DAEMON, HYPERSCALE, IS_QUICK, Responder, ends, give_up, judge, median, signal,
                      wait_for)

EVERYBODY = ("console", "gate", "manager", "worker", "engine.0", "engine.1")
ROUNDS = 2 if IS_QUICK else 5
GOOD_LIFE_NS = 1.05e9  # who was ready for a second is followed at once, not after a back-off


class Daemon:
    def __init__(self, directory):
        self.run_dir = os.path.join(directory, "run")
        config = os.path.join(directory, "config.json")
        with open(config, "w") as file:
            json.dump({"roles": {"engines": 2}, "node": {"name": "bench", "datacenter": "here"}},
                      file)
        self.process = subprocess.Popen([DAEMON, "start", "-c", config, "--run-dir", self.run_dir,
                                         "--state-dir",
                                         os.path.join(directory, "state")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("all processes", lambda: len(rows := self.rows()) == len(EVERYBODY) and
                 all(row["state"] == "ready" for row in rows.values()))
        wait_for("free cores", lambda: self.get("status")["status"]["cores"]["free"] == 2)

    def get(self, what):
        return status_socket.ask(self.run_dir, what, 5)

    def rows(self):
        return status_socket.processes(self.run_dir, 5)

    def client(self, *words):
        done = subprocess.run([HYPERSCALE, *words, "--socket",
                               os.path.join(self.run_dir, "gate.sock")], capture_output=True,
                              text=True, timeout=30, stdin=subprocess.DEVNULL)
        if done.returncode:
            give_up(f"{words[0]}: exit code {done.returncode}: {done.stderr[-1000:]}")
        return done.stdout

    def kill(self, name):
        """Milliseconds from the signal until the successor serves."""
        before = self.rows()[name]
        begin_ns = time.monotonic_ns()
        os.kill(before["pid"], signal.SIGKILL)
        served_ns = 0
        if name == "console":  # it answers itself: nobody has to be asked about it
            wait_for("the console", lambda: self.rows())
            served_ns = time.monotonic_ns()
        if name == "gate":
            self.client("list", "--json")
            served_ns = time.monotonic_ns()
        after = wait_for(f"a successor of {name}", lambda: (row := self.rows().get(name)) and
                         row["state"] == "ready" and
                         row["generation"] == before["generation"] + 1 and row)
        ready_ns = after["started_at_ns"] + after["ready_ns"]
        wait_for("a good life", lambda: time.monotonic_ns() > ready_ns + GOOD_LIFE_NS)
        return (max(served_ns, ready_ns) - begin_ns) / 1e6


def plan(url):
    seconds = ROUNDS * len(EVERYBODY) * 2
    return {"version": 1, "name": "restart", "workflows": [
        {"name": "w", "load": {"model": "open", "rate": "500/s", "for": f"{seconds}s"},
         "steps": [{"name": "get", "url": url}]}]}


with Responder() as server, tempfile.TemporaryDirectory(prefix="hs-bench.") as directory:
    daemon = Daemon(directory)
    file_name = os.path.join(directory, "plan.json")
    with open(file_name, "w") as file:
        json.dump(plan(server.url), file)
    job = daemon.client("submit", file_name, "-q").strip()
    time.sleep(1.5)
    times = {name: [] for name in EVERYBODY}
    for _ in range(ROUNDS):
        for name in EVERYBODY:
            times[name].append(daemon.kill(name))
    state = {row["id"]: row["state"] for row in daemon.get("jobs")["jobs"]}.get(job)
    if state != "RUNNING":
        give_up(f"the job did not outlive its processes: {state}")
    ends(daemon.process)
middle = {name: median(values) for name, values in times.items()}
worst = max(middle, key=middle.get)
judge("restart", middle[worst], 250, 50, f"{worst}; " +
      ", ".join(f"{name} {value:.1f}" for name, value in middle.items()) +
      f"; worst of all {max(max(values) for values in times.values()):.1f}", unit="ms")
