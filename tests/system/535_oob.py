#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 200
# beside: others
"""Hosts whose datagrams are lost on the way, but whose consoles can be asked: nobody suspects them;
one whose console is lost, too, is missed."""
import subprocess

from faketree import run_cases, wait_for
from hosts import Authority, GATE_PORT, Host, Net, inside
from tree import client

HEALTH_PORT = 7402


def members_of(host):
    try:
        return {row["name"]: row for row in host.get("members")["members"]}
    except (OSError, ValueError, KeyError):
        return {}


def is_whole(hosts):
    return all(len(members_of(host)) == len(hosts) and
               all(row["state"] == "alive" for row in members_of(host).values())
               for host in hosts)


def lose(host, *rules):
    """The host's own kernel drops what matches."""
    script = "table inet oob {\nchain in {\ntype filter hook input priority 0;\n%s}\n}\n" % "".join(
        f"{rule} drop\n" for rule in rules)
    subprocess.run(inside(host.holder, "nft", "delete", "table", "inet", "oob"),
                   capture_output=True)
    if rules:
        subprocess.run(inside(host.holder, "nft", "-f", "-"), input=script, text=True, check=True)


def who_is_reached_out_of_band_is_not_suspected():
    """2.10 who only its console reaches is not suspected; who not even that reaches is"""
    net = Net()
    authority = Authority("oob-ca")
    seeds = {"seed_gates": [f"10.77.0.{number}:{GATE_PORT}" for number in (1, 2, 3)]}
    hosts = [Host(net, f"oob-{number}", ["gate"], "dc", authority,
                  cluster={**seeds, "health_address": f"0.0.0.0:{HEALTH_PORT}"})
             for number in (1, 2, 3)]
    for host in hosts:
        host.start()
    first, second, third = hosts
    wait_for("whole", lambda: is_whole(hosts), 30)

    lose(second, f"udp dport {GATE_PORT}")
    wait_for("the console is asked",
             lambda: all(host.counter("gate", "ring_udp_path_bad") >= 1 for host in (first, third)),
             60)
    assert second.counter("console", "health_questions_answered") >= 2
    for host in (first, third):
        assert not host.events(kind="member_suspect"), host.events(kind="member_suspect")
        assert members_of(host)["oob-2"]["state"] == "alive"

    lose(second, f"udp dport {{ {GATE_PORT}, {HEALTH_PORT} }}")
    wait_for("missed", lambda: all(host.events(kind="member_suspect") for host in (first, third)),
             60)
    lose(second)
    wait_for("whole again", lambda: is_whole(hosts), 60)
    assert client("nodes", "--socket", first.run_dir).returncode == 0
    for host in hosts:
        host.stop_quietly()


run_cases([who_is_reached_out_of_band_is_not_suspected])
