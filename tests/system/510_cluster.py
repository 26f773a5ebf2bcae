#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Roles of different hosts work together over TLS: jobs in one and in two datacenters, with links cut and workers killed."""
import json
import os

from faketree import run_cases, wait_for
from hosts import Authority, Host, HostTarget, Net, wait_alive
from tree import check_against_target, check_identities


class Cluster:
    """a: the gate; b: manager and worker of dc-b; c: a worker of dc-b; d: manager and worker of dc-d."""

    def __init__(self, name):
        self.net = Net()
        self.authority = Authority(f"{name}-ca")
        self.target = HostTarget(self.net)
        self.hosts = []
        self.a = self.add(f"{name}-a", ["gate"], "dc-a")
        gates = {"seed_gates": [self.a.gate_at()]}
        self.b = self.add(f"{name}-b", ["manager", "worker"], "dc-b", gates)
        self.c = self.add(f"{name}-c", ["worker"], "dc-b", {"seed_managers": [self.b.manager_at()]})
        self.d = self.add(f"{name}-d", ["manager", "worker"], "dc-d", gates)
        for host in self.hosts:
            host.start()
        wait_alive(self.a, "managers", [f"{name}-b", f"{name}-d"])
        wait_alive(self.b, "workers", [f"{name}-b", f"{name}-c"])
        wait_alive(self.d, "workers", [f"{name}-d"])

    def add(self, name, roles, datacenter, cluster=None):
        self.hosts.append(Host(self.net, name, roles, datacenter, self.authority, cluster=cluster))
        return self.hosts[-1]

    def plan(self, datacenters, seconds=3, rate=200):
        path = os.path.join(self.a.dir, "plan.json")
        with open(path, "w") as plan:
            json.dump({"version": 1, "name": "cluster", "datacenters": {"include": datacenters},
                       "workflows": [{"name": "w", "steps": [{"name": "s", "url": self.target.url}],
                                      "load": {"model": "open", "rate": f"{rate}/s", "for": f"{seconds}s", "max_in_flight": 64}}]},
                      plan)
        return path

    def finish(self, job_id, seconds=60):
        """The results of a job that completes, checked against what the target has seen."""
        row = self.a.wait_job(job_id, lambda row: row["state"] in ("COMPLETED", "PARTIAL", "FAILED", "CANCELLED", "TIMEOUT"), seconds)
        assert row["state"] == "COMPLETED", row
        done = self.a.ask_gate("results", job_id, "--json")
        assert done.returncode == 0, done
        document = json.loads(done.stdout)
        check_identities(document)
        return document

    def end(self):
        for host in self.hosts:
            host.stop_quietly()
        return self.target.stop()


def a_job_runs_on_the_workers_of_two_hosts_and_of_two_datacenters():
    cluster = Cluster("one")
    first = cluster.finish(cluster.a.submit(cluster.plan(["dc-b"])))
    assert first["requests"]["offered"] == 600, first["requests"]
    assert first["engines"] == 2, first["engines"]
    both = cluster.finish(cluster.a.submit(cluster.plan(["dc-b", "dc-d"])))
    assert both["requests"]["offered"] == 600, both["requests"]
    assert both["engines"] >= 2, both["engines"]
    counts = cluster.end()
    total = first["requests"]["completed"] + both["requests"]["completed"]
    assert counts["requests"] == total == 1200, (counts, total)


run_cases([a_job_runs_on_the_workers_of_two_hosts_and_of_two_datacenters])
