#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# beside: others
"""The tree of one `hyperscale run`: on a leash, without names, gone with its client. And the
service manager's protocol."""
import os
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from faketree import PROGRAM, TMP, Tree, children_of, is_alive, run_cases, wait_for

RECORD = struct.Struct("<IHHHHiIIQQQQ16s256s")  # roles/control.h
MAGIC, STOP, LINK, TREE_READY, DEATH, GATE = 0x48534331, 7, 4, 11, 12, 2
CONFIG = b'{"roles": {"engines": 1}, "supervisor": {"watchdog": "1s"}}'


def embed(log, config=CONFIG, fake=""):
    """Starts an embedded tree the way `hyperscale run` does; its process and our end of the
    leash."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    text_fd = os.memfd_create("config")
    os.write(text_fd, config)
    os.lseek(text_fd, 0, os.SEEK_SET)

    def place():
        leash = os.dup2(theirs.fileno(), 40)
        text = os.dup2(text_fd, 41)
        os.dup2(leash, 3)
        os.dup2(text, 4)

    process = subprocess.Popen([PROGRAM, "embed"], stdout=subprocess.DEVNULL, stderr=open(log, "w"),
                               preexec_fn=place, pass_fds=(3, 4),
                               env={**os.environ, "HS_FAKE": fake})
    theirs.close()
    os.close(text_fd)
    ours.settimeout(60)
    return process, ours


def take(leash):
    """One record: type, peer, text, descriptor or None; None at the end of file."""
    data, fds, _, _ = socket.recv_fds(leash, 1024, 2)
    if not data:
        return None
    fields = RECORD.unpack(data)
    assert fields[0] == MAGIC
    text = fields[13].rstrip(b"\0").split(b"\0")[0].decode()
    return fields[1], fields[3], text, fds[0] if fds else None


def take_until(leash, wanted):
    while True:
        record = take(leash)
        assert record, f"the leash ended before a record of type {wanted}"
        if record[0] == wanted:
            return record


def say_stop(leash):
    leash.send(RECORD.pack(MAGIC, STOP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b"", b""))


def hello(record):
    with socket.socket(fileno=record[3]) as link:
        link.settimeout(60)
        return link.recv(16) == b"hello"


def an_embedded_tree_links_its_client_with_the_gate_and_stops_when_told():
    begin = time.monotonic()
    process, leash = embed(TMP + "/log")
    link = take_until(leash, LINK)
    assert link[1] == GATE and hello(link)
    take_until(leash, TREE_READY)
    print(f"  ready after {(time.monotonic() - begin) * 1e3:.1f} ms")
    kinds = {open(f"/proc/{pid}/cmdline").read().rstrip(chr(0)) for pid in children_of(process.pid)}
    roles = "gate", "manager", "worker", "engine.0"
    assert kinds == {f"hyperscaled: {name}" for name in roles}, kinds
    for pid in [process.pid] + children_of(process.pid):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            path = os.readlink(f"/proc/{pid}/fd/{fd}")
            assert path.startswith(("/memfd:", "socket:", "anon_inode:", "pipe:",
                                    "/dev/")) or "(deleted)" in path \
                or path == TMP + "/log", f"{path} has a name"
    say_stop(leash)
    assert process.wait(60) == 0
    assert take(leash) is None


def a_gate_that_dies_is_told_and_its_successor_linked():
    process, leash = embed(TMP + "/log")
    take_until(leash, TREE_READY)
    time.sleep(1.1)
    gate = [pid for pid in children_of(process.pid)
            if "gate" in open(f"/proc/{pid}/cmdline").read()]
    os.kill(gate[0], signal.SIGKILL)
    death = take_until(leash, DEATH)
    assert death[1] == GATE and "signal 9" in death[2], death
    assert hello(take_until(leash, LINK))
    say_stop(leash)
    assert process.wait(60) == 0


def a_closed_leash_ends_the_tree_at_once():
    process, leash = embed(TMP + "/log")
    take_until(leash, TREE_READY)
    pids = children_of(process.pid)
    leash.close()
    process.wait(60)
    assert not any(map(is_alive, pids))


def a_killed_client_takes_the_tree_with_it():
    # A client of its own, so that it can be killed.
    client = os.fork()
    if client == 0:
        process, leash = embed(TMP + "/log")
        take_until(leash, TREE_READY)
        with open(TMP + "/pids", "w") as pids:
            pids.write(" ".join(map(str, [process.pid] + children_of(process.pid))) + " end")
        time.sleep(60)
        os._exit(0)
    text = wait_for("the tree", lambda: os.path.exists(TMP + "/pids") and
                    "end" in open(TMP + "/pids").read() and open(TMP + "/pids").read())
    pids = [int(pid) for pid in text.split()[:-1]]
    os.kill(client, signal.SIGKILL)
    os.waitpid(client, 0)
    wait_for("the end of all", lambda: not any(map(is_alive, pids)), 1.0)


def a_hopeless_tree_ends_with_the_code_of_the_culprit():
    process, leash = embed(TMP + "/log", fake="worker=exit_78")
    assert "configuration" in take_until(leash, DEATH)[2]
    assert process.wait(60) == 78
    process, leash = embed(TMP + "/log", fake="gate=exit_1",
                           config=CONFIG.replace(b'"1s"', b'"1s", "backoff_min": "10ms"'))
    assert process.wait(60) == 75


def a_bad_configuration_is_code_78_and_says_why():
    process, _ = embed(TMP + "/log", config=b'{"rolls": 1}')
    assert process.wait(60) == 78
    assert "rolls" in open(TMP + "/log").read()


def embed_without_a_leash_is_refused():
    done = subprocess.run([PROGRAM, "embed"], capture_output=True, text=True)
    assert done.returncode in (77, 78) and "embed" in done.stderr, done


def a_service_manager_hears_of_readiness_watchdog_reload_and_stop():
    path = TMP + "/notify.sock"
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    notify.settimeout(60)
    tree = Tree("notify")
    tree.env.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="200000")
    tree.start()
    said = [notify.recv(256).decode() for _ in range(3)]
    assert "READY=1" in said and said.count("WATCHDOG=1") >= 1, said
    os.kill(tree.process.pid, signal.SIGHUP)
    text = ""
    while "RELOADING=1\nMONOTONIC_USEC=" not in text:
        text = notify.recv(256).decode()
    while text != "READY=1":
        text = notify.recv(256).decode()
    tree.process.send_signal(signal.SIGTERM)
    while text != "STOPPING=1":
        text = notify.recv(256).decode()
    assert tree.process.wait(60) == 0


run_cases([value for name, value in list(globals().items())
           if callable(value) and getattr(value, "__module__", "") == "__main__" and name not in
           ("embed", "take", "take_until", "say_stop", "hello")])
