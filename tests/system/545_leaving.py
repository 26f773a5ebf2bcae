#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""Hosts of a cluster that leave in order while a job runs: the job goes on elsewhere, or ends and
says why, and its counts are exact."""
import json
import os
import subprocess

from faketree import TMP, run_cases, wait_for
from hosts import Authority, Host, HostTarget, Net, inside, nodes_of, settle, wait_alive
from tree import CLIENT, FINAL, check_identities, open_plan

OK, PARTIAL = 0, 6


class Cluster:
    """A gate, a manager and workers of two cores, each on a host of its own, and a target."""

    def __init__(self, name, workers=2):
        self.net, authority = Net(), Authority(f"{name}-ca")

        def add(letter, role, seeds, engines=1):
            return Host(self.net, f"{name}-{letter}", [role], "dc", authority, engines=engines,
                        cluster=seeds)
        self.target = HostTarget(self.net)
        self.gate = add("g", "gate", {})
        self.manager = add("m", "manager", {"seed_gates": [self.gate.gate_at()]})
        managers = {"seed_managers": [self.manager.manager_at()]}
        self.workers = [add(f"w{number + 1}", "worker", managers, 2) for number in range(workers)]
        self.hosts = [self.gate, self.manager, *self.workers]
        self.credentials, (self.desk, _, _) = os.path.join(TMP, f"{name}-client"), self.net.plug()
        authority.issue("dc/client/ann", self.credentials)
        for host in self.hosts:
            host.start()
        wait_alive(self.gate, "managers", [f"{name}-m"])
        wait_alive(self.manager, "workers", [self.name_of(worker) for worker in self.workers])

    @staticmethod
    def name_of(host):
        return host.config["node"]["name"]

    def row_of(self, worker):
        return nodes_of(self.manager, "workers").get(self.name_of(worker), {})

    def plan(self, seconds, **more):
        """Of a job that needs two cores."""
        plan = open_plan(self.target.url, "100/s", f"{seconds}s", max_in_flight=2)
        return self.gate.write_plan({**plan, **more})

    def submit(self, seconds, **more):
        """A job that is under way."""
        job_id = self.gate.submit(self.plan(seconds, **more))
        self.gate.wait_job(job_id, lambda row: row["completed"] > 50)
        return job_id

    def run(self, seconds):
        """A client that waits for a job, which is under way."""
        words = ["run", self.plan(seconds), "--gate", self.gate.gate_at(), "--credentials",
                 self.credentials, "--json"]
        client = subprocess.Popen(inside(self.desk, CLIENT, *words), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        wait_for("a job under way", lambda: any(row["completed"] > 50 for row in self.jobs()), 30)
        return client

    def jobs(self):
        return self.gate.get("jobs")["jobs"]

    def busy(self):
        """The workers that run something."""
        return [worker for worker in self.workers if self.row_of(worker).get("execs")]

    def wait_left(self, worker):
        wait_for("it has left", lambda: self.row_of(worker)["state"] == "LEFT", 10)

    def finish(self, job_id):
        """The results of a job that completes, and its row."""
        row = self.gate.wait_job(job_id, lambda row: row["state"] in FINAL, 90)
        assert row["state"] == "COMPLETED", row
        document = self.gate.results(job_id)
        check_identities(document)
        return document["requests"], row

    def end(self):
        for host in reversed(self.hosts):
            host.stop_quietly()
        return self.target.stop()


def check_exact(requests, counts, in_flight):
    """The target has seen what was counted and what was counted no more, but for what was cut on
    its way."""
    seen = requests["completed"] + requests["failed"] + requests["discarded"]
    least, most = seen - in_flight, seen + requests["cut"]
    assert least <= counts["requests"] <= most, (requests, counts)


def what_ran_on_a_worker_that_leaves_is_run_by_another():
    cluster = Cluster("one")
    run = cluster.run(seconds=4)
    leaving, = cluster.busy()
    other, = [worker for worker in cluster.workers if worker is not leaving]
    leaving.stop_quietly()
    assert leaving.process.returncode == 0, leaving.process.returncode
    cluster.wait_left(leaving)
    wait_for("the other runs it", lambda: cluster.row_of(other)["execs"] == 1, 20)
    row = cluster.gate.wait_job(cluster.jobs()[0]["id"],
                                lambda row: row["retries"] == 1 and row["discarded"] > 50)
    text, said = run.communicate(timeout=60)
    assert run.returncode == OK, (run.returncode, said)
    assert "a share was lost and is run again" in said, said
    document = json.loads(text)
    check_identities(document)
    requests, reasons = document["requests"], document["verdict"]["reasons"]
    assert requests["offered"] == 400 and requests["discarded"] == row["discarded"], requests
    assert any("run again" in reason for reason in reasons), reasons
    lost, = cluster.manager.events(kind="share_lost")
    assert "drain: the daemon of its worker was stopped" in lost["text"], lost
    check_exact(requests, cluster.end(), in_flight=2)


def a_worker_that_is_drained_first_leaves_without_a_loss():
    cluster = Cluster("two")
    first = cluster.submit(seconds=4)
    leaving, = cluster.busy()
    other, = [worker for worker in cluster.workers if worker is not leaving]
    leaving.get('{"do":"drain"}')
    wait_for("it drains", lambda: cluster.row_of(leaving)["state"] == "DRAINING", 10)
    second = cluster.submit(seconds=2)
    assert cluster.row_of(other)["execs"] == 1, cluster.row_of(other)
    done = [cluster.finish(job_id) for job_id in (first, second)]
    assert cluster.row_of(leaving)["execs"] == 0, cluster.row_of(leaving)
    leaving.stop_quietly()
    cluster.wait_left(leaving)
    assert [row["retries"] for _, row in done] == [0, 0], done
    assert [requests["offered"] for requests, _ in done] == [400, 200], done
    assert cluster.end()["requests"] == sum(requests["completed"] for requests, _ in done), done


def a_job_waits_for_the_last_worker_to_come_back_as_long_as_its_time_lasts():
    cluster = Cluster("three", workers=1)
    worker, = cluster.workers
    first = cluster.submit(seconds=3)
    worker.stop_quietly()
    wait_for("nobody runs it", lambda: cluster.gate.job(first)["cores"] == 0, 10)
    worker.start()
    requests, row = cluster.finish(first)
    assert requests["offered"] == 300 and row["retries"] == 1, (requests, row)
    second = cluster.submit(seconds=3, limits={"max_duration": "4s"})
    worker.stop_quietly()
    cluster.gate.wait_job(second, lambda row: row["completed"] == 0 < row["discarded"], 10)
    row = cluster.gate.wait_job(second, lambda row: row["state"] in FINAL, 30)
    assert (row["state"], row["retries"], row["sent"]) == ("TIMEOUT", 1, 0), row
    none = cluster.gate.ask_gate("results", second, "--json")
    assert none.returncode == PARTIAL and "TIMEOUT and has no results" in none.stderr, none
    both = {**requests, "discarded": requests["discarded"] + row["discarded"]}
    check_exact(both, cluster.end(), in_flight=4)


def a_manager_that_leaves_and_comes_back_goes_on_with_its_jobs():
    cluster = Cluster("four")
    job_id = cluster.submit(seconds=4)
    cluster.manager.stop_quietly()
    assert cluster.manager.process.returncode == 0, cluster.manager.process.returncode
    wait_for("it is missed", lambda: nodes_of(cluster.gate, "managers")["four-m"]["state"] !=
             "ALIVE", 10)
    settle(1)
    cluster.manager.start()
    requests, row = cluster.finish(job_id)
    assert requests["offered"] == 400, requests
    assert requests["discarded"] == row["retries"] == 0, (requests, row)
    check_exact(requests, cluster.end(), in_flight=0)


def a_gate_that_leaves_ends_its_jobs_and_says_so_to_who_waits():
    cluster = Cluster("five")
    run = cluster.run(seconds=20)
    cluster.gate.stop_quietly()
    assert cluster.gate.process.returncode == 0, cluster.gate.process.returncode
    text, said = run.communicate(timeout=60)
    assert run.returncode == PARTIAL, (run.returncode, said)
    document = json.loads(text)
    check_identities(document)
    assert "the daemon was stopped" in said, said
    assert document["interrupted"], document["verdict"]
    check_exact(document["requests"], cluster.end(), in_flight=2)


run_cases([what_ran_on_a_worker_that_leaves_is_run_by_another,
           a_worker_that_is_drained_first_leaves_without_a_loss,
           a_job_waits_for_the_last_worker_to_come_back_as_long_as_its_time_lasts,
           a_manager_that_leaves_and_comes_back_goes_on_with_its_jobs,
           a_gate_that_leaves_ends_its_jobs_and_says_so_to_who_waits])
