#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""64-byte messages between two processes on two cores: our ring against Concurrency Kit's ck_ring,
by turns (ring_pair.c), how many times as fast. Twenty-one rounds of a million messages each."""
import re

from benchlib import IS_QUICK, judge, need_cores, program, run_tree

need_cores(2)
text = run_tree([program("ring_pair"), 5 if IS_QUICK else 21], core=None).output
ours, theirs = (float(value) for value in re.findall(r"ns_per_message ([\d.]+)", text))
ratio = float(re.search(r"ratio_vs_ck_ring ([\d.]+)", text).group(1))
judge("ring", ratio, 1.0, 1.2, f"{ours:.1f} ns a message, ck_ring {theirs:.1f} ns", at_most=False)
