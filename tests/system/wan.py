# SPDX-License-Identifier: Apache-2.0
"""Hosts that are far from one another: like hosts.Net, but each packet takes its time, and some are
lost, as the seed has it (link_emulator.c)."""
import json
import os
import signal
import subprocess

from faketree import Skipped
from hosts import hold_namespace, ip
from tree import BUILD

EMULATOR = os.path.join(BUILD, "tests/system/link_emulator")


class Wan:
    """Plug all hosts in, then connect()."""

    def __init__(self):
        self.holders, self.process = [], None

    @property
    def count(self):
        return len(self.holders)

    def address_of(self, number):
        return f"10.78.0.{number}"

    def plug(self):
        self.holders.append(hold_namespace())
        return self.holders[-1], self.address_of(self.count), None

    def connect(self, seed, delay_ms, jitter_ms=0, lost=0.0, doubled=0.0, overtaking=0.0):
        """delay_ms: one way, more or less jitter_ms; the rest are shares of all packets."""
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            raise Skipped("no /dev/net/tun here")
        places = [f"{pid}:{self.address_of(number)}" for number, pid in enumerate(self.holders, 1)]
        numbers = [seed, *(round(value) for value in (delay_ms * 1e3, jitter_ms * 1e3, lost * 1e6,
                                                      doubled * 1e6, overtaking * 1e6))]
        self.process = subprocess.Popen([EMULATOR, *map(str, numbers), *places],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "the emulator does not start"
        for number, pid in enumerate(self.holders, 1):
            ip(pid, "address", "add", f"{self.address_of(number)}/24", "dev", "wan0")
            # no packet is lost because we are late
            ip(pid, "link", "set", "wan0", "txqueuelen", "10000", "up")
            ip(pid, "link", "set", "lo", "up")

    def finish(self):
        """What became of all packets, once those under way have arrived; the hosts are to be silent
        by now."""
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.stdout.readline())

    def disconnect(self):
        self.process.kill()
        self.process.wait()
