#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# beside: others
"""A datacenter that is there, but says nothing of a job: the manager that leads it cannot be heard,
another one answers. Its part of the job is lost after a while, the rest goes on, and the results
say so."""
import json

from faketree import run_cases, wait_for
from hosts import Authority, GATE_PORT, Host, HostTarget, MANAGER_PORT, Net, nodes_of, wait_alive
from tree import open_plan

PARTIAL = 6
BOTH = ["manager", "worker"]


def start_cluster(net, authority):
    """The gate, the host of dc-a, the leader of dc-b and the other manager there."""
    number = net.count + 1
    seeds = {"seed_gates": [f"{net.address_of(number)}:{GATE_PORT}"]}
    of_b = {**seeds, "leader": "sil-b1",
            "seed_managers": [f"{net.address_of(number + k)}:{MANAGER_PORT}" for k in (2, 3)]}
    gate = Host(net, "sil-gate", ["gate"], "dc-g", authority, gate={"job_silent_after": "10s"})
    first = Host(net, "sil-a", BOTH, "dc-a", authority, cluster=seeds)
    leader = Host(net, "sil-b1", BOTH, "dc-b", authority, cluster=dict(of_b))
    other = Host(net, "sil-b2", ["manager"], "dc-b", authority, cluster=dict(of_b))
    for host in (gate, first, leader, other):
        host.start(is_ready=host in (first, leader))
    wait_alive(gate, "managers", ["sil-a", "sil-b1", "sil-b2"])
    wait_for("all are reached", lambda: all(row.get("reach") == "REACHABLE"
                                            for row in nodes_of(gate, "managers").values()), 30)
    return gate, first, leader, other


def free_cores(host):
    return host.get("status")["status"]["cores"]["free"]


def mute(net, gate, leader):
    """Neither hears the other."""
    pair = (gate.address, leader.address)
    net.set_rules(*(f"ip saddr {a} ip daddr {b} drop" for a, b in (pair, pair[::-1])))


def check_results(gate, job_id, row):
    done = gate.ask_gate("results", job_id, "--json")
    assert done.returncode == PARTIAL, done
    document = json.loads(done.stdout)
    verdict, sent = document["verdict"], document["requests"]["sent"]
    assert verdict["measurement"] == "INVALID", verdict
    reason = "datacenter dc-b was lost: its figures end where it fell silent"
    assert reason in verdict["reasons"], verdict
    assert sum(step["requests"]["sent"] for step in document["steps"]) == sent == row["sent"], row
    return sent


def a_part_that_nothing_is_heard_of_is_lost_and_the_rest_goes_on():
    net, authority = Net(), Authority("sil-ca")
    target = HostTarget(net)
    gate, first, leader, other = start_cluster(net, authority)
    plan = open_plan(target.url, "50/s", "30s")
    plan["datacenters"] = {"include": ["dc-a", "dc-b"]}
    job_id = gate.submit(gate.write_plan(plan))
    gate.wait_job(job_id, lambda row: row["completed"] > 100)
    wait_for("both work", lambda: not free_cores(first) and not free_cores(leader), 10)
    mute(net, gate, leader)

    row = gate.wait_job(job_id, lambda row: row["datacenters_silent"] == 1, 25)
    assert row["state"] == "RUNNING" and row["datacenters_lost"] == 0, row
    assert "nothing is heard of it" in gate.ask_gate("status", job_id).stdout
    row = gate.wait_job(job_id, lambda row: row["datacenters_lost"] == 1, 25)
    assert row["state"] == "RUNNING" and "datacenter dc-b was lost" in row["reason"], row
    assert nodes_of(gate, "managers")["sil-b2"]["reach"] == "REACHABLE"  # it was there all the time
    kinds = [(event["kind"], event["text"]) for event in gate.events(about=job_id)]
    assert ("job_suspect", "datacenter dc-b") in kinds, kinds
    assert ("job_dead", "datacenter dc-b") in kinds, kinds
    assert gate.counter("gate", "job_deaths") == 1

    net.set_rules()  # it still works for the job, and is told that this is in vain
    wait_for("it stops", lambda: free_cores(leader), 30)
    known = row["sent"]
    row = gate.wait_job(job_id, lambda row: row["ended_at_ns"], 60)
    assert row["sent"] >= known, (known, row)  # what was heard of it stays
    assert row["sent"] == row["completed"] + row["failed"] + row["cut"], row
    assert row["state"] == "FAILED", row
    sent = check_results(gate, job_id, row)
    for host in (gate, first, leader, other):
        host.stop_quietly()
    assert target.stop()["requests"] > sent  # what came too late counts nowhere


run_cases([a_part_that_nothing_is_heard_of_is_lost_and_the_rest_goes_on])
