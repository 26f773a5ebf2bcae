#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# beside: others
"""A gate that hears nothing of a datacenter any more, while its connections still stand and another
gate hears it, suspects a local partition, gives new work to others, and takes it all back when it
hears again."""
import json
import os
import subprocess

from faketree import run_cases, wait_for
from hosts import Authority, GATE_PORT, Host, HostTarget, inside, Net, nodes_of, wait_alive
from tree import client


def drop_datagrams(host, address):
    """Of that address; the rest of its traffic passes."""
    rules = ("table inet deaf { chain in { type filter hook input priority 0; "
             "ip saddr %s meta l4proto udp drop; }; }" % address)
    subprocess.run(inside(host.holder, "nft", rules), check=True)


def hear_again(host):
    subprocess.run(inside(host.holder, "nft", "delete table inet deaf"), check=True)


def reach_of(gate, manager):
    row = nodes_of(gate, "managers").get(manager.config["node"]["name"], {})
    return row.get("reach"), row.get("is_local_partition")


def wait_reach(gate, manager, state, is_local_partition=False):
    wait_for(f"{manager.config['node']['name']} {state} at {gate.config['node']['name']}, now "
             f"{reach_of(gate, manager)}",
             lambda: reach_of(gate, manager) == (state, is_local_partition), 30)


def submit(gate, url):
    path = os.path.join(gate.dir, "plan.json")
    with open(path, "w") as plan:
        json.dump({"version": 1, "name": "reach",
                   "workflows": [{"name": "w", "steps": [{"name": "s", "url": url}],
                                  "load": {"model": "open", "rate": "50/s", "for": "2s",
                                           "max_in_flight": 16}}]}, plan)
    return gate.submit(path)


def datacenters_of(gate, job_id):
    return gate.wait_job(job_id, lambda row: row["state"] == "COMPLETED", 30)["datacenters"]


def a_datacenter_that_one_gate_does_not_hear_gets_its_work_only_from_the_other():
    """15.8 Its connections stand, and nothing comes of its datagrams."""
    net, authority = Net(), Authority("reach-ca")
    target = HostTarget(net)
    addresses = [f"10.77.0.{number}:{GATE_PORT}" for number in (2, 3)]
    seeds = {"seed_gates": addresses}
    deaf, other = (Host(net, f"reach-{name}", ["gate"], "dc-g", authority, cluster=seeds)
                   for name in ("deaf", "other"))
    first, second = (Host(net, f"reach-{name}", ["manager", "worker"], f"dc-{name}", authority,
                          cluster=seeds) for name in ("a", "b"))
    hosts = [deaf, other, first, second]
    for host in hosts:
        host.start()
    for gate in (deaf, other):
        wait_alive(gate, "managers", ["reach-a", "reach-b"])
        for manager in (first, second):
            wait_reach(gate, manager, "REACHABLE")
    drop_datagrams(deaf, first.address)
    wait_reach(deaf, first, "SUSPECTED", True)
    assert reach_of(other, first) == ("REACHABLE", False), reach_of(other, first)
    assert nodes_of(deaf, "managers")["reach-a"]["state"] == "ALIVE"
    assert "another gate hears it" in client("nodes", "--socket", deaf.run_dir).stdout
    here, there = submit(deaf, target.url), submit(other, target.url)
    assert datacenters_of(deaf, here) == "dc-b", datacenters_of(deaf, here)
    assert datacenters_of(other, there) == "dc-a", datacenters_of(other, there)
    hear_again(deaf)
    wait_reach(deaf, first, "REACHABLE")
    kinds = [row["kind"] for row in deaf.events() if row["kind"].startswith("datacenter_")]
    assert kinds.count("datacenter_suspected") == 1 and kinds.count("datacenter_reachable") == 3, \
        kinds
    for host in hosts:
        host.stop_quietly()
    target.stop()


run_cases([a_datacenter_that_one_gate_does_not_hear_gets_its_work_only_from_the_other])
