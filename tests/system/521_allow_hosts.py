#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# beside: others
"""A cluster sends load nowhere but to its allow_hosts: the gate refuses the job, and a worker that
is stricter refuses the share."""
import json
import os

from faketree import TMP, run_cases, wait_for
from hosts import Authority, Host, HostTarget, Net, wait_alive
from tree import client

CLUSTER = 5


def check_rotation(authority, gate):
    """The gate's daemon knows by TLS what the manager of another datacenter holds."""
    def keyring(*words):
        return client("keyring", words[0], authority.dir, *words[1:], "--socket", gate.run_dir)

    wait_for("both hold the ring", lambda: "held by 2 of 2 members\n" in keyring("list").stdout, 30)
    assert client("keyring", "install", authority.dir).returncode == 0
    early = keyring("use", "--key", "2")
    assert (early.returncode == CLUSTER and
            "0 of 2 members hold this ring: not gate allow-a, manager "
            "allow-b" in early.stderr), early


def allow_hosts_is_obeyed_by_the_gate_and_by_each_worker():
    net, authority = Net(), Authority("allow-ca")
    target = HostTarget(net)
    a = Host(net, "allow-a", ["gate"], "dc-a", authority,
             cluster={"allow_hosts": [target.address, "*.shop.test"]})
    b = Host(net, "allow-b", ["manager", "worker"], "dc-b", authority,
             cluster={"seed_gates": [a.gate_at()], "allow_hosts": ["*.shop.test"]})
    for host in (a, b):
        host.start()
    wait_alive(a, "managers", ["allow-b"])
    wait_alive(b, "workers", ["allow-b"])

    def plan(url):
        path = os.path.join(TMP, "allow-plan.json")
        with open(path, "w") as file:
            json.dump({"version": 1, "name": "allow",
                       "workflows": [{"name": "w", "steps": [{"name": "s", "url": url}],
                                      "load": {"model": "open", "rate": "50/s", "for": "1s"}}]},
                      file)
        return path

    done = client("submit", plan("http://10.77.0.99:8080/"), "--socket", a.run_dir)
    assert (done.returncode == CLUSTER and "sends no load to 10.77.0.99" in done.stderr and
            "cluster.allow_hosts" in done.stderr), done
    job_id = a.submit(plan(target.url))
    row = a.wait_job(job_id, lambda row: row["state"] in ("COMPLETED", "PARTIAL", "FAILED"), 60)
    assert row["state"] == "FAILED" and row["sent"] == 0, row
    said = client("status", job_id, "--socket", a.run_dir, "--json").stdout
    assert f"the host {target.address} is not in this worker's cluster.allow_hosts" in said, said
    check_rotation(authority, a)
    b.config["cluster"]["allow_hosts"] = [target.address]
    b.write_config()
    assert b.call("reload").returncode == 0
    job_id = a.submit(plan(target.url))
    row = a.wait_job(job_id, lambda row: row["state"] in ("COMPLETED", "PARTIAL", "FAILED"), 60)
    assert row["state"] == "COMPLETED", row
    for host in (a, b):
        host.stop_quietly()
    assert target.stop()["requests"] == row["completed"] == 50, row


run_cases([allow_hosts_is_obeyed_by_the_gate_and_by_each_worker])
