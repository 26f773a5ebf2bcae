# SPDX-License-Identifier: Apache-2.0
"""A whole cluster on one machine, each host in a namespace: gates in one ring, the managers of each
datacenter in one of their own. Hosts are lost and come back; what every other host heard of it, and
when, is read from the events that its processes noted."""
import os
import random
import signal
import time

from hosts import GATE_PORT, MANAGER_PORT, Authority, Host, Net
from tree import tree_of

RING_ROLES = ("gate", "manager")
SEEDS = 16  # of a large ring; the others are heard of
PATIENT = {"watchdog": "10s"}  # fifty processes share the machine: a late one is not a hung one


def until(what, holds, seconds, gap=0.1):
    """Like wait_for, but so seldom that the looking costs those who are looked at little."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(gap)


def ask(host, request, key):
    """A list of the host's status socket; empty while nobody answers."""
    try:
        return host.get(request).get(key, [])
    except (OSError, ValueError):
        return []


def learn(host, request, key):
    """The same where an empty list would pass for good news: whoever does not answer fails."""
    return until(f"an answer of {host.name}", lambda: ask(host, request, key), 30)


class Fleet:
    """gates, and in each datacenter managers and workers: one role a host, or the workers on the
    managers' hosts."""

    def __init__(self, name, gates=3, datacenters=("e", "w"), managers=3, workers=3,
                 is_shared=False, net=None):
        self.name, self.net, self.authority = name, net or Net(), Authority(f"{name}-ca")
        self.hosts, self.datacenters = [], {}
        first = self.net.count + 1
        gate_at = [f"{self.net.address_of(first + k)}:{GATE_PORT}" for k in range(gates)]
        for k in range(gates):
            self.add(f"{name}-g{k + 1}", ["gate"],
                     (datacenters + ("n",))[k % (len(datacenters) + 1)], {"seed_gates": gate_at})
        for letter in datacenters:
            first = self.net.count + 1
            manager_at = [f"{self.net.address_of(first + k)}:{MANAGER_PORT}"
                          for k in range(managers)]
            section = {"seed_gates": gate_at, "seed_managers": manager_at[:SEEDS],
                       "leader": f"{name}-{letter}1"}
            for k in range(managers):
                self.add(f"{name}-{letter}{k + 1}", ["manager", "worker"] if is_shared
                         else ["manager"], letter, section)
            for k in range(0 if is_shared else workers):
                self.add(f"{name}-{letter}w{k + 1}", ["worker"], letter,
                         {"seed_managers": manager_at[:SEEDS], "leader": section["leader"]})

    def add(self, name, roles, letter, section):
        host = Host(self.net, name, roles, f"dc-{letter}", self.authority, cluster=dict(section),
                    supervisor=dict(PATIENT))
        host.name, host.roles, host.datacenter = name, roles, f"dc-{letter}"
        self.hosts.append(host)
        self.datacenters.setdefault(f"dc-{letter}", []).append(host)

    def start(self):
        """Seconds until all know all."""
        begin = time.monotonic()
        for host in self.hosts:
            host.start(is_ready=False)
        self.wait_whole()
        return time.monotonic() - begin

    def end(self):
        for host in self.hosts:
            if host.process and host.process.poll() is None:
                host.process.send_signal(signal.SIGTERM)
        for host in self.hosts:
            host.stop_quietly()

    def of(self, role):
        return [host for host in self.hosts if role in host.roles]

    def ring_of(self, host, role):
        """The others of its ring."""
        return [other for other in self.of(role) if other is not host and
                (role == "gate" or other.datacenter == host.datacenter)]

    def knows_all(self, host, but=()):
        states = {(row["name"], row["role"]): row["state"]
                  for row in ask(host, "members", "members")}
        for role in set(RING_ROLES) & set(host.roles):
            if any(states.get((other.name, role)) != "alive" for other in [host] +
                   self.ring_of(host, role) if other not in but):
                return False
        return self.has_links(host, but)

    def has_links(self, host, but):
        """Workers are known to every manager of their datacenter, managers to every gate."""
        for role, what, lower in (("gate", "managers", "manager"),
                                  ("manager", "workers", "worker")):
            if role not in host.roles:
                continue
            states = {row["name"]: row["state"] for row in ask(host, what, what)}
            below = [other for other in self.of(lower) if role == "gate" or other.datacenter ==
                     host.datacenter]
            if any(states.get(other.name) != "ALIVE" for other in below if other not in but):
                return False
        return True

    def wait_whole(self, seconds=60, but=()):
        """Until all know all (but some, which are not there)."""
        left = [host for host in self.hosts if host not in but]

        def look():
            left[:] = [host for host in left if not self.knows_all(host, but)]
            return not left
        try:
            until("a whole cluster", look, seconds)
        except AssertionError:
            known = [(row["name"], row["role"], row["state"])
                     for row in ask(left[0], "members", "members")]
            raise AssertionError(f"a whole cluster: not within {seconds} s at "
                                 f"{[host.name for host in left]}; the first knows "
                                 f"{known}") from None

    # What was heard of whom.
    def heard(self, host, kinds, since_ns):
        rows = learn(host, '{"get":"events","count":300}', "events")
        return [row for row in rows if row["kind"] in kinds and row["at_ns"] >= since_ns]

    def rumours(self, kinds, since_ns, but=()):
        """What any host but some has heard of any other but those: must mostly be nothing."""
        names = [host.name for host in but]
        return [(host.name, row["process"], row["kind"], row["about"], row["text"])
                for host in self.hosts if host not in but
                for row in self.heard(host, kinds, since_ns) if row["about"] not in names]

    def wait_heard(self, victim, since_ns, kind="member_dead", seconds=90):
        """{survivor's name: seconds from since_ns until it knew} of all rings that the victim is
        in."""
        left = {(other, role) for role in set(RING_ROLES) & set(victim.roles)
                for other in self.ring_of(victim, role)}
        known = {}

        def look():
            for other, role in list(left):
                for row in self.heard(other, (kind,), since_ns):
                    if row["about"] == victim.name and row["process"] == role:
                        known[f"{other.name}/{role}"] = (row["at_ns"] - since_ns) / 1e9
                        left.discard((other, role))
                        break
            return not left
        until(f"{victim.name} {kind} at {[other.name for other, _ in left]}", look, seconds, 0.25)
        return known

    def incarnation_of(self, host):
        """Which life of it the others know."""
        role = next(role for role in RING_ROLES if role in host.roles)
        rows = ask(self.ring_of(host, role)[0], "members", "members")
        return next(row["incarnation"] for row in rows
                    if (row["name"], row["role"]) == (host.name, role))

    # Ways to lose a host, and to have it back.
    def lose(self, victim, how):
        """The moment, in nanoseconds; how: cut (its link, without a word) or kill (all its
        processes, at once)."""
        now_ns = time.monotonic_ns()
        if how == "cut":
            victim.cut()
        else:
            for pid in tree_of(victim.process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # with its supervisor
            victim.process.wait()
        return now_ns

    def bring_back(self, victim, how):
        if how == "cut":
            victim.mend()
        else:
            victim.start(is_ready=False)

    def lose_and_bring_back(self, victim, how):
        """The seconds after which each survivor knew; nobody else may be missed meanwhile."""
        now_ns = self.lose(victim, how)
        known = self.wait_heard(victim, now_ns)
        wrong = self.rumours(("member_dead",), now_ns, but=[victim])
        assert not wrong, f"held for dead, and was not: {wrong}"
        self.bring_back(victim, how)
        self.wait_whole(90)
        return list(known.values())

    def sum_of(self, host, name):
        """A counter of its gate and its manager together."""
        return sum(row["values"].get(name, 0) for row in learn(host, "counters", "counters")
                   if row["process"] in RING_ROLES)

    def counters(self, name):
        return {host.name: self.sum_of(host, name) for host in self.hosts}


def unheard_of(yardstick, answer_s=0.1):
    """The kinds of events that must not be: deaths, and suspicions where the machine lets nobody
    wait for so long (with Yardstick() of faketree), a part of the time in which a member has to
    answer."""
    return ("member_dead",
            "member_suspect") if yardstick.allows(0, 1) < answer_s else ("member_dead",)


def tell(what, figures):
    """A row of the table that a long run makes."""
    print(f"| {what:<66} | {figures}", flush=True)


def quantile(values, share):
    """The least value that so many are not above."""
    values = sorted(values)
    return values[min(len(values) - 1, max(0, -int(-share * len(values) // 1) - 1))]


def draw(seed, choices, count):
    """So many of them in a drawn order, none twice before all had their turn."""
    rand, drawn = random.Random(seed), []
    while len(drawn) < count:
        drawn += rand.sample(choices, len(choices))
    return drawn[:count]
