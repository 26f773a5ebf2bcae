#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Processor time per request of everything that `hyperscale run` starts (client, supervisor, all
roles), HTTP/1.1 GET over 100 kept connections, ten seconds, against wrk (line http) and against the
bare io_uring loop http_floor (line floor).

The clients take turns on one core against http_responder on the other. Three rounds."""
from benchlib import (CLIENT_CORE, IS_QUICK, Responder, floor, hyperscale, judge, median,
                      need_cores, rounds, wrk)

CONNECTIONS, SECONDS, ROUNDS = 100, 3 if IS_QUICK else 10, 3

need_cores(2)
with Responder() as server:
    done = rounds(ROUNDS, {
        "ours": lambda: hyperscale(server.url, "-c", CONNECTIONS, "-d", f"{SECONDS}s", "--cores", 1,
                                   core=CLIENT_CORE)[1],
        "wrk": lambda: wrk(server.url, CONNECTIONS, SECONDS),
        "floor": lambda: floor(server.port, CONNECTIONS, SECONDS)})


def us(name):
    return median(one[name].us_per_request for one in done)


for line, peer, must, aim in (("http", "wrk", 0.90, 0.82), ("floor", "floor", 1.20, 1.08)):
    ratios = [one["ours"].us_per_request / one[peer].us_per_request for one in done]
    judge(line, median(ratios), must, aim,
          f"CPU a request {us('ours'):.2f} us, {peer} {us(peer):.2f} us, {CONNECTIONS} "
          f"connections, rounds {' '.join(f'{ratio:.2f}' for ratio in ratios)}")
