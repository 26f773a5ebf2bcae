# SPDX-License-Identifier: Apache-2.0
"""Drives build/tests/system/fake_tree: the real supervisor with roles that do nothing, or misbehave
on demand."""
import json
import mmap
import os
import re
import signal
import socket
import subprocess
import sys
import time
import traceback

PROGRAM = os.path.join(os.environ["HS_BUILD"], "tests/system/fake_tree")
TMP = os.environ["HS_TMP"]
HASTY = {"watchdog": "1s", "backoff_min": "10ms", "backoff_max": "100ms"}
# where somebody will not stop
STRICT = {**HASTY, "role_stop_timeout": "500ms", "worker_stop_timeout": "500ms"}


TURN_S = 0.01  # of wait_for: a sleep, and a look at something


def wait_for(what, holds, seconds=5.0):
    """The first true value of holds(), which itself waits for nothing; fails when it does not come.

    A loaded machine is given more time: a turn counts as TURN_S, however long we had to wait for
    our own share of it."""
    left = seconds
    while left > 0:
        begin = time.monotonic()
        value = holds()
        if value:
            return value
        time.sleep(TURN_S / 2)
        left -= min(time.monotonic() - begin, TURN_S)
    raise AssertionError(f"{what}: not within {seconds} s")


class Yardstick:
    """with Yardstick() as yardstick: how late this machine lets somebody run who only wants a
    moment of it. A bound in time holds on top of that, for as many such moments as the thing that
    is measured needs."""

    def __enter__(self):
        self.shared, self.test = mmap.mmap(-1, 8), os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self.measure()
        return self

    def measure(self):
        worst = 0
        while os.getppid() == self.test:
            begin = time.monotonic_ns()
            time.sleep(0.002)
            worst = max(worst, time.monotonic_ns() - begin - 2000000)
            self.shared[:] = worst.to_bytes(8, "little")
        os._exit(0)

    def allows(self, seconds, moments=10):
        return seconds + moments * int.from_bytes(self.shared[:], "little") / 1e9

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def state_of(pid):
    """The letter of /proc/PID/stat, or nothing if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def is_alive(pid):
    return state_of(pid) not in ("", "Z", "X")


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [int(child) for child in children.read().split()]
    except OSError:
        return []


def is_sanitized(tree):
    with open(f"/proc/{tree.process.pid}/maps") as maps:
        return any("libasan" in line or "libtsan" in line for line in maps)


def last_words(tree):
    return wait_for("last words", lambda: re.search(r'panic \d+ "([^"]+)"', tree.status()),
                    10).group(1)


def functions_of(words):
    """The names behind the code places that a crash has left."""
    places = [place[1:] for place in re.findall(r"\+0x[0-9a-f]+", words)]
    found = subprocess.run(["addr2line", "-f", "-i", "-e", PROGRAM] + places, capture_output=True,
                           text=True, check=True)
    return found.stdout.splitlines()[::2]


class Tree:
    def __init__(self, name, fake="", engines=2, supervisor=None, extra=None):
        self.dir = os.path.join(TMP, name[:24])  # the path of a socket is short
        os.makedirs(self.dir, exist_ok=True)
        self.run_dir, self.state_dir = self.dir + "/run", self.dir + "/state"
        self.config_path = self.dir + "/config.json"
        self.log_path = self.dir + "/log"
        self.config = {"roles": {"engines": engines}, "supervisor": dict(supervisor or HASTY),
                       **(extra or {})}
        self.write_config()
        self.env = {**os.environ, "HS_FAKE": fake}
        self.process = None

    def write_config(self, text=None):
        with open(self.config_path, "w") as config:
            config.write(text if text is not None else json.dumps(self.config))

    def arguments(self, verb):
        return [PROGRAM, verb, "-c", self.config_path, "--run-dir", self.run_dir, "--state-dir",
                self.state_dir]

    def call(self, verb):
        return subprocess.run(self.arguments(verb), capture_output=True, text=True, timeout=200,
                              env=self.env)

    def start(self, is_ready=True):
        self.process = subprocess.Popen(self.arguments("start"), stdout=subprocess.DEVNULL,
                                        stderr=open(self.log_path, "a"), env=self.env)
        wait_for("the status socket", self.is_listening)
        if is_ready:
            wait_for("the whole tree", lambda: (rows := self.rows()) and
                     all(row["state"] == "ready" for row in rows.values()))
        return self

    def is_listening(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(self.run_dir + "/status.sock") == 0

    def ask(self, line):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(60)
            client.connect(self.run_dir + "/status.sock")
            client.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                piece = client.recv(65536)
                if not piece:
                    break
                answer += piece
            return answer.decode()

    def status(self):
        return self.ask('{"get":"status"}')

    def rows(self):
        """{"gate": {"state": "ready", "pid": 12, "gen": 1, "took_us": 900, "died": ""}}; {} while
        nobody answers."""
        try:
            text = self.status()
        except OSError:
            return {}
        found = re.findall(r'(\S+) (\S+) pid (\d+) gen (\d+) took_us (\d+) died "([^"]*)"', text)
        return {name: {"state": state, "pid": int(pid), "gen": int(gen), "took_us": int(took),
                       "died": died}
                for name, state, pid, gen, took, died in found} if text.endswith("\n") else {}

    def row(self, name):
        return self.rows().get(name, {"state": "", "pid": 0, "gen": 0, "took_us": 0, "died": ""})

    def wait_row(self, name, holds, seconds=5.0):
        def look():
            row = self.row(name)
            return row if holds(row) else None
        return wait_for(f"{name} as wanted, is {self.row(name)}", look, seconds)

    def log(self):
        with open(self.log_path) as log:
            return log.read()

    def stop(self, code=0):
        done = self.call("stop")
        assert done.returncode == 0, f"stop: {done}"
        assert self.process.wait(60) == code, \
            f"the daemon's exit code is {self.process.returncode}, not {code}"
        assert not os.path.exists(self.run_dir + "/status.sock"), "the status socket has stayed"

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Skipped(Exception):
    """What a case raises that cannot run on this machine, with the reason."""


def run_cases(cases):
    """Each case gets a place of its own; a line each; exit code 1 if one fails, 77 if none could
    run."""
    assert cases, "a test without a case"
    failed = skipped = 0
    for case in cases:
        begin = time.monotonic()
        name = case.__name__
        try:
            case()
            result = "passed"
        except Skipped as reason:
            skipped += 1
            result = f"skipped ({reason})"
        except Exception as error:
            failed += 1
            # a bare assertion: at least where it stands
            says = isinstance(error, AssertionError) and str(error)
            result = f"FAILED: {says or traceback.format_exc()}"
            log = os.path.join(TMP, name[:24], "log")
            if os.path.exists(log):
                print("".join("    " + line for line in open(log).readlines()[-25:]))
        print(f"{name.replace('_', ' ')}: {result} ({time.monotonic() - begin:.1f} s)", flush=True)
        for pid in children_of(os.getpid()):
            os.kill(pid, signal.SIGKILL)
    sys.exit(1 if failed else 77 if skipped == len(cases) else 0)
