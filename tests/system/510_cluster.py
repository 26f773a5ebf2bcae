#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# beside: others
"""Roles of different hosts work together over TLS: jobs in one and in two datacenters, with links
cut and processes killed."""
import json
import os
import signal

from faketree import run_cases, wait_for
from hosts import Authority, Host, HostTarget, Net, nodes_of, settle, wait_alive
from tree import FINAL, check_against_target, check_identities


class Cluster:
    """A network with a target; hosts are added as a case wants them."""

    def __init__(self, name):
        self.name = name
        self.net = Net()
        self.authority = Authority(f"{name}-ca")
        self.target = HostTarget(self.net)
        self.hosts = []

    def add(self, letter, roles, datacenter, **more):
        more.setdefault("authority", self.authority)
        self.hosts.append(Host(self.net, f"{self.name}-{letter}", roles, datacenter, **more))
        return self.hosts[-1]

    def plan(self, datacenters, seconds=3, rate=200):
        path = os.path.join(self.hosts[0].dir, "plan.json")
        with open(path, "w") as plan:
            json.dump({"version": 1, "name": "cluster", "datacenters": {"include": datacenters},
                       "workflows": [{"name": "w", "steps": [{"name": "s", "url": self.target.url}],
                                      "load": {"model": "open", "rate": f"{rate}/s",
                                               "for": f"{seconds}s", "max_in_flight": 64}}]},
                      plan)
        return path

    def finish(self, gate, job_id, seconds=90):
        """The results of a job that completes."""
        row = gate.wait_job(job_id, lambda row: row["state"] in FINAL, seconds)
        assert row["state"] == "COMPLETED", row
        document = gate.results(job_id)
        check_identities(document)
        return document

    def end(self):
        for host in self.hosts:
            host.stop_quietly()
        return self.target.stop()


class FourHosts(Cluster):
    """a: the gate; b: manager and worker of dc-b; c: a worker of dc-b; d: manager and worker of
    dc-d."""

    def __init__(self, name):
        super().__init__(name)
        self.a = self.add("a", ["gate"], "dc-a")
        gates = {"seed_gates": [self.a.gate_at()]}
        self.b = self.add("b", ["manager", "worker"], "dc-b", cluster=gates)
        self.c = self.add("c", ["worker"], "dc-b", cluster={"seed_managers": [self.b.manager_at()]})
        self.d = self.add("d", ["manager", "worker"], "dc-d", cluster=gates)
        for host in self.hosts:
            host.start()
        wait_alive(self.a, "managers", [f"{name}-b", f"{name}-d"])
        wait_alive(self.b, "workers", [f"{name}-b", f"{name}-c"])
        wait_alive(self.d, "workers", [f"{name}-d"])

    def run_through(self, trouble, seconds=8):
        """A job of both datacenters, to whose middle something happens: its results."""
        job_id = self.a.submit(self.plan(["dc-b", "dc-d"], seconds=seconds))
        self.a.wait_job(job_id, lambda row: row["completed"] > 200)
        trouble()
        return self.finish(self.a, job_id)

    def kill(self, host, process):
        """With SIGKILL; back when its successor is ready."""
        before = host.rows()[process]
        os.kill(before["pid"], signal.SIGKILL)
        wait_for(f"the successor of {process}", lambda: (row := host.rows().get(process)) and
                 row["pid"] != before["pid"] and
                 row["state"] == "ready", 20)


def a_job_runs_on_the_workers_of_two_hosts_and_of_two_datacenters():
    cluster = FourHosts("one")
    first = cluster.finish(cluster.a, cluster.a.submit(cluster.plan(["dc-b"])))
    assert first["requests"]["offered"] == 600, first["requests"]
    assert first["engines"] == 2, first["engines"]
    both = cluster.finish(cluster.a, cluster.a.submit(cluster.plan(["dc-b", "dc-d"])))
    assert both["requests"]["offered"] == 600, both["requests"]
    assert both["engines"] == 3, both["engines"]
    steps = [(row["name"], row["requests"]) for row in both["steps"]]
    assert steps == [("s", both["requests"])], steps
    rows = nodes_of(cluster.b, "workers")
    assert (rows["one-b"]["address"] == "local" and
            rows["one-c"]["address"].startswith(cluster.c.address + ":")), rows
    counts = cluster.end()
    total = first["requests"]["completed"] + both["requests"]["completed"]
    assert counts["requests"] == total, (counts, total)  # a late machine may drop some


def a_job_goes_on_through_cut_links_and_killed_processes():
    """Each trouble has a job of its own, and the target's count is the sum of what the gate has
    counted."""
    cluster = FourHosts("two")
    documents = []

    def cut(host, seconds):
        def trouble():
            host.cut()
            settle(seconds)
            host.mend()
        return trouble

    def killed(host, process):
        return lambda: cluster.kill(host, process)

    documents.append(cluster.run_through(cut(cluster.c, 3)))  # a worker's link
    documents.append(cluster.run_through(cut(cluster.d, 3)))  # that of a datacenter
    documents.append(cluster.run_through(killed(cluster.c, "worker")))
    documents.append(cluster.run_through(killed(cluster.d, "manager")))
    documents.append(cluster.run_through(killed(cluster.a, "gate")))
    for document in documents:
        requests = document["requests"]
        assert requests["offered"] == 1600 and requests["lost"] == 0, requests
    sums = {name: sum(document["requests"][name] for document in documents)
            for name in ("completed", "failed", "sent", "retried")}
    counts = cluster.end()
    check_against_target({"requests": sums}, counts)
    assert counts["requests"] == sums["completed"], (counts, sums)


