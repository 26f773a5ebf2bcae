#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
# beside: others
"""The supervisor keeps a tree going, whatever its processes do, and takes it with it when it
goes."""
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from faketree import (PROGRAM, STRICT, TMP, Skipped, Tree, Yardstick, children_of, functions_of,
                      is_alive, is_sanitized, last_words, run_cases, state_of, wait_for)

EVERYBODY = ("console", "gate", "manager", "worker", "engine.0", "engine.1")


def it_starts_says_who_runs_and_stops_clean():
    tree = Tree("it_starts_says_who_runs_and_stops_clean").start()
    rows = tree.rows()
    assert set(rows) == set(EVERYBODY), rows
    for name, row in rows.items():
        with open(f"/proc/{row['pid']}/cmdline") as cmdline:
            title = cmdline.read().rstrip("\0")
        assert title == f"hyperscaled: {name}", title
    pids = [row["pid"] for row in rows.values()]
    tree.stop()
    assert not any(map(is_alive, pids)), "somebody survived"


def a_second_instance_is_refused():
    tree = Tree("a_second_instance_is_refused").start()
    second = tree.call("start")
    assert second.returncode == 75 and "another instance" in second.stderr, second
    assert tree.row("gate")["state"] == "ready"
    tree.stop()


def what_is_wrong_is_said_with_its_exit_code():
    tree = Tree("what_is_wrong_is_said_with_its_exit_code")
    assert tree.call("check").returncode == 0
    tree.write_config('{"roles": {"engines": 0, "gat": true}}')
    for verb in ("check", "start"):
        done = tree.call(verb)
        assert done.returncode == 78 and "gat" in done.stderr and "engines" in done.stderr, done
    os.unlink(tree.config_path)
    assert tree.call("start").returncode == 78
    assert tree.call("dance").returncode == 64
    tree.write_config("{}")
    assert tree.call("status").returncode == 1


def a_killed_process_has_a_successor():
    tree = Tree("a_killed_process_has_a_successor").start()
    time.sleep(1.1)  # a good life: followed at once
    for name in EVERYBODY:
        before = tree.row(name)
        with Yardstick() as yardstick:
            begin = time.monotonic()
            os.kill(before["pid"], signal.SIGKILL)
            after = tree.wait_row(name, lambda row: row["gen"] == 2 and row["state"] == "ready")
            took = time.monotonic() - begin
            assert took < yardstick.allows(0.25), (took, yardstick.allows(0.25))
        assert "signal 9" in after["died"], after
        print(f"  {name}: serving again {took * 1e3:.1f} ms after the kill, {after['took_us']} us "
              "after the fork")
    assert tree.process.poll() is None
    tree.stop()
    log = tree.log()
    assert 'down peer=gate.0 generation=1 cause="killed by signal 9 (Killed)"' in log, \
        "the manager was not told"
    assert 'down peer=engine.1 generation=1' in log, "the worker was not told"


def a_stopped_process_is_killed_and_replaced():
    tree = Tree("a_stopped_process_is_killed_and_replaced").start()
    time.sleep(1.1)
    begin = time.monotonic()
    for name in ("gate", "engine.1", "console"):
        os.kill(tree.row(name)["pid"], signal.SIGSTOP)
        row = tree.wait_row(name, lambda row: row["gen"] == 2 and row["state"] == "ready")
        assert row["died"] == "killed by signal 9 (Killed): no heartbeat, it was stopped", row
    assert time.monotonic() - begin > 3, "the watchdog waits its period"
    tree.stop()


def a_process_that_hangs_in_its_turn_is_replaced():
    tree = Tree("a_process_that_hangs_in_its_turn_is_replaced", fake="worker=hang",
                supervisor=STRICT).start()
    row = tree.wait_row("worker", lambda row: row["gen"] >= 2)
    assert row["died"] in ("killed by signal 6 (Aborted): no heartbeat", "killed by signal 9 "
                           "(Killed): no heartbeat"), row
    tree.stop(code=1)  # the hung one had to be killed


