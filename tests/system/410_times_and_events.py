#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
"""What a daemon under load tells of itself: how long its parts take to answer one another."""
import os
import signal
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import Daemon, Target, cases_of, closed_plan, free_port, run_cases, wait_for


def peer_of(daemon, process, kind):
    """The row of the summary, or None."""
    return next((row for row in daemon.get("latency")["latency"]["peers"]
                 if (row["process"], row["kind"]) == (process, kind)), None)


def round_trips_are_those_of_the_processes():
    daemon = Daemon("round_trips", engines=1, supervisor={"watchdog": "10s"}).start()
    for process, role in (("gate", "manager"), ("manager", "worker")):
        row = wait_for(f"pings of the {process}", lambda name=process: (row := peer_of(daemon, name, "ping")) and
                       row["count"] >= 2 and row)
        assert row["peer"] == "test-host" and row["role"] == role, row
        assert 0 < row["p50_ns"] <= row["p99_ns"] <= row["max_ns"] < 5e9, row
    worker = daemon.get("workers")["workers"][0]
    assert 0 < worker["round_trip_ns"] < 5e9, worker
    # A worker that stands still for a moment answers its manager so much later, and the gate's manager does not.
    calm = peer_of(daemon, "gate", "ping")
    pid = daemon.rows()["worker"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(pid, signal.SIGCONT)
    slow = wait_for("a late answer", lambda: (row := peer_of(daemon, "manager", "ping")) and row["max_ns"] > 0.4e9 and row)
    assert slow["max_ns"] < 3e9, slow
    assert peer_of(daemon, "gate", "ping")["max_ns"] < max(0.4e9, 2 * calm["max_ns"]), "the manager did not stand still"
    assert daemon.rows()["worker"]["restarts"] == 0
    samples = daemon.get("latency")["latency"]["samples"]
    assert [row["at_ns"] for row in samples] == sorted((row["at_ns"] for row in samples), reverse=True), samples
    assert max(row["round_trip_ns"] for row in samples if row["process"] == "manager") == \
        peer_of(daemon, "manager", "ping")["max_ns"]
    assert len(daemon.get('{"get":"latency","count":1}')["latency"]["samples"]) == 1
    # They outlive who measured them.
    before = peer_of(daemon, "manager", "ping")
    os.kill(daemon.rows()["manager"]["pid"], signal.SIGKILL)
    wait_for("another manager", lambda: (row := daemon.rows().get("manager")) and row["restarts"] == 1 and row["state"] == "ready")
    after = wait_for("its pings", lambda: (row := peer_of(daemon, "manager", "ping")) and row["count"] > before["count"] and row)
    assert after["max_ns"] == before["max_ns"] or after["max_ns"] > before["max_ns"], (before, after)
    daemon.stop()


def dispatches_are_timed_from_the_gate_to_the_datacenter_and_back():
    target = Target()
    port = free_port()
    daemon = Daemon("dispatch_times", engines=1, console={"metrics_address": f"127.0.0.1:{port}"}).start()
    assert daemon.get("dispatch_times")["dispatch_times"] == {"datacenters": [], "dispatches": []}
    plan = daemon.write_plan(closed_plan(target.url, 2, "2s"))
    begin_ns = time.monotonic_ns()
    job_id = daemon.submit(plan)
    running = wait_for("the dispatch", lambda: (rows := daemon.get("dispatch_times")["dispatch_times"]["dispatches"]) and rows[0])
    assert running["job"] == job_id and running["datacenter"] == "eu-1" and running["attempts"] == 1, running
    assert running["state"] == "RUNNING" and running["finished_ns"] is None, running
    assert begin_ns < running["sent_at_ns"] < time.monotonic_ns(), (begin_ns, running)
    assert 0 < running["accepted_ns"] < 5e9, running
    row = daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
    ended = wait_for("its end", lambda: (row := daemon.get("dispatch_times")["dispatch_times"]["dispatches"][0]) and
                     row["finished_ns"] and row)
    assert ended["state"] == "COMPLETED" and ended["sent_at_ns"] == running["sent_at_ns"], ended
    assert ended["accepted_ns"] == running["accepted_ns"], (running, ended)
    took_ns = row["ended_at_ns"] - ended["sent_at_ns"]
    assert 2e9 <= ended["finished_ns"] <= took_ns + 0.5e9, (ended, row)
    other = daemon.submit(plan)
    daemon.wait_job(other, lambda row: row["state"] == "COMPLETED")
    times = daemon.get("dispatch_times")["dispatch_times"]
    assert [row["job"] for row in times["dispatches"]] == [other, job_id], times
    accepted = sorted(row["accepted_ns"] for row in times["dispatches"])
    assert times["datacenters"] == [{"datacenter": "eu-1", "count": 2, "accepted_p50_ns": accepted[0],
                                     "accepted_p99_ns": accepted[1], "accepted_max_ns": accepted[1]}], times
    only = daemon.get('{"get":"dispatch_times","job":"%s"}' % job_id)["dispatch_times"]["dispatches"]
    assert [row["job"] for row in only] == [job_id], only
    for process in ("gate", "manager"):
        share = peer_of(daemon, process, "dispatch")
        assert share and share["count"] == 2 and share["max_ns"] < 5e9, (process, share)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    line = f'hyperscale_dispatch_seconds{{datacenter="eu-1",quantile="1"}} {accepted[1] / 1e9:.9f}'
    assert line in page.splitlines(), line
    assert 'hyperscale_round_trip_seconds{process="manager",peer="test-host",role="worker",kind="dispatch",quantile="0.5"}' in page
    daemon.stop()
    target.stop()


run_cases(cases_of(globals(), ("peer_of",)))
