#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
# beside: others
"""The whole path as a user who is nobody special: without a name, without root, with directories of
his own and little memory to lock. Started by root, the test becomes such a user; the other tests
then show the same path as root."""
import os
import resource
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
UID = 54321  # of nobody in particular


def become_somebody():
    """From here on this process is that user, with programs that he may read and a home of his
    own."""
    home, bin_dir = os.environ["HS_TMP"] + "/home", os.environ["HS_TMP"] + "/bin"
    os.makedirs(bin_dir)
    for name in ("hyperscale", "hyperscaled"):
        shutil.copy(os.path.join(os.environ["HS_BUILD"], name), bin_dir)
    os.chmod(os.environ["HS_TMP"], 0o755)
    os.mkdir(home, 0o700)
    os.chown(home, UID, UID)
    os.environ.update(HS_BUILD=bin_dir, HS_TMP=home, HOME=home, TMPDIR=home)


def drop():
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    os.chdir(os.environ["HOME"])


IS_ROOT = os.geteuid() == 0
if IS_ROOT:
    become_somebody()
else:
    os.environ["HOME"] = os.environ["HS_TMP"]
sys.path.insert(0, HERE)
from tree import (DAEMON, FINAL, Daemon, Target, cases_of, check_against_target, check_identities,
                  closed_plan, is_alive, open_plan, run_cases, run_json, show, tree_of, wait_for)


def owner_of(pid):
    return os.stat(f"/proc/{pid}").st_uid


def a_run_leaves_figures_and_nothing_else():
    target = Target()
    before = set(os.listdir(os.environ["HOME"]))
    document = run_json(target.url, "-R", "500/s", "-d", "2s", "--cores", "2")
    check_identities(document)
    assert document["requests"]["completed"] == 1000, document["requests"]
    document = run_json(target.url, "-c", "20", "-d", "2s")
    check_identities(document)
    assert document["requests"]["completed"] > 1000 and document["requests"]["failed"] == 0, \
        document["requests"]
    check_against_target({"requests": {name: document["requests"][name] +
                                       (1000 if name != "failed" else 0)
                                       for name in document["requests"]}}, target.stop())
    print(f"  {show(document['requests'])} with {document['backend']}")
    assert set(os.listdir(os.environ["HOME"])) == before


def a_daemon_works_stops_and_comes_back():
    target = Target()
    daemon = Daemon("daemon")
    done = daemon.call("check")
    assert done.returncode == 0, done
    daemon.start()
    for row in daemon.get("processes")["processes"]:
        assert owner_of(row["pid"]) == os.geteuid(), row
        assert {"parent_death", "capabilities", "no_new_privileges",
                "limits"} <= set(row["confinement"]), row
    first = daemon.submit(daemon.write_plan(open_plan(target.url, "500/s", "2s")))
    row = daemon.wait_job(first, lambda row: row["state"] in FINAL)
    assert row["state"] == "COMPLETED" and row["completed"] == 1000, row
    kept = daemon.results(first)
    check_identities(kept)
    running = daemon.submit(daemon.write_plan(closed_plan(target.url, 8, "3s")))
    daemon.wait_job(running, lambda row: row["state"] == "RUNNING" and row["completed"] > 100)
    os.kill(daemon.rows()["engine.0"]["pid"], signal.SIGKILL)
    pids = tree_of(daemon.process.pid)
    daemon.kill()
    wait_for("the end of all", lambda: not any(map(is_alive, pids)), 1)
    daemon.start()
    assert set(daemon.listed()) == {first, running}
    assert daemon.results(first) == kept
    daemon.wait_job(running, lambda row: row["state"] in FINAL, 60)
    third = daemon.submit(daemon.write_plan(closed_plan(target.url, 8, "60s")))
    daemon.wait_job(third, lambda row: row["state"] == "RUNNING" and row["completed"] > 1000)
    daemon.stop()  # during the load
    daemon.start()
    row = daemon.listed()[third]
    assert row["state"] in FINAL, row
    document = daemon.results(third, (0, 1, 2, 3, 4, 5, 6))
    check_identities(document)
    assert document["requests"]["completed"] > 1000, document["requests"]
    daemon.stop()
    target.stop()


def what_he_may_not_touch_is_said_with_exit_code_77():
    path = os.path.join(os.environ["HOME"], "plain.json")
    with open(path, "w") as file:
        file.write("{}")
    for words in (["start", "-c", path], ["start", "-c", path, "--state-dir", os.environ["HOME"] +
                                          "/s"],
                  ["start", "-c", path, "--run-dir", os.environ["HOME"] + "/r", "--state-dir",
                   "/etc/hyperscale-state"]):
        done = subprocess.run([DAEMON, *words], capture_output=True, text=True, timeout=20)
        assert done.returncode == 77 and "permission" in done.stderr.lower(), done
        print("  " + done.stderr.strip())
    os.chmod(path, 0)
    for verb in ("check", "start"):
        done = subprocess.run([DAEMON, verb, "-c", path], capture_output=True, text=True,
                              timeout=20)
        assert done.returncode == 77 and "permission" in done.stderr.lower(), done


if IS_ROOT:
    drop()
run_cases(cases_of(globals(), helpers=("become_somebody", "drop", "owner_of")))