def a_process_that_never_comes_up_is_a_crash_loop_and_visible():
    tree = Tree("a_process_that_never_comes_up_is_a_crash_loop_and_visible",
                fake="manager=exit_1").start(is_ready=False)
    row = tree.wait_row("manager", lambda row: row["state"] == "crash_loop")
    assert row["gen"] == 6 and "code 1" in row["died"], row
    assert tree.row("gate")["state"] == "ready", "the others serve"
    tree.stop()


def a_process_that_says_it_is_hopeless_waits_for_a_reload():
    tree = Tree("a_process_that_says_it_is_hopeless_waits_for_a_reload",
                fake="gate=exit_78").start(is_ready=False)
    row = tree.wait_row("gate", lambda row: row["state"] == "failed")
    assert "configuration" in row["died"], row
    time.sleep(0.3)
    assert tree.row("gate")["gen"] == 1, "it was started again"
    assert tree.call("reload").returncode == 0
    tree.wait_row("gate", lambda row: row["gen"] == 2 and row["state"] == "failed")
    tree.stop()


def a_start_that_takes_too_long_is_ended_unless_it_is_at_work():
    hasty = {"start_timeout": "2s", "backoff_min": "10ms", "backoff_max": "100ms"}
    tree = Tree("a_start_that_takes_too_long_is_ended_unless_it_is_at_work",
                fake="gate=never_ready,manager=slow_replay", supervisor=hasty).start(is_ready=False)
    row = tree.wait_row("gate", lambda row: row["gen"] == 2)
    assert "not ready in time" in row["died"], row
    row = tree.wait_row("manager", lambda row: row["state"] == "ready")
    assert row["gen"] == 1 and row["took_us"] > 2900000, row
    tree.process.send_signal(signal.SIGTERM)
    assert tree.process.wait(30) in (0, 1)


def a_process_that_ignores_the_stop_is_killed_at_its_deadline():
    tree = Tree("a_process_that_ignores_the_stop_is_killed_at_its_deadline",
                fake="manager=ignore_stop", supervisor=STRICT).start()
    pids = [row["pid"] for row in tree.rows().values()]
    begin = time.monotonic()
    tree.stop(code=1)
    assert 0.4 < time.monotonic() - begin < 8, "without that setting it could have had 10 s"
    assert not any(map(is_alive, pids))


def asking_twice_or_with_sigquit_is_faster():
    patient = {"role_stop_timeout": "30s", "worker_stop_timeout": "30s"}
    for number in (signal.SIGTERM, signal.SIGQUIT):
        tree = Tree("asking_twice_or_with_sigquit_is_faster", fake="gate=ignore_stop",
                    supervisor=patient).start()
        tree.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        begin = time.monotonic()
        tree.process.send_signal(number)
        assert tree.process.wait(60) == 1
        assert time.monotonic() - begin < 15, "it could have had 30 s"


def the_last_words_of_a_process_are_kept():
    tree = Tree("the_last_words_of_a_process_are_kept",
                fake="engine.0=assert").start(is_ready=False)
    text = wait_for("last words", lambda: "assertion failed" in tree.status() and tree.status())
    assert "fake_tree.c" in text, text
    tree.process.send_signal(signal.SIGTERM)
    assert tree.process.wait(60) in (0, 1), "1: it died once more while it was to stop"


def a_crash_says_which_signal_and_what_called_what():
    crashes = {"segv": "signal 11 for address 0x0 ", "overflow": "signal 11 for address 0x",
               "assert": "assertion failed", "hang": "signal 6 in"}
    calls = {"segv": "crash", "assert": "hs_assert_fail", "hang": "turn"}
    for habit, begin in crashes.items():
        tree = Tree("crash_" + habit, fake=f"gate={habit}").start(is_ready=False)
        if is_sanitized(tree):
            tree.process.send_signal(signal.SIGTERM)
            tree.process.wait(10)
            raise Skipped("the sanitizer keeps crashes for itself")
        words = last_words(tree)
        names = functions_of(words)
        print(f"  {habit}: {words[:150]}: {names}")
        if habit != "overflow":
            assert words.startswith(begin) and {calls[habit], "hs_role_serve", "fake_main",
                                                "be_role"} <= set(names), (words, names)
        else:
            assert words.startswith(begin) and "use_up_the_stack" in names, (words, names)
        if habit == "assert":
            assert "; signal 6 in" in words, words
        tree.process.send_signal(signal.SIGTERM)
        tree.process.wait(10)


