#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# beside: others
"""A worker that does not answer is left alone and tried again; the counters say so, and the job
ends all the same."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import FINAL, Daemon, Target, cases_of, check_identities, open_plan, run_cases, wait_for


def who_does_not_answer_is_left_alone_and_tried_again():
    target = Target()
    daemon = Daemon("left_alone", supervisor={"watchdog": "20s"},
                    manager={"dispatch_ack_timeout": "100ms", "dispatch_attempts": 10}).start()
    managers, workers = daemon.get("managers")["managers"], daemon.get("workers")["workers"]
    assert [row["breaker"] for row in managers + workers] == ["CLOSED"] * 2, (managers, workers)
    assert not any(row["is_damped"] for row in managers + workers)
    assert managers[0]["datacenter_state"] == "HEALTHY", managers
    worker = daemon.rows()["worker"]["pid"]
    os.kill(worker, signal.SIGSTOP)
    job_id = daemon.submit(daemon.write_plan(open_plan(target.url, "100/s", "2s")))
    wait_for("the worker to be left alone",
             lambda: daemon.counter("manager", "breakers_opened") > 0, 10)
    assert daemon.counter("manager", "breakers_open") == 1
    wait_for("its row to say so",
             lambda: daemon.get("workers")["workers"][0]["breaker"] in ("OPEN", "HALF_OPEN"), 5)
    time.sleep(0.5)
    os.kill(worker, signal.SIGCONT)
    row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL, 30)
    assert row["state"] == "COMPLETED", row
    check_identities(daemon.results(job_id))
    print(f"  opened {daemon.counter('manager', 'breakers_opened')}, put off "
          f"{daemon.counter('manager', 'breaker_refusals')}")
    daemon.stop()
    target.stop()


run_cases(cases_of(globals()))
