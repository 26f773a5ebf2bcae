#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# beside: others
"""What a daemon under load tells of itself: how long its parts take to answer one another, and what
has happened to them."""
import json
import os
import signal
import socket
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (Daemon, Target, Yardstick, cases_of, client, closed_plan, free_port, run_cases,
                  wait_for)


def peer_of(daemon, process, kind):
    """The row of the summary, or None."""
    return next((row for row in daemon.get("latency")["latency"]["peers"]
                 if (row["process"], row["kind"]) == (process, kind)), None)


def dispatches(daemon, question="dispatch_times"):
    """The rows, the newest first."""
    return daemon.get(question)["dispatch_times"]["dispatches"]


def round_trips_are_those_of_the_processes():
    daemon = Daemon("round_trips", engines=1, supervisor={"watchdog": "10s"}).start()
    for process, role in (("gate", "manager"), ("manager", "worker")):
        row = wait_for(f"pings of the {process}",
                       lambda name=process: (row := peer_of(daemon, name, "ping")) and
                       row["count"] >= 2 and row)
        assert row["peer"] == "test-host" and row["role"] == role, row
        assert 0 < row["p50_ns"] <= row["p99_ns"] <= row["max_ns"] < 5e9, row
    worker = daemon.get("workers")["workers"][0]
    assert 0 < worker["round_trip_ns"] < 5e9, worker
    # A worker that stands still for a moment answers its manager so much later, and the gate's
    # manager does not.
    calm = peer_of(daemon, "gate", "ping")
    pid, slow = daemon.rows()["worker"]["pid"], None
    with Yardstick() as yardstick:
        for _ in range(5):  # a busy manager may have had nothing to ask meanwhile
            count = peer_of(daemon, "manager", "ping")["count"]
            os.kill(pid, signal.SIGSTOP)
            time.sleep(1.5)
            os.kill(pid, signal.SIGCONT)
            slow = wait_for("an answer", lambda: (row := peer_of(daemon, "manager", "ping")) and
                            row["count"] > count and row)
            if slow["max_ns"] > 0.4e9:
                break
        assert 0.4e9 < slow["max_ns"] < yardstick.allows(3) * 1e9, slow
        bound_ns = max(yardstick.allows(0.4) * 1e9, 2 * calm["max_ns"])
        assert peer_of(daemon, "gate", "ping")["max_ns"] < bound_ns, \
            "the manager did not stand still"
    assert daemon.rows()["worker"]["restarts"] == 0
    samples = daemon.get("latency")["latency"]["samples"]
    moments = [row["at_ns"] for row in samples]
    assert moments == sorted(moments, reverse=True), samples
    assert max(row["round_trip_ns"] for row in samples if row["process"] == "manager") == \
        peer_of(daemon, "manager", "ping")["max_ns"]
    assert len(daemon.get('{"get":"latency","count":1}')["latency"]["samples"]) == 1
    # They outlive who measured them.
    before = peer_of(daemon, "manager", "ping")
    os.kill(daemon.rows()["manager"]["pid"], signal.SIGKILL)
    wait_for("another manager", lambda: (row := daemon.rows().get("manager")) and
             row["restarts"] == 1 and row["state"] == "ready")
    after = wait_for("its pings", lambda: (row := peer_of(daemon, "manager", "ping")) and
                     row["count"] > before["count"] and row)
    assert after["max_ns"] == before["max_ns"] or after["max_ns"] > before["max_ns"], \
        (before, after)
    daemon.stop()


