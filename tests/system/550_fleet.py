#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 3600
# beside: others
"""Three gates and two datacenters of three managers and three workers, each host in a namespace:
what they know of each other when hosts are lost, cut off and restarted, and when the network loses
a tenth of all packets. Without HS_SOAK: one loss of each kind.

usage: 550_fleet.py [WORD...]     only the cases whose name holds one of the words"""
import os
import signal
import statistics
import sys
import time

from faketree import Yardstick, run_cases
from fleet import Fleet, draw, quantile, tell, unheard_of, until
from hosts import HostTarget, settle
from tree import FINAL, IS_SOAK, open_plan, tree_of
from wan import Wan

LOSSES = 10  # of each kind
LOSSY_S = 300
SUSPICION_S = 12  # of a small ring: a wrong one would have come to its end


def tell_times(what, seconds):
    tell(what, f"p50 {statistics.median(seconds):5.2f} s  p99 {quantile(seconds, 0.99):5.2f} s  "
         f"max {max(seconds):5.2f} s  of {len(seconds)}")


def kill_role(fleet, host, process):
    """With SIGKILL; back when its successor is ready."""
    before = host.rows()[process]["pid"]
    os.kill(before, signal.SIGKILL)
    until(f"the successor of {process} at {host.name}",
          lambda: (row := host.rows().get(process)) and row["pid"] != before and
          row["state"] == "ready", 30)


def hosts_are_lost_and_come_back_and_a_killed_role_is_not_missed():
    """In one ring a role is killed and nobody minds, in the others a host is lost in either way, at
    once."""
    fleet = Fleet("short", is_shared=True)
    fleet.start()
    since_ns = time.monotonic_ns()
    with Yardstick() as yardstick:
        for process in ("gate", "console"):
            kill_role(fleet, fleet.of("gate")[0], process)
        for process in ("manager", "worker"):
            kill_role(fleet, fleet.datacenters["dc-e"][2], process)
        cut, killed = fleet.datacenters["dc-e"][1], fleet.datacenters["dc-w"][2]
        lost = [(cut, "cut", fleet.lose(cut, "cut")), (killed, "kill", fleet.lose(killed, "kill"))]
        for victim, _, at_ns in lost:
            rings = [role for role in victim.roles if role != "worker"]
            assert len(fleet.wait_heard(victim, at_ns)) == len(rings) * 2
        wrong = fleet.rumours(unheard_of(yardstick), since_ns, but=[cut, killed])
    assert not wrong, wrong
    for victim, how, _ in lost:
        fleet.bring_back(victim, how)
    fleet.wait_whole(60)
    assert fleet.incarnation_of(killed) == 2 and fleet.incarnation_of(cut) == 1
    fleet.end()


# ---- The long profile.
def wait_trust(fleet):
    """Who was alone for a while distrusts its own view until some rounds went well, and condemns
    more slowly meanwhile."""
    until("members that trust themselves", lambda: not any(fleet.counters("ring_health").values()),
          120, 0.5)


def lose_many(fleet, what, victims, count=LOSSES):
    for how in ("cut", "kill"):
        last, all_of_them = [], []
        for victim in draw(how, victims, count):
            wait_trust(fleet)
            known = fleet.lose_and_bring_back(victim, how)
            last.append(max(known))
            all_of_them += known
        tell_times(f"{what}, {how}: each survivor knew", all_of_them)
        tell_times(f"{what}, {how}: the last survivor knew", last)


def twenty_managers_of_rings_of_three_are_lost():
    fleet = Fleet("lost")
    tell("3 gates, 2 x 3 managers, 2 x 3 workers: all know all", f"{fleet.start():.2f} s after the "
         "first was started")
    lose_many(fleet, "a ring of 3 managers", fleet.of("manager"))
    fleet.end()


