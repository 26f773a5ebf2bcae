#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 1200
"""Full speed for ten minutes with HS_SOAK, for twenty seconds without, and many short jobs: after
the warm-up nothing grows, neither memory nor descriptors nor segments of any process."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (IS_SOAK, Daemon, Target, cases_of, check_identities, closed_plan, descriptors_of,
                  memory_of, open_plan, run_cases, segments_of, show, time, wait_for)

SECONDS = 600 if IS_SOAK else 18
SHORT_JOBS = 200 if IS_SOAK else 12
# Of a process after the warm-up: pages that were not touched before, as figures reach another
# magnitude.
SLACK_BYTES = 2 << 20
# Of the gate for each job that it still knows: its row, its record, its place in the tables of
# 1,024 jobs.
KEPT_JOB_BYTES = 32 << 10


def has_clients(daemon):
    """Whether the console still has a connection of somebody who has asked: the kernel names those
    of its socket as it names it."""
    with open("/proc/net/unix") as rows:
        names = [row.split()[-1] for row in rows]
    assert daemon.run_dir + "/status.sock" in names, "no status socket"
    return names.count(daemon.run_dir + "/status.sock") > 1


def survey(daemon):
    """{process: (own memory, shared memory, descriptors, segments)}"""
    pids = {name: row["pid"] for name, row in daemon.rows().items()}
    pids["supervisor"] = daemon.process.pid
    wait_for("rest at the console", lambda: not has_clients(daemon))
    return {name: (*memory_of(pid), len(descriptors_of(pid)), segments_of(pid))
            for name, pid in pids.items()}


def compare(before, after, kept_jobs=0):
    for name in sorted(before):
        print(f"    {name:10} own {before[name][0] >> 10} -> {after[name][0] >> 10} KiB, shared "
              f"{before[name][1] >> 10} -> "
              f"{after[name][1] >> 10} KiB, descriptors {before[name][2]} -> {after[name][2]}, "
              f"segments {before[name][3]} -> {after[name][3]}")
    for name in before:
        for what, column, slack in (("memory", 0, SLACK_BYTES), ("shared memory", 1, SLACK_BYTES),
                                    ("descriptors", 2, 0), ("segments", 3, 0)):
            grown = after[name][column] - before[name][column]
            if (name, what) == ("gate", "memory"):
                slack += kept_jobs * KEPT_JOB_BYTES
            assert grown <= slack, f"{what} of {name} grew by {grown}"


def a_long_run_at_full_speed_is_flat():
    target = Target()
    daemon = Daemon("a_long_run_at_full_speed").start()
    job_id = daemon.submit(daemon.write_plan(closed_plan(target.url, 64, f"{SECONDS}s")))
    warm = 0.3 * SECONDS * 1e9
    daemon.wait_job(job_id, lambda row: row["state"] == "RUNNING")
    begin = time.monotonic()
    wait_for("the end of the warm-up", lambda: time.monotonic() - begin > warm / 1e9, SECONDS)
    before = survey(daemon)
    wait_for("nearly the end", lambda: time.monotonic() - begin > SECONDS - 1.5, SECONDS + 60)
    after = survey(daemon)
    assert daemon.job(job_id)["state"] == "RUNNING"
    daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED", 60)
    document = daemon.results(job_id)
    check_identities(document)
    counts = target.stop()
    print(f"  {show(document['requests'])}; {document['rate_per_s']:.0f}/s; the target counted "
          f"{counts}")
    compare(before, after)
    assert counts["requests"] == document["requests"]["sent"], counts
    daemon.stop()


def many_jobs_leave_nothing_behind():
    target = Target()
    daemon = Daemon("many_jobs_leave_nothing").start()
    path = daemon.write_plan(open_plan(target.url, "200/s", "100ms"))
    before = None
    for number in range(SHORT_JOBS):
        job_id = daemon.submit(path)
        daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
        if number == SHORT_JOBS // 3:
            wait_for("rest", lambda: daemon.get("status")["status"]["cores"]["free"] == 2)
            before = survey(daemon)
    wait_for("rest", lambda: daemon.get("status")["status"]["cores"]["free"] == 2)
    wait_for("as many descriptors as before", lambda: all(
        now[2:] <= then[2:] for now, then in zip(survey(daemon).values(), before.values())), 5)
    compare(before, survey(daemon), kept_jobs=SHORT_JOBS - SHORT_JOBS // 3)
    assert target.stop()["requests"] == 20 * SHORT_JOBS
    daemon.stop()


run_cases(cases_of(globals(), ("has_clients", "survey", "compare")))
