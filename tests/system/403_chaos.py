#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 2400
"""Every kind of process is killed, and stopped, one after another, while a job runs: the job completes, its figures add up to
what the target counted, nothing leaks, and status says who died of what.

A run of a minute a round, two rounds (twenty with HS_SOAK), by turns at a fixed rate and with a fixed number of users."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (CLIENT, IS_SOAK, Daemon, Target, Watcher, Yardstick, check_against_target, check_identities, children_of, closed_plan,
                  descriptors_of, json, open_plan, run_cases, segments_of, show, state_of, time, wait_for)

EVERYBODY = ("console", "gate", "manager", "worker", "engine.0", "engine.1")
FAULTS = [(name, number) for number in (signal.SIGKILL, signal.SIGSTOP) for name in EVERYBODY]
SECONDS, ROUNDS = 60, 20 if IS_SOAK else 2
SERVING_S = 0.25  # from detection until the successor serves
CAUSES = {signal.SIGKILL: "signal 9", signal.SIGSTOP: "heartbeat"}


def strike(daemon, name, number):
    """Does it, waits for the successor and a second of its life; how long it took to serve, counted from the detection, and how
    long it might have taken, in seconds."""
    before = daemon.rows()[name]
    known = daemon.get("status")["status"]["deaths"]
    with Yardstick() as yardstick:
        os.kill(before["pid"], number)
        after = wait_for(f"a successor of {name}", lambda: (row := daemon.rows().get(name)) and
                         row["generation"] == before["generation"] + 1 and row["state"] == "ready" and row, 10)
        allowed = yardstick.allows(SERVING_S)
    death = next(row for row in daemon.get("deaths")["deaths"] if row["process"] == name)
    assert death["pid"] == before["pid"] and death["was_ready"], death
    assert CAUSES[number] in death["cause"] and CAUSES[number] in after["last_death"], (death, after)
    assert daemon.get("status")["status"]["deaths"] == known + 1, "somebody else died, too"
    # A life of a second is a good one: the next death is followed at once, not after a back-off.
    wait_for("a second of life", lambda: daemon.get("status")["at_ns"] > after["started_at_ns"] + after["ready_ns"] + 1.05e9)
    return (after["started_at_ns"] + after["ready_ns"] - death["at_ns"]) / 1e9, allowed


def books(daemon):
    """What must not grow: descriptors and mappings of the supervisor."""
    return len(descriptors_of(daemon.process.pid)), segments_of(daemon.process.pid)


def follow(daemon, job_id):
    return subprocess.Popen([CLIENT, "watch", job_id, "--json", "--socket", daemon.run_dir + "/gate.sock"], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def a_round(daemon, number):
    target = Target()
    plan = open_plan(target.url, "500/s", f"{SECONDS}s") if number % 2 == 0 else closed_plan(target.url, 4, f"{SECONDS}s")
    before = books(daemon)
    job_id = daemon.submit(daemon.write_plan(plan))
    watch = follow(daemon, job_id)
    daemon.wait_job(job_id, lambda row: row["state"] == "RUNNING" and row["completed"] > 0, 20)
    watcher = Watcher(daemon)
    watcher.start()
    served = {}
    for name, fault in FAULTS:
        served[name, fault] = strike(daemon, name, fault)
    row = daemon.job(job_id)
    assert row["state"] == "RUNNING", f"the faults took longer than the job: {row}"
    output, errors = watch.communicate(timeout=SECONDS + 60)
    assert watch.returncode == 0, (watch.returncode, errors[-3000:])
    row = daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED", 10)
    watcher.stop()
    counts = target.stop()
    document = json.loads(output)
    requests = document["requests"]
    print(f"  round {number + 1}: {show(requests)}; the target counted {counts}; {watcher.looks} looks at status")
    for (name, fault), (took, allowed) in served.items():
        print(f"    {name:9} {fault.name}: its successor served {took * 1e3:.1f} ms after the detection (bound {allowed * 1e3:.0f})")
    check_identities(document)
    check_against_target(document, counts)
    kept = daemon.results(job_id)
    for name in ("requests", "errors", "status", "response_time_ns", "steps"):
        assert kept[name] == document[name], (name, kept[name], document[name])
    for name in ("offered", "sent", "completed", "failed", "cut", "lost"):
        assert row[name] == requests[name], (name, row, requests)
    if number % 2 == 0:
        assert requests["offered"] == 500 * SECONDS, requests
        assert requests["lost"] > 0, "an engine was stopped for a second: that has to show"
        assert requests["cut"] <= 500, requests  # what was in flight, and what could not be told from it
    else:
        assert requests["cut"] <= 4 * 4 * 2, requests  # four users, four deaths of engines
    assert requests["failed"] == 0, document["errors"]
    slow = {key: value for key, value in served.items() if value[0] > value[1]}
    assert not slow, slow
    wait_for("no zombie", lambda: not [pid for pid in children_of(daemon.process.pid) if state_of(pid) == "Z"], 1)
    wait_for(f"descriptors and segments as before: {before}, now {books(daemon)}", lambda: books(daemon) == before, 5)
    assert watcher.looks > SECONDS, "nobody looked"
    return watcher.faults


def whoever_dies_the_job_completes():
    daemon = Daemon("whoever_dies_the_job_com").start()
    time.sleep(1.1)  # a good life of everybody
    faults = []
    for number in range(ROUNDS):
        faults += a_round(daemon, number)
    assert not faults, f"what may only grow went back: {faults[:20]}"
    status = daemon.get("status")["status"]
    assert status["deaths"] == ROUNDS * len(FAULTS) and status["quarantined"] == [], status
    for row in daemon.rows().values():
        assert row["state"] == "ready" and row["restarts"] == 2 * ROUNDS, row
    deaths = daemon.get("deaths")["deaths"]
    print("  " + "; ".join(sorted({f"{row['process']}: {row['cause']}" for row in deaths})))
    daemon.stop()


run_cases((whoever_dies_the_job_completes,))
