#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How late requests of a fixed schedule leave: 10,000 a second, p99 of the lag, the engine alone on
its core, the server on the other one. Five runs of four seconds; the first 500 ms of each are
warm-up."""
from benchlib import IS_QUICK, Responder, give_up, hyperscale, judge, median, need_cores

RATE, SECONDS, ROUNDS = 10000, 2 if IS_QUICK else 4, 3 if IS_QUICK else 5

need_cores(2)
lags = []
with Responder() as server:
    for _ in range(ROUNDS):
        document, _ = hyperscale(server.url, "-R", f"{RATE}/s", "-d", f"{SECONDS}s", "--warmup",
                                 "500ms", "--cores", 1, core=None)
        requests = document["requests"]
        if requests["dropped"] or requests["completed"] != RATE * SECONDS:
            give_up(f"not what was asked for: {requests}")
        lags.append(document["lag_ns"])
p99 = [lag["p99"] / 1e3 for lag in lags]
judge("lag", median(p99), 100, 50,
      f"p99 of {RATE}/s; p50 {median(lag['p50'] for lag in lags) / 1e3:.1f} us, max "
      f"{median(lag['max'] for lag in lags) / 1e3:.0f} "
      f"us, runs {' '.join(f'{value:.1f}' for value in p99)}", unit="us")