def dispatches_are_timed_from_the_gate_to_the_datacenter_and_back():
    target = Target()
    port = free_port()
    daemon = Daemon("dispatch_times", engines=1,
                    console={"metrics_address": f"127.0.0.1:{port}"}).start()
    assert daemon.get("dispatch_times")["dispatch_times"] == {"datacenters": [], "dispatches": []}
    plan = daemon.write_plan(closed_plan(target.url, 2, "2s"))
    begin_ns = time.monotonic_ns()
    job_id = daemon.submit(plan)
    running = wait_for("the dispatch", lambda: (rows := dispatches(daemon)) and rows[0])
    assert (running["job"] == job_id and running["datacenter"] == "eu-1" and
            running["attempts"] == 1), running
    assert running["state"] == "RUNNING" and running["finished_ns"] is None, running
    assert begin_ns < running["sent_at_ns"] < time.monotonic_ns(), (begin_ns, running)
    assert 0 < running["accepted_ns"] < 5e9, running
    row = daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
    ended = wait_for("its end", lambda: (row := dispatches(daemon)[0])["finished_ns"] and row)
    assert ended["state"] == "COMPLETED" and ended["sent_at_ns"] == running["sent_at_ns"], ended
    assert ended["accepted_ns"] == running["accepted_ns"], (running, ended)
    took_ns = row["ended_at_ns"] - ended["sent_at_ns"]
    assert 2e9 <= ended["finished_ns"] <= took_ns + 0.5e9, (ended, row)
    other = daemon.submit(plan)
    daemon.wait_job(other, lambda row: row["state"] == "COMPLETED")
    times = daemon.get("dispatch_times")["dispatch_times"]
    assert [row["job"] for row in times["dispatches"]] == [other, job_id], times
    accepted = sorted(row["accepted_ns"] for row in times["dispatches"])
    assert times["datacenters"] == [{"datacenter": "eu-1", "count": 2,
                                     "accepted_p50_ns": accepted[0],
                                     "accepted_p99_ns": accepted[1],
                                     "accepted_max_ns": accepted[1]}], times
    only = dispatches(daemon, '{"get":"dispatch_times","job":"%s"}' % job_id)
    assert [row["job"] for row in only] == [job_id], only
    shown = client("status", "--socket", daemon.run_dir + "/status.sock")
    assert shown.returncode == 0, shown
    for words in ("job taken up in eu-1", "dispatch to worker of test-host", "job_ended"):
        assert words in shown.stdout, shown.stdout
    for process in ("gate", "manager"):
        share = peer_of(daemon, process, "dispatch")
        assert share and share["count"] == 2 and share["max_ns"] < 5e9, (process, share)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    line = f'hyperscale_dispatch_seconds{{datacenter="eu-1",quantile="1"}} {accepted[1] / 1e9:.9f}'
    assert line in page.splitlines(), line
    assert ('hyperscale_round_trip_seconds{process="manager",peer="test-host",role="worker",'
            'kind="dispatch",quantile="0.5"}') in page
    daemon.stop()
    target.stop()


def wait_event(daemon, **wanted):
    return wait_for(f"an event {wanted}", lambda: (rows := daemon.events(**wanted)) and rows[-1],
                    10)


def each_thing_that_happens_is_an_event_with_its_cause():
    target = Target()
    daemon = Daemon("events", engines=1, supervisor={"watchdog": "2s"}).start()
    for name in ("console", "gate", "manager", "worker", "engine.0"):
        assert [row["kind"] for row in daemon.events(about=name)] == ["started", "ready"], name
        assert all(row["process"] == "supervisor" and row["number"] == 1
                   for row in daemon.events(about=name))
    assert wait_event(daemon, kind="host_ready")["about"] == ""
    assert wait_event(daemon, kind="manager_joined")["about"] == "test-host"
    assert wait_event(daemon, kind="worker_registered")["text"].startswith("cores 1"), \
        daemon.events()
    # A job, and an engine that dies under it.
    job_id = daemon.submit(daemon.write_plan(closed_plan(target.url, 2, "6s")))
    assert wait_event(daemon, kind="job_accepted", about=job_id)["number"] == 1
    daemon.wait_job(job_id, lambda row: row["completed"] > 100)
    os.kill(daemon.rows()["engine.0"]["pid"], signal.SIGKILL)
    assert "signal 9" in wait_event(daemon, kind="died", about="engine.0")["text"]
    assert wait_event(daemon, kind="shares_moved")["number"] == 1
    # A worker that dies, one that hangs.
    os.kill(daemon.rows()["worker"]["pid"], signal.SIGKILL)
    assert wait_event(daemon, kind="shares_adopted", process="worker")["number"] == 1
    wait_for("a worker that is ready", lambda: daemon.rows()["worker"]["state"] == "ready")
    os.kill(daemon.rows()["worker"]["pid"], signal.SIGSTOP)
    killed = wait_event(daemon, kind="killed", about="worker")
    assert killed["text"] == "no heartbeat, it was stopped: SIGKILL" and killed["number"] == 2, \
        killed
    died = wait_for("its death",
                    lambda: len(rows := daemon.events(kind="died", about="worker")) == 2 and
                    rows[1])
    assert "no heartbeat" in died["text"] and died["at_ns"] > killed["at_ns"], (killed, died)
    # The gate's own events outlive it, and what it reads back from its log is no event again.
    os.kill(daemon.rows()["gate"]["pid"], signal.SIGKILL)
    daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
    assert len(daemon.events(kind="job_accepted")) == 1, daemon.events(process="gate")
    assert wait_event(daemon, kind="job_ended", about=job_id)["text"].startswith("COMPLETED")
    os.kill(daemon.rows()["gate"]["pid"], signal.SIGKILL)
    wait_for("a third gate", lambda: (row := daemon.rows()["gate"])["generation"] == 3 and
             row["state"] == "ready")
    assert len(daemon.events(kind="job_ended")) == 1, daemon.events(process="gate")
    deaths = daemon.get("status")["status"]["deaths"]
    assert len(daemon.events(kind="died")) == deaths >= 5, daemon.events(kind="died")
    # In order, bounded, of one process if asked for.
    rows = daemon.events()
    assert [row["at_ns"] for row in rows] == sorted(row["at_ns"] for row in rows)
    assert daemon.get('{"get":"events","count":3}')["events"] == rows[-3:]
    assert {row["process"]
            for row in daemon.get('{"get":"events","process":"gate"}')["events"]} == {"gate"}
    daemon.stop()
    target.stop()


