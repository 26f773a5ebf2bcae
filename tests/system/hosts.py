# SPDX-License-Identifier: Apache-2.0
"""Several hosts on one machine: each a network namespace of its own on a common switch, which can
cut any of them off without a word; with an authority that gives each role its certificate, and a
daemon on each."""
import ctypes
import os
import shutil
import signal
import subprocess
import time

from faketree import TMP, Skipped, wait_for
from tree import Daemon, Target, client

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET, PR_SET_PDEATHSIG = 0x40000000, 1
GATE_PORT, MANAGER_PORT = 7400, 7401


def hold_namespace():
    """A process that does nothing but keep a network namespace; its pid."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.write(writable, b"y" if LIBC.unshare(CLONE_NEWNET) == 0 else b"n")
        while True:
            signal.pause()
    os.close(writable)
    answer = os.read(readable, 1)
    os.close(readable)
    if answer != b"y":
        raise Skipped("no network namespaces here")
    return pid


def inside(pid, *words):
    return ["nsenter", "-t", str(pid), "-n", "--", *words]


def ip(pid, *words):
    subprocess.run(inside(pid, "ip", *words), check=True, capture_output=True, text=True)


class Net:
    """A switch, to which hosts are plugged in; its links are cut and mended."""

    def __init__(self):
        self.switch = hold_namespace()
        self.count = 0
        ip(self.switch, "link", "add", "br0", "type", "bridge")
        ip(self.switch, "link", "set", "br0", "up")

    def address_of(self, number):
        """That of the host that is plugged in as this one, from 1."""
        return f"10.77.0.{number}"

    def plug(self):
        """A new host: the pid that holds its namespace, its address and its port of the switch."""
        self.count += 1
        pid, address, port = hold_namespace(), self.address_of(self.count), f"p{self.count}"
        ip(self.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns",
           str(pid))
        ip(self.switch, "link", "set", port, "master", "br0", "up")
        ip(pid, "address", "add", f"{address}/24", "dev", "eth0")
        ip(pid, "link", "set", "eth0", "up")
        ip(pid, "link", "set", "lo", "up")
        return pid, address, port

    def set_port(self, port, is_open):
        """The switch drops everything, and both ends see a link that is up."""
        subprocess.run(inside(self.switch, "bridge", "link", "set", "dev", port, "state",
                              "3" if is_open else "0"), check=True)


    def set_rules(self, *rules):
        """What the switch does to packets that it passes on: conditions and verdicts of nftables;
        none: passes all."""
        if not shutil.which("nft"):
            raise Skipped("no nft here")
        text = "\n".join(["table bridge faults", "delete table bridge faults",
                          "table bridge faults { chain pass {",
                          "type filter hook forward priority 0;", *rules, "}", "}", ""])
        subprocess.run(inside(self.switch, "nft", "-f", "-"), input=text, text=True, check=True)


class Authority:
    def __init__(self, name="ca", cluster="shop", environment="prod"):
        self.dir = os.path.join(TMP, name)
        self.issue_count = 0
        assert client("ca", "init", self.dir, "--cluster", cluster, "--environment",
                      environment).returncode == 0

    def issue(self, identity, out):
        done = client("ca", "issue", identity, "--ca", self.dir, "--out", out, "--force")
        assert done.returncode == 0, done
        subprocess.run(["chmod", "-R", "go-rwx", out], check=True)


class Host(Daemon):
    """A daemon in a namespace: `roles` of gate, manager and worker, with the credentials of an
    authority."""

    def __init__(self, net, name, roles, datacenter, authority, engines=1, cluster=None,
                 issued=None, environment="prod", beside=None, **extra):
        """beside: another daemon's host, on which this one runs too."""
        self.net = net
        self.holder, self.address, self.port = (beside.holder, beside.address,
                                                beside.port) if beside else net.plug()
        self.credentials = os.path.join(TMP, f"{name}-credentials")
        os.makedirs(self.credentials, mode=0o700, exist_ok=True)
        for role in roles:
            authority.issue(issued or f"{datacenter}/{role}/{name}",
                            os.path.join(self.credentials, role))
        section = {"credentials": self.credentials, **(cluster or {})}
        if "gate" in roles:
            section["gate_address"] = f"{self.address}:{GATE_PORT}"
        if "manager" in roles:
            section["manager_address"] = f"{self.address}:{MANAGER_PORT}"
        super().__init__(name, engines=engines, cluster=section,
                         node={"name": name, "datacenter": datacenter, "cluster": "shop",
                               "environment": environment}, **extra)
        self.config["roles"].update({role: role in roles for role in ("gate", "manager", "worker")})
        self.write_config()

    def arguments(self, verb):
        return inside(self.holder, *super().arguments(verb))

    def start(self, is_ready=True):
        super(Daemon, self).start(is_ready)
        return self

    def gate_at(self):
        return f"{self.address}:{GATE_PORT}"

    def manager_at(self):
        return f"{self.address}:{MANAGER_PORT}"

    def says(self, words):
        with open(self.log_path, errors="replace") as log:
            return any(all(word in line for word in words) for line in log)

    def wait_says(self, *words, seconds=15):
        wait_for(f"{self.config['node']['name']} says {words}", lambda: self.says(words), seconds)

    def cut(self):
        self.net.set_port(self.port, False)

    def mend(self):
        self.net.set_port(self.port, True)

    def stop_quietly(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


class HostTarget(Target):
    """hyperscale target on a host of its own."""

    def __init__(self, net, *flags):
        holder, self.address, _ = net.plug()
        super().__init__(*flags, port=8080, address=self.address, before=inside(holder))


class Rings:
    """Three hosts that are to be started, each with a gate and a manager of one datacenter."""

    def __init__(self, name, roles=("gate", "manager"), spell="10.77.0.{}"):
        self.net = Net()
        self.authority = Authority(f"{name}-ca")
        addresses = [spell.format(number) for number in (1, 2, 3)]
        seeds = {"seed_gates": [f"{address}:{GATE_PORT}" for address in addresses],
                 "seed_managers": [f"{address}:{MANAGER_PORT}" for address in addresses],
                 "leader": f"{name}-1"}
        self.hosts = [Host(self.net, f"{name}-{number}", roles, "dc", self.authority, cluster=seeds)
                      for number in (1, 2, 3)]

    def start(self):
        for host in self.hosts:
            host.start()
        return self

    def end(self):
        for host in self.hosts:
            host.stop_quietly()


def members_of(host):
    """{(name, role): row} of both rings, as this host sees them; {} while nobody answers."""
    try:
        return {(row["name"], row["role"]): row for row in host.get("members")["members"]}
    except (OSError, ValueError, KeyError):
        return {}


def nodes_of(host, what):
    """{name: row} of "managers" (asked of a gate's host) or "workers" (of a manager's)."""
    try:
        return {row["name"]: row for row in host.get(what)[what]}
    except (OSError, ValueError, KeyError):
        return {}


def wait_alive(host, what, names, seconds=20):
    wait_for(f"{what} {names} alive at {host.config['node']['name']}",
             lambda: all(nodes_of(host, what).get(name, {}).get("state") == "ALIVE"
                         for name in names), seconds)


def settle(seconds):
    time.sleep(seconds)
