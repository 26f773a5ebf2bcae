# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: servers on one core, clients on the other, the processor time of whole
process trees, medians, and the verdict of a budget.

Rates of one machine swing by a factor of two from one minute to the next, so a figure means
something only beside its peer's of the same round: contenders take turns, the ratio is taken round
by round, and the median of the ratios is judged.

Environment: HS_BUILD (build), HS_BENCH_QUICK (fewer and shorter rounds: for a look, not for a
    verdict)."""
import atexit
import ctypes
import json
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("HS_BUILD", "build")
HYPERSCALE = os.path.join(BUILD, "hyperscale")
DAEMON = os.path.join(BUILD, "hyperscaled")
IS_QUICK = bool(os.environ.get("HS_BENCH_QUICK"))
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]
PR_SET_CHILD_SUBREAPER = 36

# Whatever a tree leaves behind becomes our child, so that its processor time is not forgotten.
ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def busy_s():
    """Processor seconds that the processes of the whole machine have used so far."""
    with open("/proc/stat") as stat:
        return sum(map(int, stat.readline().split()[1:4])) / os.sysconf("SC_CLK_TCK")


def own_s():
    return sum(usage.ru_utime + usage.ru_stime
               for usage in map(resource.getrusage,
                                (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def tell_of_others(begin_s, begin_busy_s):
    """At the end: whoever else was at work makes figures worse, the absolute ones above all."""
    share = (busy_s() - begin_busy_s - own_s()) / (time.monotonic() - begin_s) / os.cpu_count()
    if share > 0.15:  # less may be the kernel's own work for us, and the grain of a tick
        print(f"{'':<12} others used {share * 100:.0f} % of the machine meanwhile: measure again "
              "when it is quiet", flush=True)


atexit.register(tell_of_others, time.monotonic(), busy_s())


def give_up(why):
    """The benchmark could not run."""
    sys.exit(f"{os.path.basename(sys.argv[0])}: {why}")


def need_cores(count):
    if len(CORES) < count:
        give_up(f"needs {count} cores, may use {len(CORES)}")


def program(name):
    """One of this folder's."""
    path = os.path.join(BUILD, "tests/bench", name)
    if not os.path.exists(path):
        give_up(f"{path} is not built: run make bench")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Responder:
    """http_responder, alone on its core."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process = subprocess.Popen(["taskset", "-c", str(SERVER_CORE),
                                         program("http_responder"), str(self.port)],
                                        stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            give_up("http_responder does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            ticks = stat.read().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


class Outcome:
    """What a client did: its output, the processor seconds of its whole tree, the requests that
    were answered."""

    def __init__(self, output, cpu_s):
        self.output, self.cpu_s, self.requests, self.seconds = output, cpu_s, 0, 0.0

    def answered(self, requests, seconds):
        if requests < 1:
            give_up(f"no request was answered:\n{self.output}")
        self.requests, self.seconds = requests, seconds
        return self

    @property
    def us_per_request(self):
        return self.cpu_s * 1e6 / self.requests

    @property
    def rate(self):
        return self.requests / self.seconds


def reap_strays():
    """Seconds that processes used which outlived their parents."""
    seconds = 0.0
    try:
        while True:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return seconds
            seconds += usage.ru_utime + usage.ru_stime
    except ChildProcessError:
        return seconds


def run_tree(command, core=CLIENT_CORE, codes=(0,)):
    """Runs a command to its end, bound to a core (None: free)."""
    bound = ["taskset", "-c", str(core)] if core is not None else []
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(bound + list(map(str, command)), stdout=output, stderr=errors,
                                   stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        text = output.read()
        if process.returncode not in codes:
            give_up(f"{' '.join(map(str, command))}: exit code "
                    f"{process.returncode}\n{errors.read()[-2000:]}{text[-500:]}")
    return Outcome(text, usage.ru_utime + usage.ru_stime + reap_strays())


def hyperscale(url, *flags, core=CLIENT_CORE, binary=HYPERSCALE):
    """A run to its end: (document, outcome). Everything that it starts shares the core, and
    counts."""
    outcome = run_tree([binary, "run", url, "--json", "-q", *flags], core)
    document = json.loads(outcome.output)
    requests = document["requests"]
    if requests["failed"]:
        give_up(f"requests failed: {document['errors']}")
    return document, outcome.answered(requests["completed"], document["duration_ns"] / 1e9)


def wrk(url, connections, seconds):
    outcome = run_tree(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url])
    found = re.search(r"(\d+) requests in ([\d.]+)s", outcome.output)
    if not found or "Socket errors" in outcome.output:
        give_up(f"wrk: {outcome.output}")
    return outcome.answered(int(found.group(1)), float(found.group(2)))


def floor(port, connections, seconds, name="http_floor"):
    outcome = run_tree([program(name), port, connections, seconds])
    found = re.search(r"requests_per_s (\d+)", outcome.output)
    return outcome.answered(round(int(found.group(1)) * seconds), seconds)


def rounds(count, contenders):
    """Lets {name: function} take turns, and the order turn round: a list of {name: result}."""
    done = []
    for number in range(count):
        names = list(contenders)
        if number % 2:
            names.reverse()
        done.append({name: contenders[name]() for name in names})
    return done


def median(values):
    return statistics.median(list(values))


def descendants(pid):
    """A process and all below it."""
    pids = [pid]
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            for child in children.read().split():
                pids += descendants(int(child))
    except OSError:
        pass
    return pids


def wait_for(what, holds, seconds=10.0):
    """The first true value of holds()."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = holds()
        if value:
            return value
        time.sleep(0.002)
    return give_up(f"{what}: not within {seconds} s")


def verdict(value, must, aim, at_most):
    def holds(bound):
        return value <= bound if at_most else value >= bound
    if holds(aim):
        return "met, and the aim"
    if holds(must):
        return "met"
    return f"MISSED by {abs(value / must - 1) * 100:.1f} %"


def judge(name, value, must, aim, detail, at_most=True, unit=""):
    """The one line of a benchmark; tests/bench/run counts it by its verdict."""
    sign = "<=" if at_most else ">="
    print(f"{name:<12} {value:7.3g} {unit or 'x':<4} must {sign} {must:<5g} aim {aim:<5g} "
          f"{verdict(value, must, aim, at_most)}  ({detail})", flush=True)


def ends(process, number=signal.SIGTERM, seconds=20):
    """Ends a process that we started, and waits for it."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
