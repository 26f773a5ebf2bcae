#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# beside: others
"""A job that names no datacenter goes to the gate's own region, although another one comes first by
name and is as well; and to that one when its own is gone."""
import json
import os

from faketree import run_cases, wait_for
from hosts import GATE_PORT, Authority, Host, HostTarget, Net, nodes_of, wait_alive
from tree import client


def submit(gate, url):
    path = os.path.join(gate.dir, "plan.json")
    with open(path, "w") as plan:
        json.dump({"version": 1, "name": "near",
                   "workflows": [{"name": "w", "steps": [{"name": "s", "url": url}],
                                  "load": {"model": "open", "rate": "50/s", "for": "1s",
                                           "max_in_flight": 16}}]}, plan)
    return gate.submit(path)


def datacenter_of(gate, job_id):
    return gate.wait_job(job_id, lambda row: row["state"] == "COMPLETED", 30)["datacenters"]


def line_of(gate, datacenter):
    lines = client("nodes", "--socket", gate.run_dir).stdout.splitlines()
    return next(line.split() for line in lines if line.startswith(datacenter + " "))


def place_of(gate, name):
    row = nodes_of(gate, "managers").get(name, {})
    return row.get("region"), row.get("locality"), row.get("reach")


def jobs_go_to_the_region_of_their_gate():
    net, authority = Net(), Authority("near-ca")
    target = HostTarget(net)
    seeds = {"seed_gates": [f"{net.address_of(2)}:{GATE_PORT}"]}
    hosts = [Host(net, f"near-{name}", roles, f"dc-{name}", authority, cluster=seeds)
             for name, roles in (("g", ["gate"]), ("a", ["manager", "worker"]),
                                 ("b", ["manager", "worker"]))]
    for host, region in zip(hosts, ("north", "south", "north")):
        host.config["node"]["region"] = region
        host.write_config()
        host.start()
    gate, _, near = hosts
    wait_alive(gate, "managers", ["near-a", "near-b"])
    for name, place in (("near-a", ("south", "other", "REACHABLE")),
                        ("near-b", ("north", "region", "REACHABLE"))):
        wait_for(f"{name} at its place, now {place_of(gate, name)}",
                 lambda name=name, place=place: place_of(gate, name) == place, 30)
    shown = line_of(gate, "dc-b")
    assert shown[:5] == ["dc-b", "REACHABLE", "HEALTHY", "north", "region"], shown
    assert datacenter_of(gate, submit(gate, target.url)) == "dc-b"
    near.stop_quietly()
    assert datacenter_of(gate, submit(gate, target.url)) == "dc-a"
    for host in hosts[:2]:
        host.stop_quietly()
    target.stop()


run_cases([jobs_go_to_the_region_of_their_gate])
