#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# beside: others
"""One who asks too much is refused politely: he is told when to come again, keeps his connection,
and takes nothing from the others."""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import wire
from tree import (DAEMON, FINAL, Daemon, Target, cases_of, check_identities, json, open_plan,
                  run_cases, show)

RATE_LIMITED, OTHER_USER = 7, 54321


def as_other_user(daemon, work):
    """Runs it as somebody else who may use the gate's socket; without the right to change the user,
    as the same."""
    if os.geteuid() != 0:
        return work()
    for path in (os.path.dirname(daemon.dir), daemon.dir, daemon.run_dir):
        os.chmod(path, 0o755)
    os.chmod(daemon.run_dir + "/gate.sock", 0o666)
    os.seteuid(OTHER_USER)
    try:
        return work()
    finally:
        os.seteuid(0)


def flood(gate, plan, times):
    """The same submission again and again, as fast as the socket takes them: (answers,
    refusals)."""
    fields = {1: b"noisy", 2: 1, 3: 1, 4: wire.hashlib.sha256(plan).digest(), 5: len(plan), 6: plan}
    heard = []

    def listen():
        while len(heard) < times:
            kind, answer = gate.hear()
            assert kind is not None, f"the gate has hung up after {len(heard)} answers"
            if kind in (wire.SUBMIT_ACK, wire.REFUSED):
                heard.append((kind, answer))

    listener = threading.Thread(target=listen)
    listener.start()
    for number in range(times):
        gate.say(wire.frame(wire.SUBMIT, fields, number + 2))
    listener.join(30)
    return [answer for kind, answer in heard
            if kind == wire.SUBMIT_ACK], [answer for kind, answer in heard if kind == wire.REFUSED]


def who_floods_the_gate_is_refused_and_the_others_are_served():
    target = Target()
    daemon = Daemon("flood").start()
    plan = json.dumps(open_plan(target.url, "500/s", "6s")).encode()
    noisy = wire.Gate(daemon.run_dir + "/gate.sock")
    code, job_id, _, problems = noisy.submit(plan, client_id=b"noisy")
    assert code == 0, (code, problems)
    daemon.wait_job(job_id, lambda row: row["state"] == "RUNNING" and row["completed"] > 100)
    started = time.monotonic()
    answers, refusals = flood(noisy, plan, 3000)
    took = time.monotonic() - started
    print(f"  3000 submissions in {took:.2f} s: {len(answers)} answered, {len(refusals)} refused")
    assert len(answers) + len(refusals) == 3000
    assert 40 <= len(answers) <= 50 + 5 * took + 1, len(answers)
    # the job that is there
    assert all(answer[1] == 0 and answer.get(4) == 1 for answer in answers), answers[0]
    waits = [refusal[3] / 1e6 for refusal in refusals]
    assert all(refusal[1] == RATE_LIMITED and refusal[2] == wire.SUBMIT
               for refusal in refusals), refusals[0]
    # a fiftieth of ten seconds
    assert 0 < min(waits) and max(waits) <= 200, (min(waits), max(waits))
    assert daemon.counter("gate", "frames_rate_limited") >= len(refusals)
    assert all(daemon.counter(role, "control_refused") == 0 for role in ("gate", "manager"))
    assert any("SUBMIT" in event["text"] for event in daemon.events(kind="client_refused"))

    # The same user's other questions have buckets of their own; another user has all of his.
    kind, status = noisy.ask(wire.STATUS_GET, {1: bytes.fromhex(job_id)}, wire.STATUS)
    assert kind == wire.STATUS and status[1] == 0, status
    calm = as_other_user(daemon, lambda: wire.Gate(daemon.run_dir + "/gate.sock"))
    if os.geteuid() == 0:
        started = time.monotonic()
        code, other_id, existed, problems = calm.submit(plan, client_id=b"calm")
        assert code == 0 and not existed, (code, problems)
        print("  another user's submission was answered in "
              f"{1000 * (time.monotonic() - started):.0f} ms")
        kind, _ = calm.ask(wire.CANCEL, {1: bytes.fromhex(other_id), 2: 0xffff, 3: os.urandom(16)},
                           wire.CANCEL_ACK)
        assert kind != wire.REFUSED
        daemon.wait_job(other_id, lambda row: row["state"] in FINAL)

    # Who waits as long as he is told is let in.
    kind, refused = noisy.ask(wire.SUBMIT, {1: b"noisy", 2: 1, 3: 1,
                                            4: wire.hashlib.sha256(plan).digest(), 5: len(plan),
                                            6: plan},
                              wire.SUBMIT_ACK)
    if kind == wire.REFUSED:
        time.sleep(refused[3] / 1e9)
        code, again, existed, _ = noisy.submit(plan, client_id=b"noisy")
        assert code == 0 and existed and again == job_id

    # The load that was running has not felt any of it.
    row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL, 30)
    assert row["state"] == "COMPLETED", row
    document = daemon.results(job_id)
    check_identities(document)
    assert document["requests"]["offered"] == 3000 and document["requests"]["dropped"] == 0, \
        document["requests"]
    daemon.stop()
    print(f"  {show(document['requests'])}")
    target.stop()


def the_client_comes_again_when_it_is_told():
    target = Target()
    daemon = Daemon("patience", gate={"rate_window": "2s", "rate_submits": 1,
                                      "rate_queries": 2}).start()
    path = daemon.write_plan(open_plan(target.url, "50/s", "1s"))
    started = time.monotonic()
    jobs = {daemon.submit(path) for _ in range(3)}
    took = time.monotonic() - started
    assert len(jobs) == 3 and took >= 4, took
    for _ in range(5):
        assert set(daemon.listed()) == jobs
    print(f"  3 submissions, one in two seconds: {took:.1f} s; refused "
          f"{daemon.counter('gate', 'frames_rate_limited')}")
    assert daemon.counter("gate", "frames_rate_limited") >= 2
    for job_id in jobs:
        daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
    daemon.stop()
    assert target.stop()["requests"] == 150


def limits_of_nothing_are_refused_at_the_start():
    for key in ("rate_submits", "rate_clients_max"):
        daemon = Daemon("nothing_" + key, gate={key: 0})
        os.makedirs(daemon.dir, exist_ok=True)
        done = subprocess.run([DAEMON] + daemon.arguments("check")[1:], capture_output=True,
                              text=True, timeout=30)
        assert done.returncode == 78 and key in done.stderr, done


run_cases(cases_of(globals(), helpers=("as_other_user", "flood")))
