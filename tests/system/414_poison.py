#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# beside: others
"""A plan that kills whoever reads or runs it is set aside after its second victim: it is refused
from then on, its job ends, and the daemon goes on with everybody else's work."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (BUILD, FINAL, Daemon, Target, check_identities, open_plan, run_cases, time,
                  wait_for)


class Poisonable(Daemon):
    """The real daemon with four bugs in it."""

    def arguments(self, verb):
        return [os.path.join(BUILD, "tests/system/poison_tree")] + super().arguments(verb)[1:]


def victims(daemon):
    return [row["process"].split(".")[0] for row in daemon.get("deaths")["deaths"]]


def work_well(daemon, target, name):
    job_id = daemon.submit(daemon.write_plan(open_plan(target.url + name, "200/s", "1s"),
                                             name + ".json"))
    row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL, 20)
    assert row["state"] == "COMPLETED" and row["completed"] == 200, row
    check_identities(daemon.results(job_id))


def poison(role):
    target = Target()
    daemon = Poisonable("poison_" + role).start()
    work_well(daemon, target, "before")
    plan = daemon.write_plan(open_plan(target.url + "poison-" + role, "100/s", "60s"))
    begin = time.monotonic()
    done = daemon.ask_gate("submit", plan, "-q", seconds=30)
    if done.returncode == 0:
        job_id = done.stdout.strip()
        row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL, 40)
        assert row["state"] == "FAILED", row
        words = daemon.ask_gate("watch", job_id).stderr
    else:
        words = done.stderr
    print(f"  {role}: over after {time.monotonic() - begin:.1f} s: "
          f"{words.strip().splitlines()[-1:]}")
    assert victims(daemon) == [role, role], daemon.get("deaths")["deaths"]
    status = daemon.get("status")["status"]
    assert len(status["quarantined"]) == 1, status["quarantined"]
    assert "set aside" in words or "cannot be used" in words, words
    again = daemon.ask_gate("submit", plan, "-q", seconds=30)
    assert again.returncode != 0 and "set aside" in again.stderr, again
    wait_for("everybody", lambda: (rows := daemon.rows()) and
             all(row["state"] == "ready" for row in rows.values()))
    assert victims(daemon) == [role, role], "a third victim"
    work_well(daemon, target, "after")
    daemon.stop()
    target.stop()


def a_plan_that_kills_gates_is_set_aside():
    poison("gate")


def a_plan_that_kills_managers_is_set_aside():
    poison("manager")


def a_plan_that_kills_workers_is_set_aside():
    poison("worker")


def a_plan_that_kills_engines_is_set_aside():
    poison("engine")


run_cases([value for name, value in list(globals().items()) if name.startswith("a_plan")])
