#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
"""What it costs to be a member that has nothing to do: sixteen managers of one datacenter and a
gate beside sixteen agents of serf with its own defaults for a local network, each in a network
namespace, both at the same time, for half a minute, or two with HS_SOAK.

Bytes are what a member's interface sends: of serf all of it, of ours the sealed datagrams of the
ring with their headers, and in brackets all of it, with the links to the gate, which serf has
nothing like. Processor time is that of the manager's process, which does more than serf's agent,
and of the agent's."""
import glob
import os
import statistics
import time

from benchlib import IS_QUICK, give_up, judge
from serf import MEMBERS, begin

SECONDS = 120 if os.environ.get("HS_SOAK") else 10 if IS_QUICK else 30
SETTLE_S = 10 if IS_QUICK else 20  # until what there was to tell of the start is told
HEADERS = 14 + 20 + 8  # Ethernet, IPv4 and UDP, as the interface counts them


def cpu_s(pid):
    """Of all threads that live."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path) as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def sent_bytes(holder):
    with open(f"/proc/{holder}/net/dev") as lines:
        return int(next(line for line in lines if "eth0:" in line).split(":")[1].split()[8])


def survey(fleet, serf, pids):
    """A row of figures for each member of ours, and for each of serf's."""
    ours = [(sent_bytes(host.holder), cpu_s(pid), fleet.sum_of(host, "datagram_bytes_out"),
             fleet.sum_of(host, "datagrams_out")) for host, pid in pids]
    theirs = [(sent_bytes(agent.holder), cpu_s(agent.process.pid)) for agent in serf.agents]
    return time.monotonic(), ours, theirs


def rates(before, after, seconds):
    """The mean member's, per second, figure by figure."""
    return [statistics.mean(b - a for a, b in zip(*pair)) / seconds
            for pair in zip(zip(*before), zip(*after))]


def main():
    fleet, serf = begin("idle")
    time.sleep(SETTLE_S)
    pids = [(host, host.rows()["manager"]["pid"]) for host in fleet.of("manager")]
    since_ns, before = time.monotonic_ns(), survey(fleet, serf, pids)
    time.sleep(SECONDS)
    after = survey(fleet, serf, pids)
    wrong = fleet.rumours(("member_suspect", "member_dead"), since_ns)
    if wrong:
        give_up(f"not idle: {wrong}")
    passed = after[0] - before[0]
    wire, cpu, datagram_bytes, datagrams = rates(before[1], after[1], passed)
    their_wire, their_cpu = rates(before[2], after[2], passed)
    ring = datagram_bytes + HEADERS * datagrams
    judge("idlebytes", ring, 4096, 2048,
          f"a member of ours [{wire:.0f}], in {datagrams:.1f} datagrams/s; serf {their_wire:.0f}; "
          f"{MEMBERS} members, {passed:.0f} s", unit="B/s")
    judge("idlecpu", cpu / their_cpu, 1, 0.5,
          f"a manager {cpu * 1e3:.2f} ms/s of a core, an agent {their_cpu * 1e3:.2f}; {MEMBERS} "
          f"members, {passed:.0f} s")
    fleet.end()
    serf.end()


main()
