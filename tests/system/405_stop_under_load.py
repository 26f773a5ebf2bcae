#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""The daemon is told to stop while jobs run: it ends in order within its deadline, and what was
measured is kept."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from faketree import wait_for
from tree import (FINAL, Daemon, Target, cases_of, check_against_target, check_identities,
                  closed_plan, is_alive, open_plan, run_cases, show, time, tree_of)


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
    stop_and_look("a_load_whose_answers", lambda url: open_plan(url, "1000/s", "60s"), "--delay",
                  "500ms")


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


def who_is_restarted_in_order_leaves_the_work_to_a_successor():
    """Ended by an operator, or by a reload, it is not the end of what it works at."""
    target = Target()
    daemon = Daemon("who_is_restarted_in_order").start()
    job_id = daemon.submit(daemon.write_plan(open_plan(target.url, "1000/s", "6s")))
    daemon.wait_job(job_id, lambda row: row["completed"] > 1000)
    for name in ("worker", "engine.0", "engine.1", "manager", "gate"):
        generation = daemon.rows()[name]["generation"]
        assert daemon.get(f'{{"do":"restart","process":"{name}"}}')["done"] == "restart"
        wait_for(f"the successor of {name}",
                 lambda: (row := daemon.rows().get(name)) and row["state"] == "ready" and
                 row["generation"] > generation, 20)
    daemon.wait_job(job_id, lambda row: row["state"] in FINAL)
    document = daemon.results(job_id)
    requests = document["requests"]
    print(f"  {show(requests)}; restarts {document['restarts']}")
    check_identities(document)
    check_against_target(document, target.stop())
    assert requests["offered"] == 6000 and document["restarts"] == 2, document
    daemon.stop()


def a_share_that_nobody_came_back_for_is_not_a_whole_one():
    """The worker stays away for longer than engines wait: what they ended early must not pass for
    COMPLETED."""
    target = Target()
    daemon = Daemon("a_share_that_nobody_came",
                    supervisor={"backoff_min": "3s", "backoff_max": "3s"},
                    engine={"adopt_grace": "200ms"}).start()
    job_id = daemon.submit(daemon.write_plan(open_plan(target.url, "500/s", "20s")))
    daemon.wait_job(job_id, lambda row: row["completed"] > 200)
    killed = set()

    def is_kept_away():  # after a good life it is back at once, after a short one not
        worker = daemon.rows().get("worker", {"state": "", "pid": 0})
        if worker["pid"] and worker["pid"] not in killed and is_alive(worker["pid"]):
            killed.add(worker["pid"])
            os.kill(worker["pid"], signal.SIGKILL)
        return worker["state"] == "waiting"

    wait_for("a worker that is kept away", is_kept_away, 15)
    row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL)
    print(f"  the job is {row['state']}: {row}")
    assert row["state"] == "FAILED", row
    counts = target.stop()
    document = daemon.results(job_id, (0, 6))
    check_identities(document)
    check_against_target(document, counts)
    daemon.stop()


run_cases(cases_of(globals(), ("stop_and_look",)))
