#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
# beside: others
"""The disk of the state directory fills up under a daemon: new jobs are refused and told why, the
one that runs ends with its results, nobody dies of it, nothing accepted is lost, and with room
again there is work again."""
import ctypes
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import FINAL, Daemon, Target, check_identities, open_plan, run_cases, wait_for

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18


def make_small_disk(path):
    """A file system of its own, seen by this process and its children only; False where that is not
    possible."""
    os.makedirs(path)
    return (LIBC.unshare(CLONE_NEWNS) == 0 and
            LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0 and
            LIBC.mount(b"none", path.encode(), b"tmpfs", 0, b"size=32m,mode=700") == 0)


def fill(path):
    with open(path, "wb", buffering=0) as rest:
        try:
            while True:
                rest.write(b"\0" * 4096)
        except OSError as error:
            assert error.errno == 28, error
    os.sync()


def a_full_disk_stops_new_jobs_and_nothing_else():
    target = Target()
    daemon = Daemon("full_disk")
    if not make_small_disk(daemon.state_dir):
        return print("  no mount namespace here: left out")
    daemon.start()
    plan = daemon.write_plan(open_plan(target.url, "200/s", "1s"))
    known = [daemon.submit(plan)]
    daemon.wait_job(known[0], lambda row: row["state"] == "COMPLETED")
    known.append(daemon.submit(daemon.write_plan(open_plan(target.url, "200/s", "6s"),
                                                 "long.json")))
    daemon.wait_job(known[1], lambda row: row["state"] == "RUNNING" and row["completed"] > 100)
    rest = daemon.state_dir + "/rest"
    fill(rest)
    # The ledgers have taken room ahead: it is used up first.
    large = open_plan(target.url, "1/s", "1s")
    large["workflows"][0]["steps"][0].update(method="POST", body="x" * (3 << 20))
    refused = daemon.ask_gate("submit", daemon.write_plan(large, "large.json"), "-q", seconds=60)
    print(f"  a large plan: exit code {refused.returncode}, {refused.stderr.strip()[:200]}")
    if refused.returncode == 0:
        known.append(refused.stdout.strip())
    wait_for("the words", lambda: "disk full" in daemon.log(), 10)
    refused = daemon.ask_gate("submit", plan, "-q", seconds=60)
    print(f"  a plan: exit code {refused.returncode}, {refused.stderr.strip()[:200]}")
    assert (refused.returncode != 0 and
            "the disk of the state directory is full" in refused.stderr), refused
    row = daemon.wait_job(known[1], lambda row: row["state"] in FINAL, 30)
    assert row["state"] == "COMPLETED" and row["completed"] == 1200, row
    document = daemon.results(known[1])
    check_identities(document)
    assert daemon.get("deaths")["deaths"] == [], daemon.get("deaths")
    for name in ("gate", "manager"):  # with the disk full: a successor knows all
        os.kill(daemon.rows()[name]["pid"], signal.SIGKILL)
        daemon.wait_row(name, lambda row: row["generation"] == 2 and row["state"] == "ready")
    assert set(daemon.listed()) == set(known), (daemon.listed(), known)
    assert daemon.results(known[1]) == document
    daemon.kill()
    done = daemon.call("start")  # another life of the host has to be written down
    assert done.returncode == 1 and "identity: No space left" in done.stderr, done
    os.unlink(rest)
    daemon.start()
    assert set(daemon.listed()) == set(known), (daemon.listed(), known)
    assert daemon.results(known[1]) == document

    def is_accepted():
        done = daemon.ask_gate("submit", plan, "-q")
        if done.returncode == 0:
            known.append(done.stdout.strip())
        return done.returncode == 0
    wait_for("room", is_accepted, 20)
    daemon.wait_job(known[-1], lambda row: row["state"] == "COMPLETED")
    assert daemon.get("deaths")["deaths"] == [], daemon.get("deaths")
    daemon.stop()
    target.stop()


run_cases((a_full_disk_stops_new_jobs_and_nothing_else,))
