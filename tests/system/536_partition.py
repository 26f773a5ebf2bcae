#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# beside: others
"""A gate that hears nothing of all its datacenters at once takes that for the network's fault: it
says so, and holds them."""
from faketree import run_cases, wait_for
from hosts import Authority, Host, Net, nodes_of, wait_alive


def rows_of(gate, managers):
    rows = nodes_of(gate, "managers")
    return [rows.get(manager.config["node"]["name"], {}) for manager in managers]


def all_datacenters_at_once_are_held():
    """16.2 Told once, with both of them."""
    net, authority = Net(), Authority("part-ca")
    gate = Host(net, "part-gate", ["gate"], "dc-g", authority)
    seeds = {"seed_gates": [gate.gate_at()]}
    managers = [Host(net, f"part-{name}", ["manager", "worker"], f"dc-{name}", authority,
                     cluster=seeds) for name in ("a", "b")]
    for host in [gate, *managers]:
        host.start()
    wait_alive(gate, "managers", ["part-a", "part-b"])
    wait_for("both reached", lambda: all(row.get("reach") == "REACHABLE"
                                         for row in rows_of(gate, managers)), 30)
    gate.cut()
    wait_for("both held", lambda: all(row.get("is_held") for row in rows_of(gate, managers)), 30)
    events = gate.events(kind="partition_detected")
    assert [event["text"] for event in events] == ["dc-a dc-b"], events
    wait_for("counted", lambda: gate.counter("gate", "datacenters_held") == 2, 30)
    gate.mend()
    wait_for("both back", lambda: all(row.get("reach") == "REACHABLE" and not row["is_held"]
                                      for row in rows_of(gate, managers)), 30)
    for host in [gate, *managers]:
        host.stop_quietly()


run_cases([all_datacenters_at_once_are_held])
