#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What full statistics cost: processor time per request of the whole tree, over that of the same
tree whose engine records no histogram, extreme, phase, status or byte, only how many were sent and
completed (uncounted/, built for this and nothing else).

100 connections, by turns on one core against http_responder on the other. Nine rounds of three
seconds."""
import os
import shutil
import tempfile

from benchlib import (HYPERSCALE, IS_QUICK, Responder, hyperscale, judge, median, need_cores,
                      program, rounds)

CONNECTIONS, SECONDS, ROUNDS = 100, 2 if IS_QUICK else 3, 5 if IS_QUICK else 9


def run(server, binary):
    return hyperscale(server.url, "-c", CONNECTIONS, "-d", f"{SECONDS}s", "--cores", 1,
                      binary=binary)[1]


need_cores(2)
with Responder() as server, tempfile.TemporaryDirectory(prefix="hs-bench.") as directory:
    # The client starts the daemon that lies beside it.
    uncounted = shutil.copy(HYPERSCALE, os.path.join(directory, "hyperscale"))
    shutil.copy(program("hyperscaled_uncounted"), os.path.join(directory, "hyperscaled"))
    done = rounds(ROUNDS, {"on": lambda: run(server, HYPERSCALE),
                           "off": lambda: run(server, uncounted)})
ratios = [one["on"].us_per_request / one["off"].us_per_request for one in done]
on, off = (median(one[name].us_per_request for one in done) for name in ("on", "off"))
judge("statistics", median(ratios), 1.05, 1.03, f"CPU a request {on:.3f} us on, {off:.3f} us off, "
      f"{CONNECTIONS} connections, rounds {' '.join(f'{ratio:.3f}' for ratio in sorted(ratios))}")
