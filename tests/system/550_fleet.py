#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 200
# beside: others
"""Three gates and two datacenters of three managers and their workers, each host in a namespace: what they know of each other when
hosts are lost, in either way, and when a role dies."""
import os
import signal
import time

from faketree import run_cases
from fleet import Fleet, until


def kill_role(fleet, host, process):
    """With SIGKILL; back when its successor is ready."""
    before = host.rows()[process]["pid"]
    os.kill(before, signal.SIGKILL)
    until(f"the successor of {process} at {host.name}", lambda: (row := host.rows().get(process)) and row["pid"] != before and
          row["state"] == "ready", 30)


def hosts_are_lost_and_come_back_and_a_killed_role_is_not_missed():
    """In one ring a role is killed and nobody minds, in the others a host is lost in either way, at once."""
    fleet = Fleet("short", is_shared=True)
    fleet.start()
    since_ns = time.monotonic_ns()
    for process in ("gate", "console"):
        kill_role(fleet, fleet.of("gate")[0], process)
    for process in ("manager", "worker"):
        kill_role(fleet, fleet.datacenters["dc-e"][2], process)
    cut, killed = fleet.datacenters["dc-e"][1], fleet.datacenters["dc-w"][2]
    lost = [(cut, "cut", fleet.lose(cut, "cut")), (killed, "kill", fleet.lose(killed, "kill"))]
    for victim, _, at_ns in lost:
        assert len(fleet.wait_heard(victim, at_ns)) == len([role for role in victim.roles if role != "worker"]) * 2
    wrong = fleet.rumours(("member_suspect", "member_dead"), since_ns, but=[cut, killed])
    assert not wrong, wrong
    for victim, how, _ in lost:
        fleet.bring_back(victim, how)
    fleet.wait_whole(60)
    assert fleet.incarnation_of(killed) == 2 and fleet.incarnation_of(cut) == 1
    fleet.end()


run_cases([hosts_are_lost_and_come_back_and_a_killed_role_is_not_missed])
