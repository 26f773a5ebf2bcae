#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 2700
"""Every kind of process is killed, and stopped, one after another and several at once, while a job
runs: the job completes, its figures add up to what the target counted, every death is in them and
in status, and nothing leaks.

A run of a minute a round, two rounds (twenty with HS_SOAK), by turns at a fixed rate and with a
fixed number of users. The order of the faults and the moments are drawn from HS_SEED, or from a
number that is printed."""
import os
import random
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (CLIENT, IS_SOAK, Daemon, Target, Watcher, Yardstick, check_against_target,
                  check_identities, children_of,
                  descriptors_of, json, run_cases, segments_of, show, state_of, time, wait_for)

EVERYBODY = ("console", "gate", "manager", "worker", "engine.0", "engine.1")
WATCHFUL = {"watchdog": "3s"}  # it is part of what is tested
FAULTS = [(name, number) for number in (signal.SIGKILL, signal.SIGSTOP) for name in EVERYBODY]
SECONDS, ROUNDS = 60, int(os.environ.get("HS_ROUNDS", 20 if IS_SOAK else 2))
SERVING_S = 0.25  # from detection until the successor serves
CAUSES = {signal.SIGKILL: "signal 9", signal.SIGSTOP: "heartbeat"}
RATE, USERS = 500, 4  # of a workflow, of which there are two: an engine, and a share, each
TOGETHER = (("worker", "engine.0"), ("manager", "worker"), ("gate", "manager"),
            ("engine.0", "engine.1"), EVERYBODY)


