# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks beside serf share: a fleet of ours, and a ring of as many agents of serf with
its own defaults for a local network, each in a network namespace. Whoever imports this where serf
is not installed has ended with exit code 77."""
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from benchlib import BUILD, ends

if not shutil.which("serf"):
    print("serf is not installed")
    sys.exit(77)
os.environ["HS_BUILD"] = os.path.abspath(BUILD)
place = tempfile.TemporaryDirectory(prefix="hs-bench.")
os.environ["HS_TMP"] = place.name
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))),
                                "system"))
from faketree import Skipped
from fleet import Fleet, until
from hosts import Net, inside

MEMBERS = 16


class Agent:
    """One of serf's."""

    def __init__(self, net, number):
        self.name = f"s{number}"
        self.holder, self.address, self.port = net.plug()
        self.process = None

    def start(self, first):
        joins = ["-retry-join", first.address] if first is not self else []
        self.process = subprocess.Popen(inside(self.holder, "serf", "agent", "-node", self.name,
                                               "-bind", f"{self.address}:7946",
                                               "-rpc-addr", "127.0.0.1:7373", "-log-level", "info",
                                               *joins),
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)


class Serf(threading.Thread):
    """A ring of agents; reads what they print, and when."""

    def __init__(self):
        super().__init__(daemon=True)
        self.net = Net()
        self.agents = [Agent(self.net, number) for number in range(MEMBERS)]
        self.heard = []  # (moment, agent, what it printed)
        self.lock, self.selector = threading.Lock(), selectors.DefaultSelector()

    def add(self, agent, first):
        agent.start(first)
        with self.lock:
            self.selector.register(agent.process.stdout, selectors.EVENT_READ, agent)

    def run(self):
        while True:
            with self.lock:
                ready = self.selector.select(0.01)
            for key, _ in ready:
                text = key.fileobj.read()
                if not text:
                    with self.lock:
                        self.selector.unregister(key.fileobj)
                    continue
                now = time.monotonic()
                self.heard += [(now, key.data, line)
                               for line in text.decode(errors="replace").splitlines()]
            time.sleep(0.002)

    def begin(self):
        for agent in self.agents:
            self.add(agent, self.agents[0])
        self.start()
        self.wait_whole()

    def alive_at(self, agent):
        done = subprocess.run(inside(agent.holder, "serf", "members", "-status=alive"),
                              capture_output=True, text=True)
        return done.stdout.count("\n")

    def wait_whole(self):
        until("a whole ring of serf's", lambda: all(self.alive_at(agent) == MEMBERS
                                                    for agent in self.agents), 90, 0.5)

    def lose(self, agent, how):
        moment = time.monotonic()
        if how == "cut":
            self.net.set_port(agent.port, False)
        else:
            agent.process.kill()
            agent.process.wait()
        return moment

    def bring_back(self, agent, how):
        if how == "kill":
            self.add(agent, next(other for other in self.agents if other is not agent))
            return
        self.net.set_port(agent.port, True)
        other = next(other for other in self.agents if other is not agent)
        subprocess.run(inside(agent.holder, "serf", "join", other.address), capture_output=True,
                       check=False)

    def knew(self, victim, moment):
        """{agent's name: seconds} of the others."""
        return {agent.name: at - moment for at, agent, line in list(self.heard)
                if at >= moment and agent is not victim and
                f"EventMemberFailed: {victim.name} " in line}

    def end(self):
        for agent in self.agents:
            ends(agent.process)


def begin(name):
    """A fleet of managers of one datacenter and a gate, and the agents: both whole. Ends with exit
    code 77 where no namespaces can be made."""
    try:
        fleet = Fleet(name, gates=1, datacenters=("e",), managers=MEMBERS, workers=0)
        serf = Serf()
    except Skipped as reason:
        print(reason)
        sys.exit(77)
    fleet.start()
    serf.begin()
    return fleet, serf
