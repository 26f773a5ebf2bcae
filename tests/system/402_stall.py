#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
"""A target that stalls a second in every ten, at a fixed rate: each figure is the one that
arithmetic says, for no arrival waits for an earlier answer. (A closed loop would report a p99 of
nearly nothing.)

Stall S = 1 s, period T = 10 s, answers at once otherwise: the share of responses above x is (S - x)
/ T. The run is four whole periods, so that it does not matter where in a period it begins.

What the machine itself adds is measured by the same load, at the same time, on a target that does
not stall."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (CLIENT, Target, check_identities, hold, on_a_quiet_machine, run_cases, run_json,
                  show)

S, T = 1e9, 10e9
LOAD = ("-R", "500/s", "-d", "40s")
WANTED = {"p95": S - 0.05 * T, "p99": S - 0.01 * T, "p999": S - 0.001 * T, "mean": S * S / (2 * T)}


@on_a_quiet_machine
def a_stall_is_seen_by_all_who_were_due():
    target = Target("--stall", "1s", "--every", "10s")
    calm = Target()
    with subprocess.Popen([CLIENT, "run", calm.url, *LOAD, "--json", "-q"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as beside:
        document = run_json(target.url, *LOAD)
        machine = json.loads(beside.communicate(timeout=120)[0])["response_time_ns"]
    counts = target.stop()
    calm.stop()
    check_identities(document)
    requests, times = document["requests"], document["response_time_ns"]
    print(f"  {show(requests)}; the target counted {counts}")
    print("  " + " ".join(f"{name}={times[name] / 1e6:.3f}ms"
                          for name in ("p50", "p95", "p99", "p999", "mean", "max")))
    print(f"  lag p99 {document['lag_ns']['p99']} ns, verdict {document['verdict']}")
    assert requests["offered"] == 20000 and requests["completed"] == 20000, requests
    assert counts["requests"] == 20000, counts
    print("  without a stall: " + " ".join(f"{name}={machine[name] / 1e6:.3f}ms"
                                           for name in ("p50", "p99", "mean", "max")))
    hold(document, times["p50"] < 5e6 + machine["p90"], times)
    for name, wanted in WANTED.items():
        added = machine["mean" if name == "mean" else "p99"]
        hold(document, -0.03 * wanted <= times[name] - wanted <= 0.03 * wanted + 2 * added,
             f"{name} is {times[name]}, not {wanted} within 3 % (the machine adds {added})")


run_cases((a_stall_is_seen_by_all_who_were_due,))