def two_workflows(url, seconds, is_open):
    """Two shares of one job, each with a step of its own."""
    load = ({"model": "open", "rate": f"{RATE // 2}/s"} if is_open else
            {"model": "closed", "vus": USERS // 2})
    return {"version": 1, "name": "chaos", "workflows": [
        {"name": name, "load": {**load, "for": f"{seconds}s"},
         "steps": [{"name": "get", "url": url}]} for name in ("a", "b")]}


def strike(daemon, faults):
    """Does them at once, waits for the successors and a second of their lives. {name: (seconds from
    the detection until it served, how many it might have taken, seconds without it)}"""
    before, begin = daemon.rows(), time.monotonic_ns()
    known, served, successors = daemon.get("status")["status"]["deaths"], {}, {}
    with Yardstick() as yardstick:
        for name, number in faults:
            os.kill(before[name]["pid"], number)
        for name, _ in faults:
            successors[name] = wait_for(f"a successor of {name}",
                                        lambda: (row := daemon.rows().get(name)) and
                                        row["generation"] == before[name]["generation"] + 1 and
                                        row["state"] == "ready" and row, 10)
        allowed = yardstick.allows(SERVING_S)
    for name, number in faults:
        old, after = before[name], successors[name]
        death = next(row for row in daemon.get("deaths")["deaths"] if row["process"] == name)
        assert death["pid"] == old["pid"] and death["was_ready"], death
        assert CAUSES[number] in death["cause"] and CAUSES[number] in after["last_death"], \
            (death, after)
        ready_ns = after["started_at_ns"] + after["ready_ns"]
        served[name] = (ready_ns - death["at_ns"]) / 1e9, allowed, (ready_ns - begin) / 1e9
    assert daemon.get("status")["status"]["deaths"] == known + len(faults), \
        "somebody else died, too"
    # A life of a second is a good one: the next death is followed at once, not after a back-off.
    ready_ns = begin + max(gap for _, _, gap in served.values()) * 1e9
    wait_for("a second of life", lambda: daemon.get("status")["at_ns"] > ready_ns + 1.05e9)
    return served


def books(daemon):
    """What must not grow from round to round: descriptors and mappings of every process."""
    pids = {name: row["pid"] for name, row in daemon.rows().items()}
    pids["supervisor"] = daemon.process.pid
    return {name: (len(descriptors_of(pid)), segments_of(pid)) for name, pid in pids.items()}


def follow(daemon, job_id):
    return subprocess.Popen([CLIENT, "watch", job_id, "--json", "--socket", daemon.run_dir +
                             "/gate.sock"], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def log_sum(log, line, name):
    """Over all lines of that kind, the sum of one of their numbers."""
    return sum(int(found) for found in re.findall(rf"{line}\b.*?\b{name}=(\d+)", log))


def check_shares(daemon, job_id, requests):
    """The worker's own books of the two shares make up what the gate tells. (A successor of the
    worker tells them again.)"""
    shares = wait_for("the books of two shares", lambda: len(found := {
        exec_id: dict(re.findall(r"(\w+)=(\d+)", text))
        for exec_id, text in re.findall(rf"exec ended exec=({job_id}/\S+) (.*)",
                                        daemon.log())}) == 2 and found)
    for name in ("sent", "completed", "failed", "cut", "dropped", "lost"):
        assert sum(int(share[name]) for share in shares.values()) == requests[name], \
            (name, shares, requests)


def check_deaths(log, requests, gaps, is_open):
    """What was in flight, and what was due meanwhile, when the engines died: said at each death,
    and together the whole."""
    assert log_sum(log, "took over the figures of a predecessor",
                   "cut") == requests["cut"], requests
    assert log_sum(log, "share resumed", "lost") == requests["lost"], requests
    assert not any(requests[name] for name in ("failed", "dropped", "shed", "discarded")), requests
    if not is_open:
        assert requests["lost"] == 0 and requests["cut"] <= len(gaps) * USERS // 2, (requests, gaps)
        return
    wanted = sum(gaps) * RATE / 2
    assert requests["cut"] <= 10 * len(gaps), requests
    assert 0.9 * wanted - 2 * len(gaps) <= requests["lost"] <= 1.1 * wanted + 25 * len(gaps), \
        (requests["lost"], wanted, gaps)


def run_under(daemon, seconds, is_open, blows):
    """A job of so many seconds while the blows fall; its checked figures, what may not go back and
    did, and how long who took."""
    target = Target()
    log_from, served, gaps = len(daemon.log()), [], []
    job_id = daemon.submit(daemon.write_plan(two_workflows(target.url, seconds, is_open)))
    watch = follow(daemon, job_id)
    daemon.wait_job(job_id, lambda row: row["state"] == "RUNNING" and row["completed"] > 0, 20)
    watcher = Watcher(daemon)
    watcher.start()
    for faults, pause in blows:
        time.sleep(pause)
        blow = strike(daemon, faults)
        for name, (took, allowed, gap) in blow.items():
            served.append((name, dict(faults)[name], took, allowed))
            if name.startswith("engine"):  # its successor gets the share from a worker
                gaps.append(max(gap, blow.get("worker", (0, 0, 0))[2]))
    row = daemon.job(job_id)
    assert row["state"] == "RUNNING", f"the faults took longer than the job: {row}"
    output, errors = watch.communicate(timeout=seconds + 60)
    assert watch.returncode == 0, (watch.returncode, errors[-3000:])
    row = daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED", 10)
    watcher.stop()
    counts, document = target.stop(), json.loads(output)
    requests = document["requests"]
    print(f"  {show(requests)}; the target counted {counts}; {watcher.looks} looks at status; "
          f"engines were away for {' '.join(f'{gap:.3f}' for gap in gaps)} s")
    assert not watcher.faults, f"what may only grow went back: {watcher.faults[:20]}"
    assert watcher.looks > seconds, "nobody looked"
    check_identities(document)
    check_against_target(document, counts)
    check_shares(daemon, job_id, requests)
    check_deaths(daemon.log()[log_from:], requests, gaps, is_open)
    if is_open:
        assert requests["offered"] == RATE * seconds, requests
    kept = daemon.results(job_id)
    for name in ("requests", "errors", "status", "response_time_ns", "steps"):
        assert kept[name] == document[name], (name, kept[name], document[name])
    for name in ("offered", "sent", "completed", "failed", "cut", "lost"):
        assert row[name] == requests[name], (name, row, requests)
    wait_for("no zombie", lambda: not [pid for pid in children_of(daemon.process.pid)
                                       if state_of(pid) == "Z"], 1)
    return served


def tell(served):
    for name, fault, took, allowed in served:
        print(f"    {name:9} {fault.name}: its successor served {took * 1e3:.1f} ms after the "
              f"detection (bound {allowed * 1e3:.0f})")
    slow = [row for row in served if row[2] > row[3]]
    assert not slow, slow


def whoever_dies_the_job_completes():
    seed = int(os.environ.get("HS_SEED", random.SystemRandom().randrange(1 << 32)))
    daemon = Daemon("whoever_dies_the_job_com", supervisor=WATCHFUL).start()
    draw, before = random.Random(seed), None
    print(f"  HS_SEED={seed}", flush=True)
    time.sleep(1.1)  # a good life of everybody
    for number in range(ROUNDS):
        faults = draw.sample(FAULTS, len(FAULTS))
        served = run_under(daemon, SECONDS, number % 2 == 0,
                           [([fault], draw.uniform(0, 1.5)) for fault in faults])
        tell(served)
        before = before or books(daemon)  # of everybody's successors
        wait_for(f"descriptors and segments as before: {before}, now {books(daemon)}",
                 lambda: books(daemon) == before, 5)
    status = daemon.get("status")["status"]
    assert status["deaths"] == ROUNDS * len(FAULTS) and status["quarantined"] == [], status
    for row in daemon.get("processes")["processes"]:
        assert row["state"] == "ready" and row["restarts"] == 2 * ROUNDS, row
    deaths = daemon.get("deaths")["deaths"]
    print("  " + "; ".join(sorted({f"{row['process']}: {row['cause']}" for row in deaths})))
    daemon.stop()


def several_die_at_once_and_the_job_completes():
    daemon = Daemon("several_die_at_once_and_", supervisor=WATCHFUL).start()
    time.sleep(1.1)
    for is_open in (True, False):
        tell(run_under(daemon, 15, is_open, [([(name, signal.SIGKILL) for name in names], 0.3)
                                             for names in TOGETHER]))
    tell(run_under(daemon, 12, True, [([("engine.0", signal.SIGSTOP), ("worker", signal.SIGKILL)],
                                       0.3),
                                      ([("worker", signal.SIGSTOP), ("engine.1", signal.SIGKILL)],
                                       0.3)]))
    daemon.stop()


run_cases((whoever_dies_the_job_completes, several_die_at_once_and_the_job_completes))
