#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""Gates and managers of several hosts know of each other: rings form, notice who is gone, believe
who comes back, and suspect nobody who merely restarts."""
import json
import os
import signal
import subprocess
import time

from faketree import run_cases, wait_for
from hosts import Rings, members_of
from tree import CLIENT, client

ROLES = ("gate", "manager", "worker")


def holds(host, other, state):
    rows = members_of(host)
    name = other.config["node"]["name"]
    return all(rows.get((name, role), {}).get("state") == state for role in ("gate", "manager"))


def wait_state(watchers, other, state, seconds):
    began = time.monotonic()
    wait_for(f"{other.config['node']['name']} {state}",
             lambda: all(holds(host, other, state) for host in watchers), seconds)
    return time.monotonic() - began


def wait_whole(hosts, seconds):
    return max(wait_state(hosts, other, "alive", seconds) for other in hosts)


def top_shows(host, *words):
    """One frame of what an operator watches."""
    screen = subprocess.Popen([CLIENT, "top", "--socket", host.run_dir], stdout=subprocess.PIPE,
                              text=True)
    text = os.read(screen.stdout.fileno(), 1 << 16).decode()
    screen.terminate()
    screen.wait(30)
    return all(word in text for word in words)


def owners_of(host):
    """{worker: its owner}, of those that this host's manager holds for alive"""
    try:
        rows = host.get("workers")["workers"]
    except (OSError, ValueError, KeyError):
        return {}
    return {row["name"]: row["owner"] for row in rows if row["state"] in ("ALIVE", "REMOTE")}


def agree_on_owners(hosts):
    owners = [owners_of(host) for host in hosts]
    return (len(owners[0]) == 3 and all(owners[0].values()) and
            all(other == owners[0] for other in owners))


def rings_form_and_a_killed_role_is_not_missed():
    rings = Rings("one", ROLES).start()
    wait_whole(rings.hosts, 60)
    first, second, third = rings.hosts
    wait_for("every manager lists the three workers, with one owner each",
             lambda: agree_on_owners(rings.hosts), 30)
    table = client("nodes", "--socket", first.run_dir)
    assert (table.returncode == 0 and table.stdout.count(" alive ") == 9 and
            table.stdout.count("\n*") == 3), table
    assert table.stdout.count(" owner one-") == 3, table
    document = json.loads(client("nodes", "--json", "--socket", first.run_dir).stdout)
    assert (len(document["members"]) == 6 and len(document["workers"]) == 3 and
            "managers" in document), document
    wait_for("three managers on the screen",
             lambda: top_shows(first, "gates: 3 alive   managers: 3 alive", "MANAGER  ",
                               "* one-1 "), 30)
    for _ in range(3):
        for role in ("gate", "manager"):
            os.kill(second.rows()[role]["pid"], signal.SIGKILL)
        time.sleep(2)
        wait_whole(rings.hosts, 60)
    time.sleep(12)  # a suspicion would have come to its end
    for host in (first, third):
        assert not host.events(kind="member_suspect"), host.events(kind="member_suspect")
        assert not host.events(kind="member_dead"), host.events(kind="member_dead")
    rings.end()


def a_host_that_is_cut_off_dies_and_comes_back_by_itself():
    rings = Rings("two", ROLES).start()
    wait_whole(rings.hosts, 60)
    first, second, third = rings.hosts
    wait_for("one owner each", lambda: agree_on_owners(rings.hosts), 30)
    third.cut()
    wait_for("the worker that is cut off is lost",
             lambda: set(owners_of(first)) == {"two-1", "two-2"}, 60)
    wait_for("none is left to its lost owner", lambda: "two-3" not in owners_of(second).values(),
             60)
    wait_state([first, second], third, "dead", 60)
    wait_state([third], first, "dead", 60)
    third.mend()
    wait_whole(rings.hosts, 60)
    wait_for("all three are owned again", lambda: agree_on_owners(rings.hosts), 60)
    rows = members_of(first)
    assert rows[("two-3", "gate")]["incarnation"] == 1, rows
    assert rows[("two-3", "gate")]["refutations"] > 0, rows
    rings.end()


def a_host_that_stops_says_goodbye_and_a_new_life_is_believed():
    # a name to us, an address to the resolver
    rings = Rings("three", ROLES, spell="0x0a4d000{}").start()
    wait_whole(rings.hosts, 60)
    first, second, third = rings.hosts
    third.stop_quietly()
    wait_state([first, second], third, "left", 5)
    assert not first.events(kind="member_suspect"), first.events(kind="member_suspect")
    third.start()
    wait_whole(rings.hosts, 15)
    assert members_of(first)[("three-3", "manager")]["incarnation"] == 2
    rings.end()


run_cases([rings_form_and_a_killed_role_is_not_missed,
           a_host_that_is_cut_off_dies_and_comes_back_by_itself,
           a_host_that_stops_says_goodbye_and_a_new_life_is_believed])
