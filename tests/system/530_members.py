#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""Gates and managers of several hosts know of each other: rings form, notice who is gone, believe who comes back, and suspect nobody who
merely restarts."""
import os
import signal
import time

from faketree import run_cases, wait_for
from hosts import Authority, GATE_PORT, Host, MANAGER_PORT, Net
from tree import client


class Rings:
    """Three hosts, each with a gate and a manager of one datacenter."""

    def __init__(self, name, spell="10.77.0.{}"):
        self.net = Net()
        self.authority = Authority(f"{name}-ca")
        addresses = [spell.format(number) for number in (1, 2, 3)]
        seeds = {"seed_gates": [f"{address}:{GATE_PORT}" for address in addresses],
                 "seed_managers": [f"{address}:{MANAGER_PORT}" for address in addresses], "leader": f"{name}-1"}
        self.hosts = [Host(self.net, f"{name}-{number}", ["gate", "manager", "worker"], "dc", self.authority, cluster=seeds)
                      for number in (1, 2, 3)]
        for host in self.hosts:
            host.start()

    def end(self):
        for host in self.hosts:
            host.stop_quietly()


def members_of(host):
    """{(name, role): row}"""
    try:
        return {(row["name"], row["role"]): row for row in host.get("members")["members"]}
    except (OSError, ValueError, KeyError):
        return {}


def holds(host, other, state):
    rows = members_of(host)
    name = other.config["node"]["name"]
    return all(rows.get((name, role), {}).get("state") == state for role in ("gate", "manager"))


def wait_state(watchers, other, state, seconds):
    began = time.monotonic()
    wait_for(f"{other.config['node']['name']} {state}", lambda: all(holds(host, other, state) for host in watchers), seconds)
    return time.monotonic() - began


def wait_whole(hosts, seconds):
    return max(wait_state(hosts, other, "alive", seconds) for other in hosts)


def events_of(host, kind):
    return [row for row in host.get('{"get":"events","count":1000}')["events"] if row["kind"] == kind]


def pid_of(host, process):
    return next(row["pid"] for row in host.get("processes")["processes"] if row["name"] == process)


def rings_form_and_a_killed_role_is_not_missed():
    rings = Rings("one")
    wait_whole(rings.hosts, 10)
    first, second, third = rings.hosts
    table = client("nodes", "--socket", first.run_dir)
    assert table.returncode == 0 and table.stdout.count(" alive ") == 6 and table.stdout.count("\n*") == 2, table
    for _ in range(3):
        for role in ("gate", "manager"):
            os.kill(pid_of(second, role), signal.SIGKILL)
        time.sleep(2)
        wait_whole(rings.hosts, 10)
    time.sleep(12)  # a suspicion would have come to its end
    for host in (first, third):
        assert not events_of(host, "member_suspect"), events_of(host, "member_suspect")
        assert not events_of(host, "member_dead"), events_of(host, "member_dead")
    rings.end()


def a_host_that_is_cut_off_dies_and_comes_back_by_itself():
    rings = Rings("two")
    wait_whole(rings.hosts, 10)
    first, second, third = rings.hosts
    third.cut()
    wait_state([first, second], third, "dead", 60)
    wait_state([third], first, "dead", 60)
    third.mend()
    wait_whole(rings.hosts, 60)
    rows = members_of(first)
    assert rows[("two-3", "gate")]["incarnation"] == 1, rows
    assert rows[("two-3", "gate")]["refutations"] > 0, rows
    rings.end()


def a_host_that_stops_says_goodbye_and_a_new_life_is_believed():
    rings = Rings("three", spell="0x0a4d000{}")  # a name to us, an address to the resolver
    wait_whole(rings.hosts, 10)
    first, second, third = rings.hosts
    third.stop_quietly()
    wait_state([first, second], third, "left", 5)
    assert not events_of(first, "member_suspect"), events_of(first, "member_suspect")
    third.start()
    wait_whole(rings.hosts, 15)
    assert members_of(first)[("three-3", "manager")]["incarnation"] == 2
    rings.end()


run_cases([rings_form_and_a_killed_role_is_not_missed, a_host_that_is_cut_off_dies_and_comes_back_by_itself,
           a_host_that_stops_says_goodbye_and_a_new_life_is_believed])
