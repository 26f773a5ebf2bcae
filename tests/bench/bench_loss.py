#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
"""The loss of a host: when does every survivor know? Sixteen managers of one datacenter, each in a
network namespace, beside sixteen agents of serf with its own defaults for a local network, in
namespaces of their own. In both at the same moment a host is lost, by turns by a cut of its link
without a word and by SIGKILL to all its processes, and comes back before the next one goes.

Ours is read from the events that the processes noted, serf's from the moment at which an agent
prints EventMemberFailed. With HS_SOAK ten losses of each kind, otherwise three. Skipped where serf
is not installed, or namespaces cannot be made."""
import os
import statistics

from benchlib import IS_QUICK, give_up, judge
from serf import MEMBERS, begin
from fleet import quantile, until

LOSSES = 10 if os.environ.get("HS_SOAK") else 1 if IS_QUICK else 3  # of each kind


def lose_one(fleet, serf, number, how):
    """([seconds of ours], [seconds of theirs]): of each survivor."""
    ours, theirs = fleet.of("manager")[number], serf.agents[number]
    at_ns, at = fleet.lose(ours, how), serf.lose(theirs, how)
    known = fleet.wait_heard(ours, at_ns)
    until(f"{theirs.name} is missed by all agents",
          lambda: len(serf.knew(theirs, at)) == MEMBERS - 1, 90)
    wrong = fleet.rumours(("member_dead",), at_ns, but=[ours])
    if wrong:
        give_up(f"held for dead, and was not: {wrong}")
    fleet.bring_back(ours, how)
    serf.bring_back(theirs, how)
    fleet.wait_whole(90)
    serf.wait_whole()
    return list(known.values()), list(serf.knew(theirs, at).values())


def main():
    fleet, serf = begin("loss")
    ours, theirs = [], []
    for number in range(2 * LOSSES):
        known, known_there = lose_one(fleet, serf, (5 * number + 3) % MEMBERS,
                                      ("cut", "kill")[number % 2])
        ours += known
        theirs += known_there
    detail = f"serf {statistics.median(theirs):.2f} s, {quantile(theirs, 0.99):.2f} s, " \
             f"longest {max(theirs):.2f} s; " \
             f"ours {max(ours):.2f} s; {2 * LOSSES} losses of {MEMBERS}, each survivor"
    judge("lossmedian", statistics.median(ours), 8, 4, detail, unit="s")
    judge("losstail", quantile(ours, 0.99), 11, 4, detail, unit="s")
    fleet.end()
    serf.end()


main()
