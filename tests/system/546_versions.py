#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# beside: others
"""Hosts of a cluster are brought to a newer version one by one, and back, while a job runs."""
import os

from faketree import run_cases
from hosts import Authority, Host, HostTarget, Net, wait_alive
from tree import BUILD, DAEMON, FINAL, check_identities, open_plan

RATE, SECONDS, IN_FLIGHT = 100, 10, 2


class Node(Host):
    """A host whose daemon may be a newer one (newer_tree.c)."""

    is_newer = False

    def arguments(self, verb):
        newer = os.path.join(BUILD, "tests/system/newer_tree")
        return [newer if self.is_newer and word == DAEMON else word
                for word in super().arguments(verb)]


class Cluster:
    """Two gates, two managers, two workers of two cores, each on a host of its own."""

    def __init__(self):
        self.net, authority = Net(), Authority("ca")
        self.target = HostTarget(self.net)

        def add(name, role, engines=1):
            return Node(self.net, name, [role], "dc", authority, engines=engines, cluster={})
        self.gates = [add("g1", "gate"), add("g2", "gate")]
        self.managers = [add("m1", "manager"), add("m2", "manager")]
        self.workers = [add("w1", "worker", 2), add("w2", "worker", 2)]
        self.hosts = self.gates + self.managers + self.workers
        section = {"seed_gates": [gate.gate_at() for gate in self.gates], "leader": "m1",
                   "seed_managers": [manager.manager_at() for manager in self.managers]}
        for host in self.hosts:
            host.config["cluster"].update(section)
            host.write_config()
            host.start(is_ready=False)
        self.wait_whole()

    def wait_whole(self):
        for gate in self.gates:
            wait_alive(gate, "managers", ["m1", "m2"], 40)
        for manager in self.managers:
            wait_alive(manager, "workers", ["w1", "w2"], 40)

    def roll(self, host, is_newer):
        host.stop_quietly()
        assert host.process.returncode == 0, (host.config["node"]["name"], host.process.returncode)
        host.is_newer = is_newer
        host.start()
        self.wait_whole()

    def end(self):
        for host in self.hosts:
            host.stop_quietly()
        return self.target.stop()


def hosts_that_are_rolled_up_and_back_during_a_job_change_no_total():
    """T16.6 Five hosts; the sixth is the gate whose job it is."""
    cluster = Cluster()
    gate, rolled = cluster.gates[0], [*cluster.workers, cluster.gates[1], *cluster.managers[::-1]]
    plan = open_plan(cluster.target.url, f"{RATE}/s", f"{SECONDS}s", max_in_flight=IN_FLIGHT)
    job_id = gate.submit(gate.write_plan({**plan, "limits": {"max_duration": "3m"}}))
    gate.wait_job(job_id, lambda row: row["completed"] > 50)
    for is_newer in (True, False):
        for host in rolled:
            cluster.roll(host, is_newer)
    row = gate.wait_job(job_id, lambda row: row["state"] in FINAL, 120)
    assert row["state"] == "COMPLETED" and row["retries"] > 0, row
    document = gate.results(job_id)
    check_identities(document)
    requests, counts = document["requests"], cluster.end()
    assert requests["offered"] == RATE * SECONDS and requests["lost"] == 0, requests
    seen = requests["completed"] + requests["failed"] + requests["discarded"]
    least, most = seen - IN_FLIGHT * row["retries"], seen + requests["cut"]
    assert least <= counts["requests"] <= most, (requests, counts, row)
    for host in cluster.workers:  # of lines that differ by a digit only, a log keeps some
        host.wait_says("agreed on the old version", "peer=m")
    cluster.managers[0].wait_says("agreed on the new version", "peer=w")
    cluster.managers[0].wait_says("agreed on the old version", "peer=g")


run_cases([hosts_that_are_rolled_up_and_back_during_a_job_change_no_total])
