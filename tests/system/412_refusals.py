#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# beside: others
"""What a machine may refuse: io_uring, descriptors, memory to lock, /proc, a state directory that
can be written, room on its disk. Each is either done without, and told, or an error that says what
is missing."""
import ctypes
import os
import resource
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (CLIENT, FINAL, Daemon, Target, cases_of, check_against_target, check_identities,
                  closed_plan, json, open_plan, run_cases, show, wait_for)

LIBC = ctypes.CDLL(None, use_errno=True)
IO_URING_SETUP, EPERM = 425, 1


def refuse_io_uring():
    """A filter as containers have it: io_uring_setup() is not permitted. For preexec_fn."""
    load, jump, answer = 0x20, 0x15, 0x06
    code = b"".join(struct.pack("HBBI", *row) for row in (
        (load, 0, 0, 0), (jump, 0, 1, IO_URING_SETUP), (answer, 0, 0, 0x00050000 | EPERM),
        (answer, 0, 0, 0x7fff0000)))
    memory = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(memory))
    # NO_NEW_PRIVS, SECCOMP
    assert LIBC.prctl(38, 1, 0, 0, 0) == 0 and LIBC.prctl(22, 2, program, 0, 0) == 0


def run_with(preexec, *words, code=0):
    done = subprocess.run([CLIENT, "run", *words, "--json", "-q"], capture_output=True, text=True,
                          timeout=60, preexec_fn=preexec)
    assert done.returncode == code, done
    return json.loads(done.stdout) if done.stdout else done.stderr


