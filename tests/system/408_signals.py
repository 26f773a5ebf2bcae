#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 400
# beside: others
"""Early ends and exact counts: signals to a run, -n, workflows that wait for each other,
cancelling, submitting twice."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import wire
from tree import (CLIENT, FINAL, Daemon, Target, cases_of, check_against_target, check_identities,
                  closed_plan, is_alive, open_plan, run_cases, run_json, show, tree_of, wait_for)


def start_run(target, *flags):
    process = subprocess.Popen([CLIENT, "run", target.url, "-d", "60s", *flags, "--json"],
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for("load", lambda: target.counts()["requests"] >= 4, 20)
    return process, tree_of(process.pid)


def a_signal_reports_what_was_measured():
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        for flags in (("-c", "8"), ("-R", "500/s")):
            target = Target("--delay", "20ms")
            process, pids = start_run(target, *flags)
            wait_for("some load", lambda: target.counts()["requests"] > 200, 20)
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
            counts = target.stop()
            assert process.returncode == code, (process.returncode, errors)
            document = json.loads(output)
            check_identities(document)
            requests = document["requests"]
            print(f"  {number.name} {' '.join(flags)}: {show(requests)}; the target counted "
                  f"{counts}")
            assert document["interrupted"] and requests["completed"] > 150, requests
            assert requests["sent"] == counts["requests"] and requests["cut"] == 0, \
                (requests, counts)
            assert not any(map(is_alive, pids))


def a_second_signal_ends_at_once():
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        target = Target("--mode", "silent")
        process, pids = start_run(target, "-c", "4", "--timeout", "50s", "--drain", "50s")
        process.send_signal(number)
        # The first is being obeyed: it says so.
        line = process.stderr.readline()
        while "stopping" not in line:
            assert line, "it does not say that it stops"
            line = process.stderr.readline()
        begin = time.monotonic()
        process.send_signal(number)
        process.communicate(timeout=60)
        print(f"  gone {(time.monotonic() - begin) * 1e3:.0f} ms after the second {number.name}")
        assert process.returncode == code, process.returncode
        assert time.monotonic() - begin < 20, "it could have had 50 s"
        wait_for("the end of all", lambda: not any(map(is_alive, pids)), 1.0)
        target.stop()


def a_number_of_requests_is_kept_exactly():
    for count, users in ((1, 1), (7, 3), (1000, 10), (10007, 50), (3, 10)):
        target = Target()
        document = run_json(target.url, "-n", count, "-c", users)
        counts = target.stop()
        check_identities(document)
        requests = document["requests"]
        assert requests["completed"] == counts["requests"] == requests["offered"] == count, \
            (count, users, requests, counts)
    print("  1, 7, 1000, 10007 and 3 requests, each exactly")


def diamond(url):
    """first; then left and right at the same time; then last. And one that depends on nobody."""
    def workflow(name, after, load, path):
        return {"name": name, "depends_on": after, "load": load,
                "steps": [{"name": name, "url": url + path}]}
    few = {"model": "closed", "vus": 2, "iterations": 100}
    some = {"model": "open", "rate": "200/s", "for": "1s"}
    return {"version": 1, "name": "diamond", "workflows": [
        workflow("last", ["left", "right"], few, "last"), workflow("left", ["first"], some, "left"),
        workflow("right", ["first"], few, "right"), workflow("first", [], few, "first"),
        workflow("alone", [], some, "alone")]}


def workflows_wait_for_those_they_depend_on():
    target = Target()
    daemon = Daemon("workflows_wait_for", engines=2).start()
    job_id = daemon.submit(daemon.write_plan(diamond(target.url)))
    order, states = ("last", "left", "right", "first", "alone"), []

    def look():
        row = daemon.job(job_id)
        if row and row["workflows"]:
            states.append(dict(zip(order, row["workflows"])))
        return row and row["state"] in FINAL and row
    row = wait_for("the end", look, 60)
    assert row["state"] == "COMPLETED" and set(row["workflows"]) == {"COMPLETED"}, row
    for state in states:
        if state["first"] != "COMPLETED":
            assert all(state[side] in ("PENDING", "READY") for side in ("left", "right")), state
        if "COMPLETED" not in (state["left"], state["right"]):
            assert state["last"] == "PENDING", state
    document = daemon.results(job_id)
    check_identities(document)
    counts = target.stop()
    done = {step["workflow"]: step["requests"]["completed"] for step in document["steps"]}
    assert done == {"last": 100, "left": 200, "right": 100, "first": 100, "alone": 200}, done
    assert counts["requests"] == 700, counts
    print(f"  {done}; {len(states)} looks")
    daemon.stop()


def one_workflow_is_cancelled_and_the_rest_goes_on():
    target = Target()
    daemon = Daemon("one_workflow_is_cancel", engines=2).start()
    plan = open_plan(target.url, "200/s", "3s")
    plan["workflows"].append({**plan["workflows"][0], "name": "long",
                              "load": {"model": "open", "rate": "200/s", "for": "60s"}})
    plan["workflows"].append({**plan["workflows"][0], "name": "after", "depends_on": ["long"]})
    job_id = daemon.submit(daemon.write_plan(plan))
    daemon.wait_job(job_id, lambda row: row["completed"] > 200)
    done = daemon.ask_gate("cancel", job_id, "--workflow", "1", "--reason", "enough of it")
    assert done.returncode == 0, done
    row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL, 30)
    print(f"  {row['state']} {row['workflows']} {row['reason']}")
    assert row["workflows"] == ["COMPLETED", "CANCELLED", "SKIPPED"], row
    assert row["state"] == "PARTIAL", row
    document = daemon.results(job_id, (0, 6))
    check_identities(document)
    check_against_target(document, target.stop())
    parts = {step["workflow"]: step["requests"] for step in document["steps"]}
    assert parts["w"]["completed"] == 600 and parts["long"]["completed"] > 0, parts
    daemon.stop()


def a_cancelled_job_keeps_what_it_measured():
    target = Target()
    daemon = Daemon("a_cancelled_job_keeps").start()
    job_id = daemon.submit(daemon.write_plan(closed_plan(target.url, 4, "60s")))
    daemon.wait_job(job_id, lambda row: row["completed"] > 100)
    assert daemon.ask_gate("cancel", job_id).returncode == 0
    again = daemon.ask_gate("cancel", job_id)
    assert again.returncode in (0, 5), again  # 5: it has ended meanwhile
    row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL, 30)
    assert row["state"] == "CANCELLED", row
    document = daemon.results(job_id, (6,))
    check_identities(document)
    counts = target.stop()
    check_against_target(document, counts)
    print(f"  {show(document['requests'])}; the target counted {counts}")
    wait_for("free cores", lambda: daemon.get("status")["status"]["cores"]["free"] == 2)
    assert daemon.ask_gate("cancel", job_id).returncode in (0, 5)
    daemon.stop()


def the_same_submission_is_the_same_job():
    target = Target()
    daemon = Daemon("the_same_submission").start()
    plan = json.dumps(open_plan(target.url, "200/s", "1s")).encode()
    gates = [wire.Gate(daemon.run_dir + "/gate.sock") for _ in range(4)]
    answers = [gate.submit(plan, nonce=5) for gate in gates for _ in range(2)]
    assert {answer[0] for answer in answers} == {0}, answers
    assert len({answer[1] for answer in answers}) == 1, answers
    assert sum(not answer[2] for answer in answers) == 1, f"one of them made it: {answers}"
    assert gates[0].submit(plan + b" ", nonce=5)[0] == 18, "the same key, another plan: CONFLICT"
    job_id = answers[0][1]
    daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
    os.kill(daemon.rows()["gate"]["pid"], signal.SIGKILL)
    daemon.wait_row("gate", lambda row: row and row["generation"] == 2 and row["state"] == "ready")
    late = wire.Gate(daemon.run_dir + "/gate.sock").submit(plan, nonce=5)
    assert late[:3] == (0, job_id, 1), f"also after the end, also by the gate's successor: {late}"
    other = wire.Gate(daemon.run_dir + "/gate.sock").submit(plan, nonce=6)
    assert other[1] != job_id and not other[2], other
    daemon.wait_job(other[1], lambda row: row["state"] == "COMPLETED")
    assert target.stop()["requests"] == 400, "a job ran twice, or not at all"
    daemon.stop()


def a_submission_survives_the_death_of_the_gate():
    target = Target()
    daemon = Daemon("a_submission_survives").start()
    path = daemon.write_plan(open_plan(target.url, "100/s", "100ms"))
    ids = []
    for turn in range(8):
        gate = daemon.row("gate")
        process = subprocess.Popen([CLIENT, "submit", path, "-q", "--socket", daemon.run_dir],
                                   stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(turn * 0.001)  # not to wait for anything: to hit another moment each turn
        os.kill(gate["pid"], signal.SIGKILL)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, (process.returncode, errors)
        ids.append(output.strip())
        daemon.wait_row("gate", lambda row: row and row["generation"] > gate["generation"] and
                        row["state"] == "ready")
    assert len(set(ids)) == 8 and set(daemon.listed()) == set(ids), (ids, daemon.listed())
    for job_id in ids:
        daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
    assert target.stop()["requests"] == 80
    daemon.stop()


run_cases(cases_of(globals(), ("start_run", "diamond")))
