#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# beside: others
"""A run by itself: its figures agree with each other and with the target's, and whatever ends it,
nothing stays."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (CLIENT, TMP, Target, cases_of, check_identities, descriptors_of, is_alive,
                  run_cases, run_json, show, title_of, tree_of, wait_for)

NAMELESS = ("/memfd:", "socket:", "anon_inode:", "pipe:", "/dev/null", "/dev/urandom", "/dev/pts")


def start_run(target, *flags):
    """A run of a minute that sends already; its process and the processes of its tree."""
    process = subprocess.Popen([CLIENT, "run", target.url, "-d", "60s", "-c", "4", *flags],
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "TMPDIR": TMP + "/tmp"})
    before = target.counts()["requests"]
    wait_for("load", lambda: target.counts()["requests"] > before + 100, 10)
    pids = tree_of(process.pid)
    assert sum("hyperscaled: engine." in title_of(pid)
               for pid in pids) >= 1, list(map(title_of, pids))
    return process, pids


def unix_names():
    """{inode: name} of the UNIX sockets that have one."""
    names = {}
    with open("/proc/net/unix") as rows:
        for row in list(rows)[1:]:
            fields = row.split()
            if len(fields) > 7:
                names[fields[6]] = fields[7]
    return names


def names_held(pids):
    """Every name that one of these processes could leave behind."""
    held, sockets = [], unix_names()
    for pid in pids:
        for what in descriptors_of(pid).values():
            inode = what[8:-1] if what.startswith("socket:[") else None
            if inode in sockets:
                held.append((title_of(pid), sockets[inode]))
            elif not what.startswith(NAMELESS) and "(deleted)" not in what:
                held.append((title_of(pid), what))
    return held


def litter():
    return [name for folder in ("/tmp", "/dev/shm") for name in os.listdir(folder)
            if "hyperscale" in name] + \
        os.listdir(TMP + "/tmp")


def its_figures_agree_with_each_other_and_with_the_target():
    target = Target()
    begin = time.monotonic()
    document = run_json(target.url, "-c", 10, "-d", "2s")
    whole = time.monotonic() - begin
    counts = target.stop()
    check_identities(document)
    requests = document["requests"]
    print(f"  {show(requests)}; the target counted {counts}")
    assert counts["requests"] == requests["sent"] == counts["answers"], (requests, counts)
    assert requests["completed"] > 100 and requests["failed"] == 0 and requests["lost"] == 0, \
        requests
    assert document["status"] == {"200": requests["completed"]}, document["status"]
    assert document["connections"] == counts["connections"] == 10, (document["connections"], counts)
    assert document["schema"] == 1 and document["restarts"] == 0, document
    assert document["verdict"]["target"] == "PASSED", document["verdict"]
    assert 1.9e9 < document["duration_ns"] < whole * 1e9, document["duration_ns"]
    assert document["duration_ns"] <= document["busy_ns"] < whole * 1e9, document["busy_ns"]
    assert abs(document["rate_per_s"] * document["busy_ns"] / 1e9 - requests["completed"]) < 1, \
        document["rate_per_s"]


def an_open_load_sends_what_the_schedule_says():
    target = Target()
    document = run_json(target.url, "-R", "1000/s", "-d", "2s")
    counts = target.stop()
    check_identities(document)
    requests = document["requests"]
    print(f"  {show(requests)}; the target counted {counts}; lag p99 {document['lag_ns']['p99']} "
          "ns")
    assert requests["offered"] == 2000 and counts["requests"] == requests["sent"], \
        (requests, counts)


def a_run_that_ends_leaves_no_name_and_no_process():
    target = Target()
    process, pids = start_run(target)
    held = names_held(pids)
    assert not held, held
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, (process.returncode, errors)
    assert not any(map(is_alive, pids)) and not litter(), litter()
    target.stop()


def a_killed_client_takes_everything_with_it():
    target = Target()
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGQUIT, signal.SIGHUP):
        process, pids = start_run(target)
        process.send_signal(number)
        process.communicate(timeout=60)
        wait_for("the end of all", lambda: not any(map(is_alive, pids)), 2.0)
        assert not litter(), litter()
    target.stop()


def a_killed_supervisor_ends_the_run_with_a_word():
    target = Target()
    process, pids = start_run(target)
    supervisor = next(pid for pid in pids[1:] if "embed" in title_of(pid) or
                      title_of(pid) == "hyperscaled")
    os.kill(supervisor, signal.SIGKILL)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "hyperscaled" in errors, (process.returncode, errors)
    wait_for("the end of all", lambda: not any(map(is_alive, pids)), 2.0)
    assert not litter(), litter()
    target.stop()


def each_process_of_the_tree_may_die_and_the_run_goes_on():
    target = Target()
    process = subprocess.Popen([CLIENT, "run", target.url, "-R", "500/s", "-d", "12s", "--json",
                                "-q"], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    wait_for("load", lambda: target.counts()["requests"] > 500, 15)
    killed = 0
    for name in ("gate", "manager", "worker", "engine.0"):
        pid = next(pid for pid in tree_of(process.pid)
                   if title_of(pid).endswith(f"hyperscaled: {name}"))
        os.kill(pid, signal.SIGKILL)
        killed += 1
        wait_for(f"another {name}", lambda: any(title_of(other).endswith(f"hyperscaled: {name}") and
                                                other != pid
                                                for other in tree_of(process.pid)), 5)
        sent = target.counts()["requests"]
        wait_for("load again", lambda: target.counts()["requests"] > sent + 100, 10)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, (process.returncode, errors[-2000:])
    document = json.loads(output)
    counts = target.stop()
    check_identities(document)
    requests = document["requests"]
    print(f"  {show(requests)}; the target counted {counts}; restarts {document['restarts']}")
    assert document["restarts"] >= killed, document["restarts"]
    assert requests["offered"] == 6000, requests
    assert requests["completed"] <= counts["requests"] <= requests["sent"], (requests, counts)


os.makedirs(TMP + "/tmp", exist_ok=True)
run_cases(cases_of(globals(), ("start_run", "unix_names", "names_held", "litter")))
