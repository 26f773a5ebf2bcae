#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 400
# beside: others
"""Shared memory is damaged under a daemon at work: whoever finds it says so, its group of segments
is replaced and kept for a post-mortem, and the job completes with figures that add up."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (FINAL, Daemon, Target, Watcher, cases_of, check_identities, closed_plan,
                  descriptors_of, open_plan, run_cases, show, time, wait_for)

BODY = 4096  # of a segment: its header has a page of its own
MAGIC, RING_TAIL = 0, 128  # in a body
NONSENSE = b"\xa5" * 8
RATE, SECONDS = 400, 6


def memory(daemon, name):
    """Descriptors of the supervisor that are a segment of that name."""
    return [number for number, what in descriptors_of(daemon.process.pid).items()
            if what == f"/memfd:{name} (deleted)"]


def look(daemon, name, offset):
    with open(f"/proc/{daemon.process.pid}/fd/{memory(daemon, name)[0]}", "rb") as segment:
        segment.seek(offset)
        return segment.read(len(NONSENSE))


def damage(daemon, name, offset):
    with open(f"/proc/{daemon.process.pid}/fd/{memory(daemon, name)[0]}", "r+b",
              buffering=0) as segment:
        segment.seek(offset)
        segment.write(NONSENSE)


def wait_replaced(daemon, count):
    def is_so():
        try:
            return daemon.counter("supervisor", "segments_replaced") == count
        except (OSError, ValueError):
            return False  # the console has begun anew, too
    wait_for(f"{count} groups replaced", is_so, 15)
    wait_for("everybody", lambda: (rows := daemon.rows()) and
             all(row["state"] == "ready" for row in rows.values()), 20)


def begin(case, plan=None):
    target, daemon = Target(), Daemon(case.__name__[:24]).start()
    time.sleep(1.1)  # a good life of everybody
    written = plan(target.url) if plan else open_plan(target.url, f"{RATE}/s", f"{SECONDS}s")
    job_id = daemon.submit(daemon.write_plan(written))
    daemon.wait_job(job_id, lambda row: row["state"] == "RUNNING" and row["completed"] > 0, 20)
    watcher = Watcher(daemon)
    watcher.start()
    return target, daemon, job_id, watcher


def check_told(daemon, group, kept, offset, count=1):
    """In the log, in status, among the events, and it is still there to be looked at. No process
    loops."""
    status, log = daemon.get("status")["status"], daemon.log()
    assert status["segments_replaced"] == count and status["segments_kept"].startswith(group), \
        status
    assert log.count("segments_replaced "
                     "group=") == count and f'segments_replaced group="{group}"' in log, log[-3000:]
    assert "crash_loop" not in log and not daemon.events(kind="crash_loop"), \
        daemon.events(kind="crash_loop")
    events = daemon.events(kind="segments_replaced")
    assert {row["number"]: row["about"] for row in events}[count] == group, events
    assert look(daemon, kept, offset) == NONSENSE, "what was damaged is not kept"
    assert any("its shared memory was damaged" in row["cause"] or
               row["cause"].startswith("ended with code 1")
               for row in daemon.get("deaths")["deaths"]), daemon.get("deaths")["deaths"]
    assert status["quarantined"] == [], status


def finish(target, daemon, job_id, watcher, is_known=lambda fault: False, is_whole=True):
    """The job's figures: the identities hold, and the target has seen the same."""
    row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL, 60)
    assert row["state"] == "COMPLETED", row
    watcher.stop()
    document = daemon.results(job_id)
    check_identities(document)
    requests = document["requests"]
    counts = target.counts()
    assert "assertion failed" not in daemon.log()
    print(f"  {show(requests)}; the target counted {counts['requests']}; deaths: "
          + "; ".join(f"{row['process']}: {row['cause']}"
                      for row in daemon.get("deaths")["deaths"]))
    if is_whole:
        assert requests["completed"] <= counts["requests"] <= requests["sent"], (requests, counts)
        assert requests["offered"] == RATE * SECONDS, requests
        faults = [fault for fault in watcher.faults if not is_known(fault)]
        assert not faults, faults[:20]
    again = daemon.submit(daemon.write_plan(open_plan(target.url, "200/s", "1s")))
    row = daemon.wait_job(again, lambda row: row["state"] in FINAL, 20)
    assert row["state"] == "COMPLETED" and row["completed"] == 200, row
    daemon.stop()
    target.stop()
    return requests, document, counts


