#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""Hosts that are found by their names: a service (SRV) that clients, managers and workers look up,
an address that moves, a name with several addresses, and name servers that fall silent."""
import json
import os
import subprocess
import sys

from faketree import TMP, run_cases
from hosts import GATE_PORT, Authority, Host, HostTarget, Net, inside, nodes_of, wait_alive
from tree import CLIENT, closed_plan

OK, CLUSTER = 0, 5


class NameServer:
    """On a host of its own; files_of_hosts is a resolver's configuration that names it."""

    def __init__(self, net, name):
        self.holder, self.address, _ = net.plug()
        self.zone_path = os.path.join(TMP, f"{name}-zone")
        self.log_path = os.path.join(TMP, f"{name}-asked")
        self.resolv = os.path.join(TMP, f"{name}-resolv.conf")
        with open(self.resolv, "w") as file:
            file.write(f"nameserver {self.address}\noptions timeout:1 attempts:1\n")
        os.chmod(self.resolv, 0o644)
        self.set({})
        script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "nameserver.py")
        self.process = subprocess.Popen(inside(self.holder, sys.executable, script, self.address,
                                               self.zone_path, self.log_path),
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().strip() == "listening"

    def set(self, zone):
        with open(self.zone_path + ".new", "w") as file:
            json.dump(zone, file)
        os.replace(self.zone_path + ".new", self.zone_path)

    def asked(self, what):
        with open(self.log_path) as log:
            return sum(line.strip() == what for line in log)

    def seen_by(self, words):
        """The same command, for which this is the name server."""
        mount = f'mount --bind {self.resolv} "$(realpath /etc/resolv.conf)" && exec "$@"'
        return ["unshare", "-m", "sh", "-c", mount, "sh", *words]

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


class NamedHost(Host):
    def __init__(self, server, *words, **more):
        self.server = server
        super().__init__(*words, **more)

    def arguments(self, verb):
        return self.server.seen_by(super().arguments(verb))


def service_of(*rows):
    return [[30, priority, weight, GATE_PORT, target] for priority, weight, target in rows]


def a_service_is_found_by_managers_and_clients():
    net = Net()
    server, target, authority = NameServer(net, "one"), HostTarget(net), Authority("one-ca")
    a, b = (NamedHost(server, net, f"one-{letter}", ["gate"], "dc", authority) for letter in "ab")
    zone = {"_hyperscale-gate._tcp.example.test SRV": service_of((20, 1, "a.example.test"),
                                                                 (10, 1, "b.example.test"),
                                                                 (10, 9, "gone.example.test")),
            "a.example.test A": [[30, a.address]], "b.example.test A": [[30, b.address]],
            "workers-look.example.test A": [[5, "10.77.0.200"]]}
    server.set(zone)
    w = NamedHost(server, net, "one-w", ["manager", "worker"], "dc", authority,
                  cluster={"seed_gates": ["srv:_hyperscale-gate._tcp.example.test"]})
    v = NamedHost(server, net, "one-v", ["worker"], "dc", authority,
                  cluster={"seed_managers": ["workers-look.example.test:7401"]})
    for host in (a, b, w, v):
        host.start(is_ready=host is not v)
    for gate in (a, b):
        wait_alive(gate, "managers", ["one-w"])
    credentials = os.path.join(TMP, "one-client")
    authority.issue("dc/client/ann", credentials)

    def ask(verb, *words):
        command = inside(b.holder, CLIENT, verb, *words, "--gate",
                         "srv:_hyperscale-gate._tcp.example.test", "--credentials", credentials)
        return subprocess.run(server.seen_by(command), capture_output=True, text=True, timeout=120)

    plan = w.write_plan(closed_plan(target.url, 1, "1s"))
    done = ask("submit", plan, "-q")
    assert done.returncode == OK, done
    assert b.job(done.stdout.strip()) and not a.job(done.stdout.strip()), "b has the lower priority"
    b.stop_quietly()
    done = ask("submit", plan)
    assert done.returncode == OK and (b.address in done.stderr or
                                      "b.example.test" in done.stderr), done
    assert a.job(done.stdout.strip())
    # The manager's address was wrong: the name is asked again, since nobody answers there.
    zone["workers-look.example.test A"] = [[5, w.address]]
    server.set(zone)
    wait_alive(w, "workers", ["one-v"], 40)
    server.set({"example.test A": [[5, "10.77.0.1"]]})
    missing = ask("list")
    assert missing.returncode == CLUSTER and "no such service" in missing.stderr, missing
    server.set({})  # silence: who is connected stays so
    silent = ask("list")
    assert silent.returncode == CLUSTER and "no name server answers" in silent.stderr, silent
    assert nodes_of(a, "managers")["one-w"]["state"] == "ALIVE"
    for host in (a, w, v):
        host.stop_quietly()
    target.stop()
    server.stop()


def every_address_of_a_name_is_dialled():
    net = Net()
    server, authority = NameServer(net, "two"), Authority("two-ca")
    gates = [NamedHost(server, net, f"two-{letter}", ["gate"], "dc", authority) for letter in "abc"]
    server.set({"gates.example.test A": [[5, gate.address] for gate in gates]})
    w = NamedHost(server, net, "two-w", ["manager", "worker"], "dc", authority,
                  cluster={"seed_gates": ["no-such.example.test:7400", "gates.example.test:7400"]})
    for host in (*gates, w):
        host.start()
    for gate in gates:
        wait_alive(gate, "managers", ["two-w"])
    w.wait_says("name not found", "no-such.example.test", "there is no such name")
    counters = {row["process"]: row["values"] for row in w.get("counters")["counters"]}["manager"]
    assert counters["lookups"] >= 2 and counters["lookups_failed"] >= 1, counters
    for host in (*gates, w):
        host.stop_quietly()
    server.stop()


run_cases([a_service_is_found_by_managers_and_clients, every_address_of_a_name_is_dialled])
