# SPDX-License-Identifier: Apache-2.0
"""The two programs as their users run them: a target, a daemon, a run; and what has to hold of any
result."""
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
import status_socket
from faketree import (HASTY, TMP, Tree, Yardstick, children_of, is_alive, run_cases, state_of,
                      wait_for)

BUILD = os.environ["HS_BUILD"]
CLIENT = os.path.join(BUILD, "hyperscale")
DAEMON = os.path.join(BUILD, "hyperscaled")
IS_SOAK = bool(os.environ.get("HS_SOAK"))
FIGURES = ("offered", "sent", "completed", "failed", "cut", "dropped", "shed", "lost", "discarded",
           "bytes_in", "bytes_out")
FINAL = ("COMPLETED", "PARTIAL", "FAILED", "CANCELLED", "TIMEOUT")


def free_port():
    """One that nobody listens on, and below those that the kernel gives to connections."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10000, 30000)))
                return probe.getsockname()[1]
            except OSError:
                pass


class Target:
    """hyperscale target on a free port."""

    def __init__(self, *flags, port=0, address="127.0.0.1", before=()):
        """before: words that have it run somewhere else."""
        self.process = subprocess.Popen([*before, CLIENT, "target", "--listen", f"{address}:{port}",
                                         *flags],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://"), line
        self.url = line.split()[2]
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def counts(self):
        with urllib.request.urlopen(self.url + "_counts", timeout=60) as answer:
            return json.load(answer)

    def stop(self):
        """Its counts, as it tells them at its end."""
        self.process.terminate()
        text, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, self.process.returncode
        return json.loads(text.strip().splitlines()[-1])


def client(*words, seconds=120, **keywords):
    return subprocess.run([CLIENT, *map(str, words)], capture_output=True, text=True,
                          errors="replace", timeout=seconds, stdin=subprocess.DEVNULL, **keywords)


def essence(text):
    """Of a result, what says why it is as it is."""
    try:
        document = json.loads(text)
        return f"{document['verdict']} {document['requests']}"
    except (ValueError, KeyError):
        return text[-500:]


def run_json(*words, code=0, seconds=120):
    """hyperscale run ... --json: its document, when its exit code is this one."""
    done = client("run", *words, "--json", "-q", seconds=seconds)
    assert done.returncode == code, \
        f"exit code {done.returncode}, not {code}: {done.stderr[-2000:]}{essence(done.stdout)}"
    document = json.loads(done.stdout)
    # of a machine that was late, say: the counts are whole all the same
    if document["verdict"]["reasons"]:
        print(f"  {document['verdict']['measurement']}: "
              f"{'; '.join(document['verdict']['reasons'])}")
    return document


def show(requests):
    return " ".join(f"{name}={requests[name]}" for name in
                    ("offered", "sent", "completed", "failed", "cut", "dropped", "shed", "lost",
                     "discarded"))


def check_identities(document):
    """What holds of every result, whatever happened on the way."""
    for part in [document, *document["steps"]]:
        requests = part["requests"]
        fates = sum(requests[name] for name in ("sent", "dropped", "shed", "lost"))
        assert requests["offered"] == fates, requests
        assert requests["sent"] == requests["completed"] + requests["failed"] + requests["cut"], \
            requests
        assert part["response_time_ns"]["count"] == requests["completed"], part
    for name in ("offered", "sent", "completed", "failed", "cut", "dropped", "shed", "lost"):
        parts = sum(step["requests"][name] for step in document["steps"])
        assert parts == document["requests"][name], \
            f"{name}: the steps make {parts}, not {document['requests'][name]}"
    assert sum(document["errors"].values()) == document["requests"]["failed"], document["errors"]


def check_against_target(document, counts):
    """What the target saw lies between what has an outcome and what was sent."""
    requests = document["requests"]
    at_least = requests["completed"] + requests["failed"]
    at_most = requests["sent"] + requests["retried"]
    assert at_least <= counts["requests"] <= at_most, f"{requests}, but the target counted {counts}"


def tree_of(pid):
    """A process and all that descend from it."""
    pids = [pid]
    for child in children_of(pid):
        pids += tree_of(child)
    return pids


def title_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as cmdline:
            return cmdline.read().replace("\0", " ").strip()
    except OSError:
        return ""


def descriptors_of(pid):
    """{number: what it is}"""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            pass
    return found


def segments_of(pid):
    """How many pieces of shared memory are mapped."""
    with open(f"/proc/{pid}/maps") as maps:
        return sum("/memfd:" in line for line in maps)


def memory_of(pid):
    """Bytes that only this process holds, and bytes that it shares."""
    sizes = {}
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            name, _, value = line.partition(":")
            if name in ("RssAnon", "RssShmem"):
                sizes[name] = int(value.split()[0]) * 1024
    return sizes.get("RssAnon", 0), sizes.get("RssShmem", 0)


# A machine of others' may keep one core from us for seconds: no test of a load may mistake that for
# a hung process.
UNHURRIED = {**HASTY, "watchdog": "15s"}


class Daemon(Tree):
    """hyperscaled with directories of its own."""

    def __init__(self, name, engines=2, supervisor=None, **extra):
        extra.setdefault("node", {"name": "test-host", "datacenter": "eu-1"})
        super().__init__(name, engines=engines, supervisor={**UNHURRIED, **(supervisor or {})},
                         extra=extra)

    def arguments(self, verb):
        return [DAEMON] + super().arguments(verb)[1:]

    def start(self, is_ready=True):
        super().start(is_ready)
        if is_ready:
            wait_for("a worker with cores", lambda: self.get("status")["status"]["cores"]["free"] ==
                     self.config["roles"]["engines"], 10)
        return self

    def get(self, request, seconds=60):
        return status_socket.ask(self.run_dir, request, seconds)

    def rows(self):
        return status_socket.processes(self.run_dir)

    def counter(self, process, name):
        rows = {row["process"]: row["values"] for row in self.get("counters")["counters"]}
        return rows[process][name]

    def events(self, **wanted):
        """Those whose fields are as wanted, oldest first."""
        return [row for row in self.get('{"get":"events","count":1024}')["events"]
                if all(row[key] == value for key, value in wanted.items())]

    def job(self, job_id):
        """Its row on the status socket; None while there is none or nobody answers."""
        try:
            rows = self.get("jobs")["jobs"]
        except (OSError, ValueError):
            return None
        return next((row for row in rows if row["id"] == job_id), None)

    def wait_job(self, job_id, holds, seconds=30):
        return wait_for(f"job {job_id} as wanted, is {self.job(job_id)}",
                        lambda: (row := self.job(job_id)) and holds(row) and row, seconds)

    def ask_gate(self, verb, *words, seconds=120):
        return client(verb, *words, "--socket", self.run_dir + "/gate.sock", seconds=seconds)

    def submit(self, *words):
        """The id of the job."""
        done = self.ask_gate("submit", *words, "-q")
        assert done.returncode == 0, done
        job_id = done.stdout.strip()
        assert len(job_id) == 32, done
        return job_id

    def listed(self):
        """{id: row}, as `hyperscale list` has them."""
        done = self.ask_gate("list", "--json")
        assert done.returncode == 0, done
        return {row["id"]: row for row in json.loads(done.stdout)["jobs"]}

    def results(self, job_id, codes=(0,)):
        done = self.ask_gate("results", job_id, "--json")
        assert done.returncode in codes, f"results: {done}"
        return json.loads(done.stdout)

    def write_plan(self, plan, name="plan.json"):
        path = os.path.join(self.dir, name)
        with open(path, "w") as file:
            file.write(plan if isinstance(plan, str) else json.dumps(plan))
        return path


class Watcher(threading.Thread):
    """Looks at the status socket five times a second and notes whatever went back that may only
    grow."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.tree, self.is_over = daemon, threading.Event()
        self.faults, self.looks, self.last = [], 0, {}
        with open("roles/counters.def") as rows:
            self.counters = {line.split("(")[1].split(",")[0] for line in rows
                             if line.startswith("HS_COUNTER(")}

    def note(self, key, value):
        if value < self.last.get(key, 0):
            self.faults.append(f"{key} went from {self.last[key]} to {value}")
        self.last[key] = value

    def look(self):
        for row in self.tree.get("jobs", 1)["jobs"]:
            for name in FIGURES:
                self.note(("job", row["id"][:8], name), row[name])
        for row in self.tree.get("counters", 1)["counters"]:
            for name in self.counters:
                self.note((row["process"], name), row["values"][name])
        status = self.tree.get("status", 1)["status"]
        self.note(("status", "deaths"), status["deaths"])
        self.looks += 1

    def run(self):
        while not self.is_over.wait(0.2):
            try:
                self.look()
            except (OSError, ValueError):
                pass  # the console is being replaced

    def stop(self):
        self.is_over.set()
        self.join(60)


