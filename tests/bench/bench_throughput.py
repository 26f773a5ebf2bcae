#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests per second over 1,000 kept connections when the client's core is the bottleneck, against
wrk. The server is http_responder, the cheapest there is, on a core of its own; how busy it was is
said, as a server that is full hides what a client could do. Three rounds."""
import time

from benchlib import IS_QUICK, Responder, floor, hyperscale, judge, median, need_cores, rounds, wrk

CONNECTIONS, SECONDS, ROUNDS = 1000, 3 if IS_QUICK else 5, 3


def watched(server, run):
    """The outcome of a run, and the share of its core that the server used meanwhile."""
    begin_s, begin_cpu_s = time.monotonic(), server.cpu_s()
    outcome = run()
    outcome.server_share = (server.cpu_s() - begin_cpu_s) / (time.monotonic() - begin_s)
    return outcome


need_cores(2)
with Responder() as server:
    done = rounds(ROUNDS, {
        "ours": lambda: watched(server, lambda: hyperscale(
            server.url, "-c", CONNECTIONS, "-d", f"{SECONDS}s", "--cores", 1)[1]),
        "wrk": lambda: watched(server, lambda: wrk(server.url, CONNECTIONS, SECONDS)),
        "floor": lambda: watched(server, lambda: floor(server.port, CONNECTIONS, SECONDS))})


def rate(name):
    return median(one[name].rate for one in done)


def share(name):
    return f"{median(one[name].server_share for one in done) * 100:.0f} %"


ratios = [one["ours"].rate / one["wrk"].rate for one in done]
judge("throughput", median(ratios), 1.3, 1.55,
      f"{rate('ours'):.0f}/s, wrk {rate('wrk'):.0f}/s, floor {rate('floor'):.0f}/s, {CONNECTIONS} "
      f"connections; server busy {share('ours')}, {share('wrk')}, {share('floor')}", at_most=False)