def a_link_that_is_cut_for_longer_is_made_anew():
    cluster = FourHosts("three")
    job_id = cluster.a.submit(cluster.plan(["dc-d"], seconds=25, rate=50))
    cluster.a.wait_job(job_id, lambda row: row["completed"] > 50)
    cluster.d.cut()
    cluster.a.wait_says("silent, cut off", "three-d", seconds=30)
    wait_for("the manager is missed",
             lambda: nodes_of(cluster.a, "managers")["three-d"]["state"] == "SUSPECT", 10)
    cluster.d.mend()
    wait_alive(cluster.a, "managers", ["three-d"], 40)
    document = cluster.finish(cluster.a, job_id)
    counts = cluster.end()
    requests = document["requests"]
    assert requests["offered"] == requests["completed"] + requests["failed"] == 1250, requests
    assert requests["completed"] <= counts["requests"] <= 1250, (counts, requests)


def several_managers_and_gates_know_who_leads_and_who_owns():
    """b leads dc-b, e follows; a and f are gates. Jobs of both gates run at once, and a follower
    gives no work."""
    cluster = Cluster("four")
    a, f = cluster.add("a", ["gate"], "dc-a"), cluster.add("f", ["gate"], "dc-a")
    led = {"leader": "four-b", "seed_gates": [a.gate_at(), f.gate_at()]}
    b = cluster.add("b", ["manager", "worker"], "dc-b", cluster=led)
    e = cluster.add("e", ["manager", "worker"], "dc-b", cluster=led)
    for host in (b, e):  # each the same list, in which it finds itself
        host.config["cluster"]["seed_managers"] = [b.manager_at(), e.manager_at()]
        host.write_config()
    for host in (a, f, e):
        host.start()
    wait_alive(e, "workers", ["four-e"])
    # only the follower is there: it says who leads, and the job waits
    early = a.submit(cluster.plan(["dc-b"]))
    settle(2)
    assert a.job(early)["completed"] == 0, a.job(early)
    b.start()
    wait_alive(b, "workers", ["four-b", "four-e"])
    wait_alive(e, "workers", ["four-b", "four-e"])
    for gate in (a, f):
        wait_alive(gate, "managers", ["four-b"])
        rows = nodes_of(gate, "managers")
        assert rows["four-b"]["is_leader"] and not rows["four-e"]["is_leader"], rows
    jobs = [(a, early)] + [(gate, gate.submit(cluster.plan(["dc-b"]))) for gate in (a, f, a, f)]
    documents = [cluster.finish(gate, job_id)["requests"] for gate, job_id in jobs]
    counts = cluster.end()
    # a late machine may drop some of them
    assert [requests["offered"] for requests in documents] == [600] * 5, documents
    assert counts["requests"] == sum(requests["completed"] for requests in documents), \
        (counts, documents)


def whoever_does_not_belong_is_refused_and_both_sides_say_why():
    """BAD-2 BAD-4 24.1 24.2 Another authority, environment, datacenter or name."""
    cluster = Cluster("five")
    a = cluster.add("a", ["gate"], "dc-a")
    b = cluster.add("b", ["manager", "worker"], "dc-b", cluster={"seed_gates": [a.gate_at()]})
    managers = {"seed_managers": [b.manager_at()]}
    strangers = Authority("five-strangers")
    testers = Authority("five-testers", environment="test")
    other_authority = cluster.add("o", ["worker"], "dc-b", cluster=managers, authority=strangers)
    other_environment = cluster.add("t", ["worker"], "dc-b", cluster=managers, authority=testers,
                                    environment="test")
    other_datacenter = cluster.add("d", ["worker"], "dc-d", cluster=managers)
    other_name = cluster.add("n", ["worker"], "dc-b", cluster=managers,
                             issued="dc-b/worker/somebody-else")
    for host in (a, b):
        host.start()
    for host, here, there in ((other_authority, "authority", "authority"),
                              (other_environment, "authority", "authority"),
                              (other_datacenter, "dc-d may not", "dc-d")):
        host.start()  # one after another: of refusals, a log keeps one a second
        b.wait_says("refused", host.address, here)
        host.wait_says("not connected", there)
        missed = host.events(kind="peer_missed", about=b.manager_at())
        assert there in missed[0]["text"], missed
        refused = [row for row in b.events(kind="peer_refused") if here in row["text"]]
        assert refused[-1]["about"].startswith(host.address + ":"), refused
        host.stop_quietly()
    other_name.start(is_ready=False)
    other_name.wait_says("somebody-else", "node.name")
    settle(1)
    assert list(nodes_of(b, "workers")) == ["five-b"], nodes_of(b, "workers")
    other_name.kill()
    cluster.end()


def a_seed_may_have_a_name():
    cluster = Cluster("six")
    a = cluster.add("a", ["gate"], "dc-a")
    a.config["cluster"]["gate_address"] = "127.0.0.1:7400"
    a.write_config()
    b = cluster.add("b", ["manager", "worker"], "dc-b", beside=a,
                    cluster={"seed_gates": ["no-such-host.invalid:7400", "localhost:7400"]})
    for host in (a, b):
        host.start()
    wait_alive(a, "managers", ["six-b"])
    b.wait_says("name not found", "no-such-host.invalid")
    cluster.end()


run_cases([a_job_runs_on_the_workers_of_two_hosts_and_of_two_datacenters,
           a_job_goes_on_through_cut_links_and_killed_processes,
           a_link_that_is_cut_for_longer_is_made_anew,
           several_managers_and_gates_know_who_leads_and_who_owns,
           whoever_does_not_belong_is_refused_and_both_sides_say_why,
           a_seed_may_have_a_name])