def open_plan(url, rate, seconds, **more):
    """One workflow at a fixed rate."""
    load = {"model": "open", "rate": rate, "for": seconds, **more}
    return {"version": 1, "name": "open",
            "workflows": [{"name": "w", "load": load, "steps": [{"name": "get", "url": url}]}]}


def closed_plan(url, users, seconds):
    load = {"model": "closed", "vus": users, "for": seconds}
    return {"version": 1, "name": "closed",
            "workflows": [{"name": "w", "load": load, "steps": [{"name": "get", "url": url}]}]}


class Late(AssertionError):
    """Figures are off, and other work on the machine may be the cause."""


class Distrusted(Late):
    """Their document says so itself."""


def hold(document, is_so, text):
    """A judgement of time, after all that must hold at once: fails unless it is so."""
    if not is_so:
        is_late = any(reason.startswith("the generator was late")
                      for reason in document["verdict"]["reasons"])
        raise (Distrusted if is_late else Late)(text)


def on_a_quiet_machine(case):
    """Up to three tries: what other work on the machine adds is gone in another run, what the
    generator adds is not; and counts are right at once. Where it never is quiet, a document that
    said so each time has told no lie."""
    def tried():
        is_honest = True
        for left in (2, 1, 0):
            try:
                return case()
            except Late as late:
                is_honest = is_honest and isinstance(late, Distrusted)
                if not left and is_honest:
                    print(f"  {case.__name__}: skipped (this machine is never quiet, and each "
                          f"document said so: {late})")
                    return None
                if not left:
                    raise
                print(f"  once more: {late}")
        return None
    tried.__name__, tried.__module__ = case.__name__, case.__module__
    return tried


def cases_of(namespace, helpers=()):
    """The functions of a test that are its cases, in the order they are written."""
    return [value for name, value in namespace.items() if callable(value) and
            name not in helpers and
            getattr(value, "__module__", "") == "__main__" and not isinstance(value, type)]