def nobody_inherits_memory_that_it_may_not_write():
    tree = Tree("nobody_inherits_memory_that_it_may_not_write").start()
    for name in EVERYBODY:
        with open(f"/proc/{tree.row(name)['pid']}/maps") as maps:
            shared = [line.split() for line in maps if "/memfd:" in line]
        writable = {fields[5] for fields in shared if fields[1] == "rw-s"}
        assert (shared and "/memfd:host" not in writable and
                "/memfd:config" not in writable), (name, shared)
        assert name.startswith("engine") or not any("figures" in where
                                                    for where in writable), (name, writable)
    tree.stop()


def input_that_killed_twice_is_quarantined():
    tree = Tree("input_that_killed_twice_is_quarantined", fake="gate=poison").start(is_ready=False)
    row = tree.wait_row("gate", lambda row: row["gen"] == 3 and row["state"] == "ready")
    assert "signal 6" in row["died"], row
    time.sleep(0.5)
    assert tree.row("gate")["gen"] == 3, "the third life knows better"
    tree.stop()
    assert "quarantined digest=4711" in tree.log()


def a_forbidden_system_call_ends_the_process():
    tree = Tree("a_forbidden_system_call_ends_the_process",
                fake="engine.1=forbidden").start(is_ready=False)
    wait_for("the console", lambda: tree.row("console")["state"] == "ready")
    with open(f"/proc/{tree.row('console')['pid']}/status") as status:
        is_filtered = "Seccomp:\t2" in status.read()
    if is_filtered:
        row = tree.wait_row("engine.1", lambda row: row["gen"] >= 2)
        assert "signal 31" in row["died"], row
    tree.process.send_signal(signal.SIGTERM)
    assert tree.process.wait(60) in (0, 1), "1: it died once more while it was to stop"
    if not is_filtered:
        raise Skipped("the kernel filters no system calls")


def a_process_that_sends_nonsense_is_replaced():
    tree = Tree("a_process_that_sends_nonsense_is_replaced",
                fake="worker=nonsense").start(is_ready=False)
    row = tree.wait_row("worker", lambda row: row["gen"] >= 2)
    assert "bad control record" in row["died"], row
    tree.stop()


def readiness_that_an_order_overtook_is_no_nonsense():
    tree = Tree("readiness_that_an_order_overtook_is_no_nonsense",
                fake="gate=ready_draining,worker=ready_stopping").start()
    for name in ("gate", "worker"):
        assert tree.row(name)["gen"] == 1 and tree.row(name)["died"] == "", tree.row(name)
    tree.stop()


def rings_may_lock_what_the_hard_limit_permits():
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, hard))
    tree = Tree("rings_may_lock_what_the_hard_limit_permits").start()
    for name in EVERYBODY:
        with open(f"/proc/{tree.row(name)['pid']}/limits") as limits:
            row = next(line for line in limits if line.startswith("Max locked memory"))
        soft, above = row.split()[3:5]
        assert soft == above and (soft == "unlimited" or int(soft) >= min(hard, 128 << 20)), row
    tree.stop()


def orphans_are_reaped_and_leave_no_zombie():
    tree = Tree("orphans_are_reaped_and_leave_no_zombie", fake="worker=orphans").start()
    wait_for("the orphans' end", lambda: "orphans 20" in tree.status(), 20)
    assert not [pid for pid in children_of(tree.process.pid) if state_of(pid) == "Z"]
    tree.stop()


def a_killed_supervisor_takes_everybody_with_it():
    tree = Tree("a_killed_supervisor_takes_everybody_with_it").start()
    pids = [row["pid"] for row in tree.rows().values()]
    tree.kill()
    wait_for("the end of all children", lambda: not any(map(is_alive, pids)), 1.0)
    tree.start()  # over the stale sockets and locks
    assert "incarnation 2" in tree.status()
    tree.stop()