def ring_that_a_successor_cannot_read_is_replaced():
    target, daemon, job_id, watcher = begin(ring_that_a_successor_cannot_read_is_replaced)
    damage(daemon, "engine.0.commands", BODY + MAGIC)
    os.kill(daemon.rows()["engine.0"]["pid"], signal.SIGKILL)
    wait_replaced(daemon, 1)
    check_told(daemon, "rings of engine.0", "engine.0.commands", BODY + MAGIC)
    assert daemon.rows()["engine.1"]["generation"] == 1, \
        "the other engine has nothing to do with it"
    requests, _, _ = finish(target, daemon, job_id, watcher)
    assert requests["lost"] > 0, "nobody was away"


def ring_that_goes_bad_under_two_who_talk_is_replaced():
    target, daemon, job_id, watcher = begin(ring_that_goes_bad_under_two_who_talk_is_replaced)
    damage(daemon, "engine.1.engine_events", BODY + RING_TAIL)
    wait_replaced(daemon, 1)
    check_told(daemon, "rings of engine.1", "engine.1.engine_events", BODY + RING_TAIL)
    finish(target, daemon, job_id, watcher)


def registries_are_replaced():
    target, daemon, job_id, watcher = begin(registries_are_replaced)
    for count, (process, name, group) in enumerate((("manager", "workers", "manager"),
                                                    ("gate", "managers", "gate"),
                                                    ("gate", "jobs.2", "gate")), 1):
        damage(daemon, name, BODY + MAGIC)
        os.kill(daemon.rows()[process]["pid"], signal.SIGKILL)
        wait_replaced(daemon, count)
        check_told(daemon, group, name, BODY + MAGIC, count)
        ready_ns = daemon.get("status")["at_ns"]
        wait_for("a second of life", lambda: daemon.get("status")["at_ns"] > ready_ns + 1.05e9)
    assert len({os.stat(f"/proc/{daemon.process.pid}/fd/{fd}").st_ino
                for fd in memory(daemon, "jobs.2")}) == 1
    assert memory(daemon, "jobs.3") and not memory(daemon, "jobs"), \
        "the newest damaged set is kept, and no other"
    # What the gate had shown of the job is gone with the table: it begins at nothing, until the
    # manager tells.
    finish(target, daemon, job_id, watcher, lambda fault: fault.startswith("('job'") and
           fault.endswith(" to 0"))


def pages_of_everybody_are_replaced_and_no_counter_goes_back():
    target, daemon, job_id, watcher = begin(
        pages_of_everybody_are_replaced_and_no_counter_goes_back)
    deaths = daemon.get("status")["status"]["deaths"]
    damage(daemon, "vitals", 0)
    os.kill(daemon.rows()["manager"]["pid"], signal.SIGKILL)
    wait_replaced(daemon, 1)
    check_told(daemon, "common", "vitals", 0)
    assert daemon.get("status")["status"]["deaths"] >= deaths + 2, \
        "the deaths before it are forgotten"
    finish(target, daemon, job_id, watcher)


def ledger_of_the_worker_is_replaced_with_all_its_engines():
    target, daemon, job_id, watcher = begin(ledger_of_the_worker_is_replaced_with_all_its_engines,
                                            lambda url: closed_plan(url, 4, "3s"))
    damage(daemon, "execs", 0)
    os.kill(daemon.rows()["worker"]["pid"], signal.SIGKILL)
    wait_replaced(daemon, 1)
    check_told(daemon, "work", "execs", 0)
    requests, document, counts = finish(target, daemon, job_id, watcher, is_whole=False)
    assert requests["discarded"] > 0, "what the damaged ledger stood for is named"
    # Its last report is up to a second old; what came after it is in no count, and the result says
    # so.
    assert requests["sent"] + requests["discarded"] <= counts["requests"], (requests, counts)
    assert any("run again" in reason
               for reason in document["verdict"]["reasons"]), document["verdict"]


run_cases(cases_of(globals(), ("memory", "look", "damage", "wait_replaced", "begin", "check_told",
                               "finish")))
