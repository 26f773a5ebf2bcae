#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# beside: others
"""Whoever listens on the wire between nodes keeps every datagram and plays it again, changed and
unchanged, to all of them, also to processes that have just started; and sends them anything. Nobody
answers him, believes him or falls over (ST-10, SEC-13)."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from faketree import run_cases, wait_for
from hosts import GATE_PORT, MANAGER_PORT, Rings, inside, members_of
from tree import client

RECORD = """
import socket, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
wire.settimeout(0.2)
print("listening", flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try:
        packet = wire.recv(2048)
    except TimeoutError:
        continue
    head = (packet[0] & 15) * 4
    if packet[9] == 17 and int.from_bytes(packet[head + 2:head + 4], "big") in (7400, 7401):
        print(packet[head + 8:].hex())
"""

# Plays the lines to every target, then counts what comes back until it is quiet.
PLAY = """
import json, random, socket, sys, time
targets = [tuple(target) for target in json.loads(sys.argv[1])]
changed = sys.argv[2] == "changed"
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
chance, sent, replies, longest = random.Random(7), 0, 0, 0
def take(seconds):
    global replies, longest
    wire.settimeout(seconds)
    try:
        while True:
            count = len(wire.recv(2048))
            replies, longest = replies + 1, max(longest, count)
    except (TimeoutError, BlockingIOError, ConnectionRefusedError):
        pass
for line in sys.stdin:
    data = bytearray.fromhex(line)
    if changed and data:
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    for target in targets:
        wire.sendto(data, target)
        sent += 1
    if sent % 64 == 0:
        take(0.001)
take(0.5)
print(json.dumps({"sent": sent, "replies": replies, "longest": longest}))
"""


class Wire(Rings):
    """Three hosts, and a stranger on the same wire."""

    def __init__(self, name):
        super().__init__(name)
        self.stranger, _, _ = self.net.plug()
        self.targets = [(host.address, port) for host in self.hosts
                        for port in (GATE_PORT, MANAGER_PORT)]

    def play(self, lines, how="as it was", targets=None):
        done = subprocess.run(inside(self.stranger, sys.executable, "-c", PLAY,
                                     json.dumps(targets or self.targets), how),
                              input="\n".join(lines), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def record(self, host, seconds):
        return subprocess.Popen(inside(host.holder, sys.executable, "-c", RECORD, str(seconds)),
                                stdout=subprocess.PIPE, text=True)


def is_whole(rings):
    return all(len(rows) == 6 and {row["state"] for row in rows.values()} == {"alive"}
               for rows in map(members_of, rings.hosts))


def count(host, name):
    return host.counter("gate", name) + host.counter("manager", name)


def pids(host):
    rows = host.rows()
    return {name: rows[name]["pid"] for name in ("gate", "manager")}


def check_untouched(rings):
    assert is_whole(rings), [members_of(host) for host in rings.hosts]
    for host in rings.hosts:
        kinds = {row["kind"] for row in host.events()}
        assert not kinds & {"member_suspect", "member_dead", "member_refuted"}, kinds
        assert all(row["refutations"] == 0 for row in members_of(host).values()), members_of(host)


def what_was_heard_is_worth_nothing_later():
    """ST-10 BAD-9 BAD-10 SEC-11 Played back, changed and unchanged."""
    rings = Wire("replay")
    recorder = rings.record(rings.hosts[0], 12)
    assert recorder.stdout.readline().strip() == "listening"
    rings.start()
    wait_for("two rings of three", lambda: is_whole(rings), 30)
    lines = recorder.communicate(timeout=60)[0].split()
    assert len(lines) > 40, len(lines)

    told = rings.play(lines)
    assert told["replies"] == 0, told
    told = rings.play(lines * 3, "changed")
    assert told["replies"] == 0, told
    check_untouched(rings)
    for name in ("datagrams_replayed", "datagrams_bad_seal"):
        assert sum(count(host, name) for host in rings.hosts) > 0, name

    # Processes that have seen nothing yet: a few are asked to prove themselves, with no more bytes
    # than they sent.
    target = rings.hosts[1]
    old = pids(target)
    for pid in old.values():
        os.kill(pid, signal.SIGKILL)
    wait_for("successors", lambda: all(pid and pid != old[name]
                                       for name, pid in pids(target).items()), 10)
    for _ in range(5):
        told = rings.play(lines, targets=[(target.address, GATE_PORT),
                                          (target.address, MANAGER_PORT)])
        assert told["replies"] < 40 and told["longest"] <= 107, told
    wait_for("two rings of three", lambda: is_whole(rings), 30)
    check_untouched(rings)
    rings.end()


def nobody_answers_or_falls_over_garbage():
    """BAD-1 SEC-13 No answer, no crash, no growth."""
    rings = Wire("garbage").start()
    wait_for("two rings of three", lambda: is_whole(rings), 30)
    before = [pids(host) for host in rings.hosts]
    began = time.monotonic()
    garbage = [os.urandom(size % 1473).hex() for size in range(0, 60000, 29)]
    # begins as ours do
    heads = [("485301000102" + os.urandom(size).hex()) for size in range(30, 1000, 3)]
    heads = ["5348" + line[4:] for line in heads] + heads
    told = rings.play(garbage + heads)
    assert told["replies"] == 0, told
    took = time.monotonic() - began
    wait_for("two rings of three", lambda: is_whole(rings), 10)
    check_untouched(rings)
    assert (after := [pids(host) for host in rings.hosts]) == before, (before, after)
    for host in rings.hosts:
        seen = count(host, "datagrams_bad_header") + count(host, "datagrams_bad_size")
        # what the host cannot take at once is dropped before it
        assert seen > 100, f"{seen} of {told['sent']}"
        with open(host.log_path, errors="replace") as log:
            lines = [line for line in log if "post" in line and "dropped" in line]
        assert 0 < len(lines) <= 2 * 12 * (took + 3), (len(lines), took)
    rings.end()


def the_gossip_keys_are_rotated_under_way():
    """SEC-12 No step is taken before every member has said that it holds the ring as the step
    before has left it."""
    rings = Wire("keys").start()
    wait_for("two rings of three", lambda: is_whole(rings), 30)
    asked = ["--socket", rings.hosts[1].run_dir]

    def keyring(*words):
        return client("keyring", words[0], rings.authority.dir, *words[1:], *asked)

    def hand_out(host):
        renewed = count(host, "credentials_renewed")
        for role in ("gate", "manager"):
            path = os.path.join(host.credentials, role, "gossip.keys")
            shutil.copyfile(os.path.join(rings.authority.dir, "gossip.keys"), path)
            os.chmod(path, 0o600)
        done = host.call("reload")
        assert done.returncode == 0, done
        wait_for("both roles hold the new ring",
                 lambda: count(host, "credentials_renewed") == renewed + 2, 30)

    wait_for("all hold the first ring", lambda: "held by 6 of 6" in keyring("list").stdout, 30)
    done = client("keyring", "install", rings.authority.dir)
    for step in (["use", "--key", "2"], ["remove", "--key", "1"], None):
        assert done.returncode == 0, done
        for host in rings.hosts[:2]:
            hand_out(host)
        wait_for("four of six", lambda: "held by 4 of 6 members: not" in keyring("list").stdout, 30)
        if step:
            early = keyring(*step)
            assert (early.returncode == 5 and
                    "4 of 6 members hold this ring: not" in early.stderr and
                    "keys-3" in early.stderr), early
        hand_out(rings.hosts[2])
        wait_for("six of six", lambda: "held by 6 of 6" in keyring("list").stdout, 30)
        sent = [count(host, "datagrams_in") for host in rings.hosts]
        wait_for("traffic under the keys as they are now",
                 lambda: all(count(host, "datagrams_in") > old + 10
                             for host, old in zip(rings.hosts, sent)), 30)
        done = keyring(*step) if step else None
    check_untouched(rings)
    dropped = [{name: count(host, f"datagrams_{name}")
                for name in ("no_key", "bad_seal", "foreign")} for host in rings.hosts]
    assert not any(sum(names.values()) for names in dropped), dropped
    with open(os.path.join(rings.hosts[0].credentials, "gate", "gossip.keys")) as ring:
        assert ring.read().startswith("hyperscale-keyring 1\nuse 2\nkey 2 ")
    rings.end()


run_cases([the_gossip_keys_are_rotated_under_way, what_was_heard_is_worth_nothing_later,
           nobody_answers_or_falls_over_garbage])