def in_namespace(script, *words):
    """Runs it with mounts of its own; None where that is not possible."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        return print("  no mount namespace here: left out")
    return subprocess.run(["unshare", "--mount", "sh", "-e", "-c", script, "sh", *words],
                          capture_output=True, text=True, timeout=60)


class Filtered(Daemon):
    """A daemon without io_uring."""

    def start(self, is_ready=True):
        os.makedirs(self.dir, exist_ok=True)
        popen = subprocess.Popen
        subprocess.Popen = lambda *words, **more: popen(*words, preexec_fn=refuse_io_uring, **more)
        try:
            return super().start(is_ready)
        finally:
            subprocess.Popen = popen


def without_io_uring_a_run_counts_the_same():
    target = Target()
    document = run_with(refuse_io_uring, target.url, "-R", "1000/s", "-d", "2s", "--cores", "2")
    assert document["backend"] == "epoll (io_uring: operation not permitted)", document["backend"]
    check_identities(document)
    requests = document["requests"]
    assert requests["completed"] == 2000 == target.stop()["requests"], requests
    target = Target()
    document = run_with(refuse_io_uring, target.url, "-c", "50", "-d", "2s")
    check_identities(document)
    check_against_target(document, target.stop())
    print(f"  {document['backend']}: {show(document['requests'])}")


def without_io_uring_a_daemon_outlives_the_same_deaths():
    target = Target()
    daemon = Filtered("without_io_uring").start()
    for row in daemon.get("processes")["processes"]:
        assert row["backend"] == "epoll (io_uring: operation not permitted)", row
    job_id = daemon.submit(daemon.write_plan(open_plan(target.url, "500/s", "12s")))
    daemon.wait_job(job_id, lambda row: row["state"] == "RUNNING" and row["completed"] > 100)
    for name in ("engine.0", "worker", "manager", "gate", "engine.1", "console"):
        before = daemon.rows()[name]
        os.kill(before["pid"], signal.SIGKILL)
        wait_for(f"a successor of {name}", lambda: (row := daemon.rows().get(name)) and
                 row["state"] == "ready" and
                 row["generation"] > before["generation"])
    row = daemon.wait_job(job_id, lambda row: row["state"] in FINAL, 40)
    assert row["state"] == "COMPLETED", row
    document = daemon.results(job_id)
    check_identities(document)
    assert document["requests"]["offered"] == 6000 and document["requests"]["failed"] == 0, \
        document["requests"]
    daemon.stop()
    check_against_target(document, target.stop())
    print(f"  {show(document['requests'])}")


def the_configuration_can_ask_for_epoll():
    target = Target()
    daemon = Daemon("ask_for_epoll", node={"name": "h", "datacenter": "d",
                                           "io_backend": "epoll"}).start()
    assert {row["backend"] for row in daemon.rows().values()} == {"epoll"}, daemon.rows()
    job_id = daemon.submit(daemon.write_plan(closed_plan(target.url, 4, "1s")))
    daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED")
    document = daemon.results(job_id)
    assert document["backend"] == "epoll", document["backend"]
    check_identities(document)
    daemon.stop()
    check_against_target(document, target.stop())
    daemon = Daemon("ask_for_io_uring", node={"name": "h", "datacenter": "d",
                                              "io_backend": "io_uring"})
    daemon.__class__ = Filtered
    daemon.start(is_ready=False)  # asked for and not to be had: said, not replaced in silence
    wait_for("the words", lambda: "io_uring" in daemon.log() and "not permitted" in daemon.log())
    daemon.process.terminate()
    daemon.process.wait(30)


def few_descriptors_are_told_or_enough():
    target = Target()
    for count in (24, 40, 64, 100, 200):
        done = subprocess.run([CLIENT, "run", target.url, "-c", "100", "-d", "1s", "--json", "-q"],
                              capture_output=True, text=True,
                              timeout=60,
                              preexec_fn=lambda: resource.setrlimit(
                                  resource.RLIMIT_NOFILE, (count, count)))
        first = done.stderr.strip().splitlines()[:1]
        if done.stdout:
            document = json.loads(done.stdout)
            check_identities(document)
            print(f"  {count} descriptors: exit code {done.returncode}, "
                  f"{show(document['requests'])}, {document['errors']}, {first}")
            assert document["requests"]["completed"] > 0 or done.returncode != 0, document
        else:
            print(f"  {count} descriptors: exit code {done.returncode}: {first}")
            assert done.returncode != 0 and first, done
    target.stop()


def without_proc_and_dev_shm_a_run_goes_on():
    target = Target()
    done = in_namespace('mount -t tmpfs none /proc; umount /dev/shm 2> /dev/null || true; exec '
                        '"$@"', CLIENT, "run", target.url,
                        "-R", "200/s", "-d", "1s", "--json", "-q")
    target.stop()
    if done is None:
        return
    assert done.returncode == 0, done
    document = json.loads(done.stdout)
    check_identities(document)
    assert document["requests"]["completed"] == 200, document["requests"]


def a_state_directory_that_cannot_be_written_is_an_error():
    daemon = Daemon("read_only_state")
    os.makedirs(daemon.state_dir)
    done = in_namespace('mount -t tmpfs -o ro none "$1"; shift; exec "$@"', daemon.state_dir,
                        *daemon.arguments("start"))
    if done is not None:
        print("  " + done.stderr.strip())
        assert (done.returncode == 77 and "Read-only" in done.stderr and
                daemon.state_dir in done.stderr), done
    done = in_namespace('mount -t tmpfs -o size=4k none "$1"; head -c 8192 /dev/zero > "$1/rest" '
                        '|| true; shift; exec "$@"', daemon.state_dir, *daemon.arguments("start"))
    if done is not None:
        print("  " + done.stderr.strip())
        assert (done.returncode == 1 and "No space left" in done.stderr and
                daemon.state_dir in done.stderr), done


def a_damaged_identity_is_not_guessed_at():
    """Cut off, or with one bit changed; without it the host is a new one."""
    daemon = Daemon("damaged_identity")
    daemon.start()
    daemon.stop()
    path = os.path.join(daemon.state_dir, "identity")
    with open(path, "rb") as file:
        whole = file.read()
    for damaged in (b"", whole[:-1], whole[:8] + bytes([whole[8] ^ 1]) + whole[9:]):
        with open(path, "wb") as file:
            file.write(damaged)
        done = daemon.call("start")
        assert done.returncode == 78 and "identity is damaged" in done.stderr, done
        with open(path, "rb") as file:
            assert file.read() == damaged
    print("  " + done.stderr.strip())
    os.unlink(path)
    daemon.start()
    daemon.stop()
    with open(path, "rb") as file:
        assert file.read()[4:20] != whole[4:20]  # the id


run_cases(cases_of(globals(), helpers=("refuse_io_uring", "run_with", "in_namespace")))