def a_socket_whose_owner_is_just_ending_is_waited_for():
    tree = Tree("a_socket_whose_owner_is_just_ending_is_waited_for")
    os.makedirs(tree.run_dir)
    left = socket.socket(socket.AF_UNIX)
    left.bind(tree.run_dir + "/status.sock")
    left.listen(128)
    refused = tree.call("start")
    assert refused.returncode == 75 and "another instance" in refused.stderr, refused
    threading.Timer(0.3, left.close).start()
    tree.start()
    tree.stop()


def a_stopped_supervisor_accuses_nobody_when_it_wakes():
    tree = Tree("a_stopped_supervisor_accuses_nobody_when_it_wakes").start()
    tree.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    tree.process.send_signal(signal.SIGCONT)
    time.sleep(1.5)
    assert (rows := tree.rows()) and all(row["gen"] == 1 for row in rows.values()), rows
    tree.stop()


def a_bad_configuration_changes_nothing_and_a_good_one_is_taken():
    tree = Tree("a_bad_configuration_changes_nothing_and_a_good_one_is_taken").start()
    tree.write_config('{"roles": {"engines": 2}, "wrong": 1}')
    assert tree.call("reload").returncode == 1
    status = tree.status()
    assert "wrong" in status and "config 1" in status, status
    tree.config["roles"]["engines"] = 1  # takes a new start: refused
    tree.write_config()
    assert tree.call("reload").returncode == 1
    assert "roles.engines takes a new start" in tree.status()
    tree.config["roles"]["engines"] = 2
    tree.config["engine"] = {"adopt_grace": "3s"}
    tree.write_config()
    done = tree.call("reload")
    assert done.returncode == 0 and "2 processes to restart" in done.stdout, done
    for name in ("engine.0", "engine.1"):
        tree.wait_row(name, lambda row: row["gen"] == 2 and row["state"] == "ready")
    assert tree.row("gate")["gen"] == 1 and 'config 2 reload_error ""' in tree.status()
    assert tree.row("engine.0")["died"] == "", "an orderly restart is no death"
    tree.stop()


def a_configuration_that_cannot_be_read_to_its_end_keeps_nobody_waiting():
    tree = Tree("a_configuration_that_cannot").start()
    os.rename(tree.config_path, tree.config_path + ".good")
    os.mkfifo(tree.config_path)
    assert tree.call("reload").returncode == 1
    assert "Timer expired" in tree.status()
    os.rename(tree.config_path + ".good", tree.config_path)
    assert tree.call("reload").returncode == 0
    tree.stop()


def a_configuration_that_a_process_does_not_survive_is_taken_back_and_leaves_its_number():
    tree = Tree("a_configuration_taken_back", fake="gate=exit_1_config_2").start()
    tree.config["gate"] = {"progress_interval": "700ms"}
    tree.write_config()
    assert tree.call("reload").returncode == 0
    wait_for("the old configuration", lambda: "config 1" in tree.status() and
             "is back" in tree.status())
    tree.wait_row("gate", lambda row: row["state"] == "ready" and row["gen"] >= 3)
    wait_for("a reload that is taken", lambda: tree.call("reload").returncode == 0)
    tree.wait_row("gate", lambda row: row["state"] == "ready" and row["gen"] >= 4)
    assert 'config 3 reload_error ""' in tree.status(), tree.status()
    tree.stop()


def operators_who_may_not_read_the_configuration_may_ask():
    tree = Tree("operators_who_may_not_read")
    os.chmod(tree.config_path, 0)
    nobody = {"user": 65534} if os.geteuid() == 0 else {}
    try:
        done = subprocess.run([PROGRAM, "status", "-c", tree.config_path], capture_output=True,
                              text=True, timeout=60, **nobody)
    except PermissionError:
        raise Skipped("the program is where nobody else may run it")
    assert "/run/hyperscale" in done.stderr and "--run-dir" in done.stderr, done


