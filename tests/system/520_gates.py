#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""A client that knows several gates: its jobs meet at one of them, commands find the gate that has
a job, the next takes a job when one is gone, cut off or draining, and a job runs once."""
import json
import os
import signal
import subprocess

from faketree import TMP, run_cases, wait_for
from hosts import Authority, Host, HostTarget, Net, inside, wait_alive
from tree import CLIENT, closed_plan, open_plan

OK, CLUSTER, PARTIAL = 0, 5, 6


class ThreeGates:
    """Hosts with a gate each; the first also runs the work of all, so it is never the one that is
    lost."""

    def __init__(self, name):
        self.net = Net()
        authority = Authority(f"{name}-ca")
        self.target = HostTarget(self.net)
        self.gates = [Host(self.net, f"{name}-{letter}", ["gate"], "dc", authority)
                      for letter in "abc"]
        self.worker = Host(self.net, f"{name}-w", ["manager", "worker"], "dc", authority,
                           cluster={"seed_gates": [gate.gate_at() for gate in self.gates]})
        self.credentials = os.path.join(TMP, f"{name}-client")
        authority.issue("dc/client/ann", self.credentials)
        self.desk, _, _ = self.net.plug()
        for host in (*self.gates, self.worker):
            host.start()
        for gate in self.gates:
            wait_alive(gate, "managers", [f"{name}-w"])

    def words(self, verb, *words, gates=None):
        listed = ",".join(gate.gate_at() for gate in gates or self.gates)
        return inside(self.desk, CLIENT, verb, *words, "--gate", listed, "--credentials",
                      self.credentials)

    def ask(self, verb, *words, gates=None):
        return subprocess.run(self.words(verb, *words, gates=gates), capture_output=True, text=True,
                              timeout=120)

    def submit(self, seconds="1s"):
        """The id of a job, and what was said."""
        plan = self.worker.write_plan(closed_plan(self.target.url, 2, seconds))
        done = self.ask("submit", plan)
        assert done.returncode == OK, done
        return done.stdout.strip(), done.stderr

    def owner_of(self, job_id, among=None):
        owners = [gate for gate in among or self.gates if gate.job(job_id)]
        assert len(owners) == 1, owners
        return owners[0]

    def end(self):
        for host in (*self.gates, self.worker):
            host.stop_quietly()
        return self.target.stop()


def a_run_stays_with_the_gate_that_has_its_job(cluster, owner):
    known = {job["id"] for gate in cluster.gates for job in gate.get("jobs")["jobs"]}
    plan = cluster.worker.write_plan(open_plan(cluster.target.url, "100/s", "3s"))
    run = subprocess.Popen(cluster.words("run", plan, "--json", "-q"), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    row = wait_for("the run", lambda: next((row for row in owner.get("jobs")["jobs"]
                                            if row["completed"] > 20 and row["id"] not in known),
                                           None), 30)
    os.kill(owner.rows()["gate"]["pid"], signal.SIGKILL)
    text, said = run.communicate(timeout=120)
    assert run.returncode == OK, (run.returncode, said)
    requests = json.loads(text)["requests"]
    assert requests["offered"] == 300 and requests["lost"] == 0, requests
    jobs = [(gate, job["id"]) for gate in cluster.gates for job in gate.get("jobs")["jobs"]
            if job["id"] not in known]
    assert jobs == [(owner, row["id"])], jobs


def what_one_user_does_meets_at_one_gate_and_the_others_find_it():
    cluster = ThreeGates("one")
    a, b, c = cluster.gates
    first, said = cluster.submit()
    assert not said, said
    owner = cluster.owner_of(first)
    for gates in ([a, b, c], [c, b, a], [b, a, c]):
        job_id, _ = cluster.submit()
        assert cluster.owner_of(job_id) is owner, "in whatever order they are listed"
    watched = cluster.ask("watch", first, "--json", "-q", gates=[c, a, b])
    assert watched.returncode == OK and json.loads(watched.stdout)["requests"]["completed"] > 0, \
        watched
    elsewhere = next(gate for gate in cluster.gates if gate is not owner)
    plan = cluster.worker.write_plan(closed_plan(cluster.target.url, 2, "1s"))
    # by somebody who knows that one only
    other = cluster.ask("submit", plan, "-q", gates=[elsewhere]).stdout.strip()
    assert cluster.owner_of(other) is elsewhere
    for job_id in (first, other):
        status = cluster.ask("status", job_id, "--json")
        assert status.returncode == OK and job_id in status.stdout, status
    watched = cluster.ask("watch", other, "-q")
    assert watched.returncode == OK, watched
    results = cluster.ask("results", other, "--json")
    assert results.returncode == OK and json.loads(results.stdout)["requests"]["completed"] > 0, \
        results
    listed = [row["id"] for row in json.loads(cluster.ask("list", "--json").stdout)["jobs"]]
    assert len(listed) == 5 and {first, other} < set(listed), listed
    nobodys = cluster.ask("status", "0" * 32)
    assert nobodys.returncode == CLUSTER and "no such job" in nobodys.stderr, nobodys
    a_run_stays_with_the_gate_that_has_its_job(cluster, owner)
    cluster.end()


def a_gate_that_drains_is_gone_or_is_cut_off_costs_no_job():
    cluster = ThreeGates("two")
    first, _ = cluster.submit()
    owner = cluster.owner_of(first)
    owner.get('{"do":"drain"}')
    second, said = cluster.submit()
    heir = cluster.owner_of(second)
    assert heir is not owner and "draining" in said and heir.gate_at() in said, said
    owner.stop_quietly()
    third, said = cluster.submit()
    left = [gate for gate in cluster.gates if gate is not owner]
    assert cluster.owner_of(third, left) is heir and owner.gate_at() in said, said
    listed = cluster.ask("list", "--json")
    assert listed.returncode == PARTIAL and owner.gate_at() in listed.stderr, listed
    assert {row["id"] for row in json.loads(listed.stdout)["jobs"]} == {second, third}, listed
    lost = cluster.ask("status", first)
    assert lost.returncode == CLUSTER and "not at the gates that have answered" in lost.stderr, lost
    heir.cut()  # without a word
    last = next(gate for gate in left if gate is not heir)
    fourth, said = cluster.submit()
    assert cluster.owner_of(fourth, [last]) and said.count("\n") == 2, said
    last.stop_quietly()
    plan = cluster.worker.write_plan(closed_plan(cluster.target.url, 1, "1s"))
    nobody = cluster.ask("submit", plan)
    assert nobody.returncode == CLUSTER, nobody
    assert all(gate.gate_at() in nobody.stderr for gate in cluster.gates), nobody
    heir.mend()
    cluster.end()


run_cases([what_one_user_does_meets_at_one_gate_and_the_others_find_it,
           a_gate_that_drains_is_gone_or_is_cut_off_costs_no_job])