def ten_gates_of_a_ring_of_three_are_lost():
    """Their ring is watched more slowly: it may span the world."""
    fleet = Fleet("gates", workers=1)
    fleet.start()
    lose_many(fleet, "the ring of 3 gates", fleet.of("gate"), LOSSES // 2)
    fleet.end()


def twenty_hosts_of_a_ring_of_sixteen_are_lost():
    fleet = Fleet("many", gates=1, datacenters=("e",), managers=16, workers=0)
    tell("16 managers and a gate: all know all", f"{fleet.start():.2f} s after the first was "
         "started")
    lose_many(fleet, "a ring of 16", fleet.of("manager"))
    fleet.end()


def nobody_is_buried_though_a_tenth_of_all_packets_is_lost():
    fleet = Fleet("lossy")
    fleet.start()
    begin, since_ns = fleet.counters("ring_deaths"), time.monotonic_ns()
    accused = sum(fleet.counters("ring_accusations").values())
    fleet.net.set_rules("meta protocol ip numgen random mod 100 < 10 drop")
    for _ in range(LOSSY_S // 10):
        settle(10)
        wrong = fleet.rumours(("member_dead",), since_ns)
        assert not wrong, wrong
    assert fleet.counters("ring_deaths") == begin, (begin, fleet.counters("ring_deaths"))
    accused = sum(fleet.counters("ring_accusations").values()) - accused
    fleet.net.set_rules()
    fleet.wait_whole()
    tell(f"10 % of all packets lost for {LOSSY_S} s, 9 members", f"0 false deaths, {accused} "
         "accusations, all refuted")
    fleet.end()


def nobody_of_125_is_buried_though_a_tenth_of_all_packets_is_lost():
    """Ten hours of members, in five minutes."""
    net, members = Wan(), 125
    fleet = Fleet("tenhours", gates=1, datacenters=("e",), managers=members, workers=0, net=net)
    net.connect(2, delay_ms=0.2, lost=0.1)
    formed_s = fleet.start()
    since_ns = time.monotonic_ns()
    deaths, accused = (sum(fleet.counters(name).values())
                       for name in ("ring_deaths", "ring_accusations"))
    settle(LOSSY_S - 10)
    wrong = fleet.rumours(("member_dead",), since_ns)
    assert not wrong, wrong
    hours = members * (time.monotonic_ns() - since_ns) / 3600e9
    assert (now := sum(fleet.counters("ring_deaths").values())) == deaths, (deaths, now)
    accused = sum(fleet.counters("ring_accusations").values()) - accused
    tell(f"10 % of all packets lost, {members} members, {hours:.1f} member-hours", "formed in "
         f"{formed_s:.1f} s; 0 false deaths, {accused / hours:.2f} accusations per member-hour")
    fleet.end()


def nobody_dies_of_a_way_that_is_blocked_in_one_direction():
    """Between two of each ring of three, and from a manager to a gate, a worker to a manager."""
    fleet = Fleet("oneway")
    fleet.start()
    since_ns = time.monotonic_ns()
    gates, managers, workers = (fleet.of(role) for role in ("gate", "manager", "worker"))
    pairs = [gates[:2], managers[:2], managers[3:5], (managers[2], gates[2]),
             (workers[0], managers[1])]
    fleet.net.set_rules(*(f"ip saddr {a.address} ip daddr {b.address} drop" for a, b in pairs))
    settle(60)
    wrong = fleet.rumours(("member_dead",), since_ns)
    assert not wrong, wrong
    fleet.net.set_rules()
    fleet.wait_whole()
    tell("one direction blocked for 60 s: two of each ring, two links", "0 deaths")
    fleet.end()


def nobody_dies_whom_half_of_his_ring_cannot_hear():
    fleet = Fleet("half", gates=1, datacenters=("e",), managers=16, workers=0)
    fleet.start()
    managers, since_ns = fleet.of("manager"), time.monotonic_ns()
    deaf = ", ".join(host.address for host in managers[:8])
    accused = sum(fleet.counters("ring_accusations").values())
    fleet.net.set_rules(f"ip saddr {managers[15].address} ip daddr {{ {deaf} }} drop")
    settle(120)
    wrong = fleet.rumours(("member_dead",), since_ns)
    assert not wrong, wrong
    accused = sum(fleet.counters("ring_accusations").values()) - accused
    fleet.net.set_rules()
    fleet.wait_whole()
    tell("one of 16 unheard by 8 others for 120 s", f"0 deaths, {accused} accusations")
    fleet.end()


def a_datacenter_that_was_cut_off_comes_back_without_a_restart():
    fleet = Fleet("parted")
    fleet.start()
    inside = [host.address for host in fleet.datacenters["dc-e"]]
    lives = {host.name: host.process.pid for host in fleet.hosts}
    outside = [host.address for host in fleet.hosts if host.address not in inside]
    sides = "ip saddr {{ {} }} ip daddr {{ {} }} drop"
    since_ns = time.monotonic_ns()
    fleet.net.set_rules(sides.format(", ".join(inside), ", ".join(outside)),
                        sides.format(", ".join(outside), ", ".join(inside)))
    lone = fleet.datacenters["dc-e"][0]
    assert "gate" in lone.roles
    heard = fleet.wait_heard(lone, since_ns)
    settle(30)
    wrong = [row for host in fleet.of("manager")
             for row in fleet.heard(host, ("member_dead",), since_ns)]
    assert not wrong, wrong
    fleet.net.set_rules()
    begin = time.monotonic()
    fleet.wait_whole(120)
    whole_s = time.monotonic() - begin
    assert lives == {host.name: host.process.pid for host in fleet.hosts}
    tell("a datacenter and its gate parted from the rest for 40 s", "its gate was missed after "
         f"{max(heard.values()):.1f} s, all whole {whole_s:.1f} s after the mending, no restart")
    fleet.end()


def a_host_that_stood_still_accuses_nobody():
    """Stopped for less than a suspicion takes, and for longer: it was not there, the others
    were."""
    fleet = Fleet("still", gates=1, datacenters=("e",), managers=5, workers=0)
    fleet.start()
    victim = fleet.of("manager")[2]
    for seconds in (2, 20):
        since_ns = time.monotonic_ns()
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in tree_of(victim.process.pid):
                os.kill(pid, number)
            if number == signal.SIGSTOP:
                settle(seconds)
        fleet.wait_whole(60)
        settle(SUSPICION_S)
        wrong = fleet.rumours(("member_suspect", "member_dead"), since_ns, but=[victim])
        wrong += [(victim.name, row["kind"], row["about"])
                  for row in fleet.heard(victim, ("member_suspect", "member_dead"), since_ns)]
        assert not wrong, wrong
        dead = [host.name for host in fleet.of("manager")
                for _ in fleet.heard(host, ("member_dead",), since_ns)]
        tell(f"all processes of one of 5 managers stopped for {seconds} s", "held for dead by "
             f"{len(dead)} of 4, by it nobody; back")
    fleet.end()


def any_role_is_killed_on_any_host_and_no_peer_suspects_it():
    fleet = Fleet("roles")
    fleet.start()
    since_ns, kills = time.monotonic_ns(), 0
    for host in fleet.hosts:
        for process in host.rows():
            kill_role(fleet, host, process)
            kills += 1
            settle(0.5)
    fleet.wait_whole()
    settle(SUSPICION_S)
    wrong = fleet.rumours(("member_suspect", "member_dead", "member_left"), since_ns)
    assert not wrong, wrong
    tell("each process of each of 15 hosts killed", f"{kills} kills, 0 suspicions")
    fleet.end()


def everything_is_restarted_host_by_host_and_jobs_end():
    fleet = Fleet("rolled")
    fleet.start()
    target = HostTarget(fleet.net)
    begin, slowest, jobs = time.monotonic(), 0.0, []
    for host in fleet.hosts:
        # its jobs shall outlive this restart
        gate = next(gate for gate in fleet.of("gate") if gate is not host)
        plan = {**open_plan(target.url, "50/s", "6s", max_in_flight=32),
                "datacenters": {"include": ["dc-e", "dc-w"]}}
        jobs.append((host, gate, gate.submit(gate.write_plan(plan))))
        gate.wait_job(jobs[-1][2], lambda row: row["completed"] > 20)
        host.stop_quietly()
        host.start(is_ready=False)
        moment = time.monotonic()
        fleet.wait_whole(60)
        slowest = max(slowest, time.monotonic() - moment)
        row = gate.wait_job(jobs[-1][2], lambda row: row["state"] in FINAL, 120)
        tell(f"  {host.name} restarted under a job of {gate.name}", f"{row['state']}, "
             f"{row['completed']} of {row['offered']}")
    assert not fleet.rumours(("member_dead",), int(begin * 1e9))
    tell("15 hosts restarted one by one under jobs", f"whole after at most {slowest:.2f} s each; "
         f"{len(jobs)} jobs ended")
    fleet.end()
    target.stop()


def cpu_s(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/schedstat") as stat:
                total += int(stat.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def bytes_of(host):
    """(received, sent) by the host's interface."""
    with open(f"/proc/{host.holder}/net/dev") as lines:
        words = next(line for line in lines if "wan0:" in line).split(":")[1].split()
    return int(words[0]), int(words[8])


def idle_cost(members, seconds):
    """Of a ring of so many managers, which have nothing to do. The links are those of the emulator,
    which need no neighbour tables: of these the kernel has one, with 1,024 places, for all
    namespaces together."""
    net = Wan()
    fleet = Fleet(f"idle{members}", gates=1, datacenters=("e",), managers=members, workers=0,
                  net=net)
    net.connect(1, delay_ms=0)
    tell(f"{members} managers and a gate: all know all", f"{fleet.start():.2f} s after the first "
         "was started")
    settle(20)
    managers = fleet.of("manager")
    pids = {host.name: (host.rows()["manager"]["pid"], tree_of(host.process.pid))
            for host in managers}

    def survey():
        return (time.monotonic(), [bytes_of(host) for host in managers],
                [(cpu_s([role]), cpu_s(tree)) for role, tree in pids.values()],
                [fleet.sum_of(host, name) for host in managers
                 for name in ("datagram_bytes_out", "datagrams_out")])

    since_ns, before = time.monotonic_ns(), survey()
    settle(seconds)
    after = survey()
    wrong = fleet.rumours(("member_suspect", "member_dead"), since_ns)
    assert not wrong, wrong
    passed = after[0] - before[0]
    wire = [(b[1] - a[1]) / passed for a, b in zip(before[1], after[1])]
    role = [(b[0] - a[0]) / passed for a, b in zip(before[2], after[2])]
    tree = [(b[1] - a[1]) / passed for a, b in zip(before[2], after[2])]
    counts = [(b - a) / passed for a, b in zip(before[3], after[3])]
    for what, values, unit in (("sent by the interface, links to the gate included", wire,
                                "bytes/s"),
                               ("sent in datagrams of the ring", counts[0::2], "bytes/s"),
                               ("datagrams of the ring", counts[1::2], "/s")):
        tell(f"idle, {members} managers, each: {what}", f"mean {statistics.mean(values):8.1f} "
             f"{unit}  max {max(values):8.1f}")
    for what, values in (("processor, the manager alone", role),
                         ("processor, all processes of the host", tree)):
        tell(f"idle, {members} managers, each: {what}", f"mean {statistics.mean(values) * 100:.3f} "
             f"%  max {max(values) * 100:.3f} %")
    fleet.end()


def a_ring_of_sixteen_that_idles_costs_little():
    idle_cost(16, 60)


def a_ring_of_a_hundred_that_idles_costs_little():
    idle_cost(100, 60)


SHORT = [hosts_are_lost_and_come_back_and_a_killed_role_is_not_missed]
LONG = [twenty_managers_of_rings_of_three_are_lost, ten_gates_of_a_ring_of_three_are_lost,
        twenty_hosts_of_a_ring_of_sixteen_are_lost,
        nobody_is_buried_though_a_tenth_of_all_packets_is_lost,
        nobody_of_125_is_buried_though_a_tenth_of_all_packets_is_lost,
        nobody_dies_of_a_way_that_is_blocked_in_one_direction,
        nobody_dies_whom_half_of_his_ring_cannot_hear,
        a_datacenter_that_was_cut_off_comes_back_without_a_restart,
        a_host_that_stood_still_accuses_nobody,
        any_role_is_killed_on_any_host_and_no_peer_suspects_it,
        everything_is_restarted_host_by_host_and_jobs_end,
        a_ring_of_sixteen_that_idles_costs_little, a_ring_of_a_hundred_that_idles_costs_little]
words = sys.argv[1:]
run_cases([case for case in (SHORT + LONG if IS_SOAK else SHORT) if not words or
           any(word in case.__name__ for word in words)])
