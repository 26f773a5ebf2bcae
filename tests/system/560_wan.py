#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# beside: others
"""Gates that are 150 ms from one another, more or less 30 ms, over links that lose a hundredth of
all packets and have some come twice or too soon: they know each other, suspect nobody, and run a
job. Before that, the links themselves: what they do follows from their seed."""
import os
import socket
import struct
import time

from faketree import Yardstick, run_cases
from fleet import Fleet, tell, unheard_of
from hosts import CLONE_NEWNET, LIBC, inside, settle
from tree import IS_SOAK, Target, check_against_target, check_identities, open_plan
from wan import Wan

QUIET_S = 280 if IS_SOAK else 6
PACKETS = 1000
SO_RCVBUFFORCE = 33


def socket_in(holder, address):
    """A socket for datagrams in another namespace."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    theirs = os.open(f"/proc/{holder}/ns/net", os.O_RDONLY)
    assert LIBC.setns(theirs, CLONE_NEWNET) == 0
    try:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        made.bind((address, 7000))
        made.settimeout(0.5)
        return made
    finally:
        assert LIBC.setns(own, CLONE_NEWNET) == 0
        os.close(own)
        os.close(theirs)


def send_through(seed, **way):
    """The numbers, in the order of arrival, of PACKETS that were sent; and the emulator's own
    counts."""
    net = Wan()
    (first, first_at, _), (second, second_at, _) = net.plug(), net.plug()
    net.connect(seed, **way)
    arrived = []
    with socket_in(first, first_at) as here, socket_in(second, second_at) as there:
        for number in range(PACKETS):
            here.sendto(struct.pack("<I", number), (second_at, 7000))
        begin = time.monotonic()
        counts = net.finish()
        assert time.monotonic() - begin >= (way["delay_ms"] - way["jitter_ms"]) / 1e3, "too soon"
        while len(arrived) < counts["delivered"]:
            arrived.append(struct.unpack("<I", there.recv(64))[0])
    net.disconnect()
    return arrived, counts


def what_is_lost_follows_from_the_seed():
    runs = [send_through(seed, delay_ms=20, jitter_ms=10, lost=0.2) for seed in (1, 1, 2)]
    lost = [set(range(PACKETS)) - set(arrived) for arrived, _ in runs]
    assert lost[0] == lost[1] != lost[2], [len(numbers) for numbers in lost]
    for arrived, counts in runs:
        assert arrived == sorted(arrived), "overtaken, which was not asked for"
        assert (0.15 < counts["lost"] / PACKETS < 0.25 and
                counts["lost"] + len(arrived) == PACKETS), counts


def some_overtake_and_some_come_twice():
    numbers, counts = send_through(3, delay_ms=20, jitter_ms=10, doubled=0.1, overtaking=0.1)
    assert set(numbers) == set(range(PACKETS)) and counts["lost"] == 0, counts
    assert len(numbers) == PACKETS + counts["doubled"] and 50 < counts["doubled"] < 150, counts
    assert numbers != sorted(numbers) and 50 < counts["overtook"] < 150, counts


def run_a_while(fleet):
    fleet.start()
    host = fleet.of("manager")[0]
    target = Target(port=8080, address=host.address, before=inside(host.holder))
    gate = fleet.of("gate")[1]
    job_id = gate.submit(gate.write_plan({**open_plan(target.url, "50/s", "2s", max_in_flight=32),
                                          "datacenters": {"include": ["dc-e"]}}))
    gate.wait_job(job_id, lambda row: row["state"] == "COMPLETED", 60)
    document = gate.results(job_id)
    check_identities(document)
    assert document["requests"]["offered"] == 100, document["requests"]
    check_against_target(document, target.stop())
    settle(QUIET_S)
    fleet.wait_whole()


def gates_far_apart_suspect_nobody_and_run_a_job():
    net = Wan()
    fleet = Fleet("wan", datacenters=("e",), managers=1, is_shared=True, net=net)
    net.connect(7, delay_ms=150, jitter_ms=30, lost=0.01, doubled=0.02, overtaking=0.05)
    begin_ns = time.monotonic_ns()
    with Yardstick() as yardstick:
        run_a_while(fleet)
        wrong = fleet.rumours(unheard_of(yardstick, 1e9 if IS_SOAK else 0.5), begin_ns)
    assert not wrong, wrong
    replayed = sum(fleet.counters("datagrams_replayed").values())
    fleet.end()
    counts = net.finish()
    net.disconnect()
    tell("3 gates, 150 +- 30 ms one way, 1 % lost", "no suspicion in "
         f"{(time.monotonic_ns() - begin_ns) / 1e9:.0f} s; "
         f"{replayed} datagrams refused as replayed; {counts}")
    assert replayed > 0 or counts["doubled"] < 20, "what comes twice is to be taken once"


run_cases([what_is_lost_follows_from_the_seed, some_overtake_and_some_come_twice,
           gates_far_apart_suspect_nobody_and_run_a_job])