def nothing_is_said_to_the_service_manager_after_stopping():
    tree = Tree("nothing_is_said_after", fake="manager=ignore_stop", supervisor=STRICT)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(tree.dir + "/notify")
    listener.settimeout(20)
    tree.env["NOTIFY_SOCKET"] = tree.dir + "/notify"
    told = []

    def hear(word):
        while not told or word not in told[-1]:
            told.append(listener.recv(4096).decode())

    tree.start()
    hear("READY=1")
    os.unlink(tree.config_path)
    os.mkfifo(tree.config_path)
    tree.process.send_signal(signal.SIGHUP)
    hear("RELOADING=1")
    tree.process.send_signal(signal.SIGTERM)
    hear("STOPPING=1")
    with open(tree.config_path, "w") as config:
        config.write("{}")
    assert tree.process.wait(30) == 1
    listener.setblocking(False)
    try:
        late = listener.recv(4096)
    except BlockingIOError:
        late = b""
    assert not late, late
    assert "the daemon is stopping" in tree.log(), "the reload has not ended in the stop"


def an_embedded_tree_says_nothing_to_the_service_manager():
    path = os.path.join(TMP, "embedded-notify")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.setblocking(False)
    done = subprocess.run([os.path.join(os.environ["HS_BUILD"], "hyperscale"), "run",
                           "http://127.0.0.1:1/", "-d", "200ms", "-q"],
                          capture_output=True, timeout=60,
                          env={**os.environ, "NOTIFY_SOCKET": path})
    assert done.returncode == 4, done
    try:
        told = listener.recv(4096)
    except BlockingIOError:
        told = b""
    assert not told, told


def an_operators_restart_and_drain_reach_the_process():
    tree = Tree("an_operators_restart_and_drain_reach_the_process").start()
    assert '"code":0' in tree.ask('{"do":"restart","process":"engine.1"}')
    tree.wait_row("engine.1", lambda row: row["gen"] == 2 and row["state"] == "ready")
    assert '"error"' in tree.ask('{"do":"restart","process":"engine.7"}')
    assert '"code":0' in tree.ask('{"do":"drain","process":"gate"}')
    tree.stop()
    assert "audit: request verb=restart process=\"engine.1\"" in tree.log()


def a_name_is_looked_up_in_a_process_of_its_own():
    tree = Tree("a_name_is_looked_up_in_a_process_of_its_own").start()
    tree.ask('{"get":"resolve"}')
    wait_for("an address", lambda: "resolved 127.0.0.1:0" in tree.status() or
             "resolved [::1]:0" in tree.status())
    tree.stop()


def two_hundred_restarts_leak_nothing():
    tree = Tree("two_hundred_restarts_leak_nothing").start()
    tree.wait_row("engine.0", lambda row: row["state"] == "ready")
    count = lambda: len(os.listdir(f"/proc/{tree.process.pid}/fd"))
    before = count()
    for turn in range(200):
        row = tree.wait_row("engine.0", lambda row: row["state"] == "ready" and row["gen"] > turn)
        os.kill(row["pid"], signal.SIGKILL)
    tree.wait_row("engine.0", lambda row: row["state"] == "ready" and row["gen"] == 201)
    assert count() == before, f"{before} descriptors became {count()}"
    assert not [pid for pid in children_of(tree.process.pid) if state_of(pid) == "Z"]
    tree.stop()


def as_init_of_a_container_it_reaps_and_stops():
    tree = Tree("as_init_of_a_container_it_reaps_and_stops", fake="worker=orphans")
    # In a chroot no /proc of its own can be mounted; an ordinary user needs a user namespace.
    ways = [["unshare", *flags, "--pid", "--fork", "--kill-child"] for flags in
            (["--mount-proc"], [], ["--map-root-user", "--mount-proc"])]
    unshare = next((way for way in ways
                    if subprocess.run(way + ["true"], capture_output=True).returncode == 0), None)
    if not unshare:
        raise Skipped("no pid namespace can be made")
    tree.process = subprocess.Popen(unshare + tree.arguments("start"),
                                    stderr=open(tree.log_path, "a"), env=tree.env)
    wait_for("the socket", lambda: os.path.exists(tree.run_dir + "/status.sock"))
    tree.wait_row("worker", lambda row: row["state"] == "ready")
    wait_for("the orphans' end", lambda: "orphans 20" in tree.status(), 20)
    inits = children_of(tree.process.pid)
    os.kill(inits[0], signal.SIGTERM)
    assert tree.process.wait(60) == 0


run_cases([value for name, value in list(globals().items())
           if callable(value) and getattr(value, "__module__", "") == "__main__"])
