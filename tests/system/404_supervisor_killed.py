#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""The supervisor is killed in the middle of a job: its processes go with it, and the next one knows
what there was."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (FINAL, Daemon, Target, cases_of, check_identities, closed_plan, is_alive,
                  open_plan, run_cases, show, time, tree_of, wait_for)


def jobs_and_results_outlive_the_supervisor():
    target = Target()
    daemon = Daemon("jobs_and_results_outlive").start()
    done = daemon.submit(daemon.write_plan(open_plan(target.url, "200/s", "1s")))
    daemon.wait_job(done, lambda row: row["state"] == "COMPLETED")
    kept = daemon.results(done)
    check_identities(kept)
    assert kept["requests"]["completed"] == 200, kept["requests"]
    sent_before = target.counts()["requests"]
    running = daemon.submit(daemon.write_plan(closed_plan(target.url, 4, "4s")))
    daemon.wait_job(running, lambda row: row["state"] == "RUNNING" and row["completed"] > 100)
    pids = tree_of(daemon.process.pid)
    assert len(pids) == 7, pids
    row_before = daemon.listed()[done]
    begin = time.monotonic()
    daemon.kill()
    wait_for("the end of all children", lambda: not any(map(is_alive, pids)), 1.0)
    print(f"  the last child was gone {(time.monotonic() - begin) * 1e3:.1f} ms after the kill")
    sent_until_kill = target.counts()["requests"] - sent_before
    daemon.start()
    rows = daemon.listed()
    assert set(rows) == {done, running}, rows
    assert rows[done]["state"] == "COMPLETED", rows
    passed_ns = rows[done]["age_ns"] - row_before["age_ns"]
    assert 0 < passed_ns < (time.monotonic() - begin + 1) * 1e9, (rows[done], row_before)
    assert abs(rows[done]["elapsed_ns"] - row_before["elapsed_ns"]) < 50e6, (rows[done], row_before)
    assert daemon.job(done)["submitted_unix_ms"] > 1.7e12, daemon.job(done)
    assert daemon.results(done) == kept, "the results have changed"
    row = daemon.wait_job(running, lambda row: row["state"] in FINAL, 60)
    print(f"  the unfinished job ended {row['state']}: {row['reason']}")
    assert row["state"] in ("COMPLETED", "PARTIAL", "FAILED"), row
    sent = target.counts()["requests"] - sent_before
    if row["state"] != "FAILED":
        document = daemon.results(running, (0, 6))
        check_identities(document)
        requests = document["requests"]
        print(f"  {show(requests)}; the target counted {sent_until_kill} before the kill, {sent} "
              "in all")
        assert requests["completed"] + requests["failed"] <= sent, (requests, sent)
    assert daemon.get("status")["status"]["incarnation"] == 2
    another = daemon.submit(daemon.write_plan(open_plan(target.url, "200/s", "1s")))
    daemon.wait_job(another, lambda row: row["state"] == "COMPLETED")
    daemon.stop()
    target.stop()


def it_is_killed_again_and_again_and_forgets_nothing():
    target = Target()
    daemon = Daemon("it_is_killed_again").start()
    known = {}
    for _ in range(4):
        job_id = daemon.submit(daemon.write_plan(open_plan(target.url, "500/s", "500ms")))
        daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
        known[job_id] = daemon.results(job_id)["requests"]
        daemon.kill()
        daemon.start()
        assert set(daemon.listed()) == set(known), (daemon.listed(), known)
        for job_id, requests in known.items():
            assert daemon.results(job_id)["requests"] == requests
    daemon.stop()
    target.stop()


run_cases(cases_of(globals()))