def actions_reloads_and_refusals_are_events():
    daemon = Daemon("actions", engines=1).start()
    assert daemon.get('{"do":"restart","process":"engine.0"}')["done"] == "restart"
    action = wait_event(daemon, kind="action", about="engine.0")
    assert action["text"] == "restart" and action["number"] == os.getuid(), action
    kinds = [row["kind"] for row in daemon.events(about="engine.0", process="supervisor")]
    assert kinds[:3] == ["started", "ready", "action"], kinds
    good = dict(daemon.config)
    daemon.write_config('{"gate": {"clients_max": 0}}')
    assert "error" in daemon.get('{"do":"reload"}')
    assert "clients_max" in wait_event(daemon, kind="reload_refused")["text"]
    daemon.write_config(json.dumps(good))
    assert daemon.get('{"do":"reload"}')["done"] == "reload"
    assert wait_event(daemon, kind="reloaded")["number"] == 2
    # Two hundred refusals do not drive the rest out: one event a second tells how many they were.
    crowd = []
    for _ in range(200):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(daemon.run_dir + "/status.sock")
        crowd.append(client)
    for client in crowd:
        client.close()
    question = '{"get":"counters","process":"console"}'
    refused = wait_for("room again",
                       lambda: (answer := daemon.get(question)).get("counters") and
                       answer["counters"][0]["values"]["status_clients_refused"])
    assert refused >= 150, refused
    wait_for("all of them",
             lambda: sum(row["number"] for row in daemon.events(kind="client_refused")) == refused)
    assert len(daemon.events(kind="client_refused")) <= 5
    assert daemon.events(kind="host_ready"), "still there"
    daemon.stop()


def a_process_that_cannot_start_says_why_in_its_death_and_is_a_crash_loop():
    daemon = Daemon("crash_loop", engines=1).start()
    daemon.stop()
    with open(daemon.dir + "/state/manager.a.log", "r+b") as log:
        log.write(b"\xff" * 4096)
    daemon.start(is_ready=False)
    event = wait_event(daemon, kind="crash_loop")
    assert event["about"] == "manager" and event["text"] == "ended with code 1", event
    wait_for("more deaths", lambda: daemon.rows()["manager"]["generation"] > event["number"] + 3)
    assert len(daemon.events(kind="crash_loop")) == 1, "told once, not at each death"
    assert daemon.events(kind="manager_gone") == [], "it never came"
    assert daemon.get("status")["status"]["state"] in ("starting", "degraded")
    row = daemon.rows()["manager"]
    assert row["last_death"] == "ended with code 1", row
    death = daemon.get('{"get":"deaths","count":1}')["deaths"][0]
    assert death["exit_code"] == 1 and death["signal"] is None and not death["was_ready"], death
    assert death["panic"].startswith("neither ledger file has a sound beginning"), death
    daemon.stop()


run_cases(cases_of(globals(), ("peer_of", "dispatches", "wait_event")))
