#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""The daemon is told to stop while jobs run: it ends in order within its deadline, and what was measured is kept."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (FINAL, Daemon, Target, cases_of, check_against_target, check_identities, closed_plan, is_alive, open_plan,
                  run_cases, show, time, tree_of)


def stop_and_look(name, make_plan, *flags):
    target = Target(*flags)
    daemon = Daemon(name).start()
    job_id = daemon.submit(daemon.write_plan(make_plan(target.url)))
    seen = daemon.wait_job(job_id, lambda row: row["state"] == "RUNNING" and row["completed"] > 200)
    pids = tree_of(daemon.process.pid)
    begin = time.monotonic()
    daemon.stop(code=0)
    print(f"  stopped after {time.monotonic() - begin:.2f} s")
    assert not any(map(is_alive, pids)), "somebody survived"
    counts = target.stop()
    daemon.start()
    row = daemon.listed()[job_id]
    assert row["state"] in FINAL, row
    document = daemon.results(job_id, (0, 6))
    check_identities(document)
    check_against_target(document, counts)
    requests = document["requests"]
    print(f"  the job is {row['state']}; {show(requests)}; the target counted {counts}")
    assert requests["completed"] >= seen["completed"], (requests, seen)
    assert requests["failed"] == 0 and requests["lost"] == 0, requests
    daemon.stop()


def a_closed_load():
    stop_and_look("a_closed_load", lambda url: closed_plan(url, 20, "60s"))


def an_open_load():
    stop_and_look("an_open_load", lambda url: open_plan(url, "1000/s", "60s"))


def a_load_whose_answers_take_long():
    stop_and_look("a_load_whose_answers", lambda url: open_plan(url, "1000/s", "60s"), "--delay", "500ms")


def sigterm_does_the_same():
    target = Target()
    daemon = Daemon("sigterm_does_the_same").start()
    job_id = daemon.submit(daemon.write_plan(closed_plan(target.url, 4, "60s")))
    daemon.wait_job(job_id, lambda row: row["completed"] > 0)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(60) == 0, daemon.process.returncode
    counts = target.stop()
    daemon.start()
    document = daemon.results(job_id, (0, 6))
    check_identities(document)
    check_against_target(document, counts)
    assert document["requests"]["completed"] > 0, document
    daemon.stop()


run_cases(cases_of(globals(), ("stop_and_look",)))
