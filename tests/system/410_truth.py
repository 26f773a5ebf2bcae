#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""What is reported is what happened, as others saw it: a server that notes for itself when each
request came and when it was answered, and nginx with its own clock; counts to the last request,
whatever the rate, the engines and the end."""
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from faketree import Skipped
from tree import (CLIENT, TMP, Target, cases_of, check_identities, client, free_port, hold, json,
                  on_a_quiet_machine, run_cases, run_json, show, time, wait_for)

NEAR = 0.03


class Witness:
    """Serves each connection in a thread of its own; the delay of request k is delay(k) seconds, by
    its own clock."""

    def __init__(self, delay):
        # [came, answered], in the order they came
        self.delay, self.lock, self.seen = delay, threading.Lock(), []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        text = b""
        while True:
            try:
                piece = connection.recv(65536)
                came = time.monotonic()
                if not piece:
                    return
                text += piece
                if not text.endswith(b"\r\n\r\n"):
                    continue
                text = b""
                with self.lock:
                    row = [came, None]
                    self.seen.append(row)
                    number = len(self.seen) - 1
                time.sleep(self.delay(number))
                row[1] = time.monotonic()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except OSError:
                return

    def times(self, first=0):
        """Sorted, in ns."""
        return sorted((answered - came) * 1e9 for came, answered in self.seen[first:] if answered)

    def close(self):
        self.listener.close()


def rank(times, quantile):
    return times[max(0, -int(-quantile * len(times) // 1) - 1)]


def compare(document, name, times):
    """Percentiles and mean against the sorted times of somebody else."""
    reported, what = document[f"{name}_time_ns"], f"{name} time"
    wanted = {"p50": rank(times, 0.5), "p90": rank(times, 0.9), "mean": sum(times) / len(times)}
    if len(times) >= 1000:  # fewer say nothing about it
        wanted["p99"] = rank(times, 0.99)
    assert reported["count"] == len(times), (reported["count"], len(times))
    print(f"  {what}: " + ", ".join(f"{name} {reported[name] / 1e6:.2f} against {ns / 1e6:.2f} ms"
                                    for name, ns in wanted.items()))
    for name, ns in wanted.items():
        hold(document, abs(reported[name] - ns) <= NEAR * ns, f"{name} of {what} is "
             f"{reported[name]}, not {ns} within 3 %")


@on_a_quiet_machine
def delays_of_an_open_load_come_back():
    witness = Witness(lambda number: 0.4 if number % 5 == 4 else 0.2)
    document = run_json(witness.url, "-R", "100/s", "-d", "10s")
    check_identities(document)
    requests, times = document["requests"], witness.times()
    print(f"  {show(requests)}")
    assert requests["completed"] == requests["offered"] == len(times) == 1000, requests
    compare(document, "service", times)
    compare(document, "response", times)
    came = [row[0] for row in witness.seen]
    off = sorted(abs(at - came[0] - number / 100) for number, at in enumerate(came))
    print(f"  arrivals are off by {rank(off, 0.5) * 1e3:.3f} ms (half of them), "
          f"{rank(off, 0.9) * 1e3:.3f} ms (nine in ten)")
    hold(document, rank(off, 0.9) < 0.005, off[-10:])
    witness.close()


@on_a_quiet_machine
def a_closed_load_is_as_fast_as_its_users():
    witness = Witness(lambda number: 0.2)
    document = run_json(witness.url, "-c", "20", "-d", "4s")
    check_identities(document)
    requests, times = document["requests"], witness.times()
    print(f"  {show(requests)}")
    assert requests["completed"] == requests["sent"] == len(times), requests
    compare(document, "response", times)
    users = requests["completed"] * document["response_time_ns"]["mean"] / document["duration_ns"]
    hold(document, abs(users - 20) <= 0.03 * 20, f"Little's law sees {users} users")
    witness.close()


@on_a_quiet_machine
def the_warm_up_is_not_measured():
    witness = Witness(lambda number: 0.5 if number < 100 else 0.2)
    document = run_json(witness.url, "-R", "100/s", "--warmup", "1s", "-d", "2s")
    check_identities(document)
    assert document["requests"]["offered"] == document["requests"]["completed"] == 200, \
        document["requests"]
    assert len(witness.seen) == 300, len(witness.seen)
    compare(document, "response", witness.times(100))
    witness.close()


@on_a_quiet_machine
def what_is_in_flight_at_the_end_is_drained_or_cut():
    witness = Witness(lambda number: 0.5)
    document = run_json(witness.url, "-R", "20/s", "-d", "2s")
    assert document["requests"]["completed"] == 40 and document["requests"]["cut"] == 0, \
        document["requests"]
    document = run_json(witness.url, "-R", "20/s", "-d", "2s", "--drain", "125ms")
    requests = document["requests"]
    check_identities(document)
    print(f"  {show(requests)}")
    assert requests["offered"] == requests["sent"] == 40, requests
    wait_for(f"80 requests, not {len(witness.seen)}", lambda: len(witness.seen) == 80)
    hold(document, 6 <= requests["cut"] <= 9, requests)  # 8 began in 375 ms
    witness.close()


def every_rate_offers_its_count():
    runs = []
    for rate, wanted in (("0.1/s", 1), ("1/s", 10), ("7/s", 70), ("333/s", 3330)):
        target = Target()
        runs.append((target, wanted, subprocess.Popen(
            [CLIENT, "run", target.url, "-R", rate, "-d", "10s", "--json", "-q"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)))
    for target, wanted, process in runs:
        document = json.loads(process.communicate(timeout=40)[0])
        counts = target.stop()
        check_identities(document)
        print(f"  {show(document['requests'])}; the target counted {counts['requests']}")
        assert process.returncode == 0, process.returncode
        requests = document["requests"]
        assert requests["offered"] == requests["completed"] == counts["requests"] == wanted, wanted


def the_shares_of_several_engines_add_up():
    target = Target()
    for flags, wanted in ((("-R", "1001/s", "-d", "3s"), 3003), (("-R", "7/s", "-d", "1s"), 7),
                          (("-n", 1001, "-c", 5), 1001),
                          (("-n", 10, "-c", 1), 10), (("-n", 3, "-c", 20), 3)):
        before = target.counts()["requests"]
        document = run_json(target.url, "--cores", 3, *flags)
        check_identities(document)
        counted = target.counts()["requests"] - before
        print(f"  {flags}: {show(document['requests'])}; {document['engines']} engines; the target "
              f"counted {counted}")
        requests = document["requests"]
        assert requests["offered"] == requests["completed"] == counted == wanted, (flags, wanted)
    target.stop()


@on_a_quiet_machine
def a_rate_that_cannot_be_met_is_said():
    target = Target("--delay", "100ms")
    done = client("run", target.url, "-R", "1000/s", "-c", 5, "-d", "2s", "--json", "-q")
    document = json.loads(done.stdout)
    counts = target.stop()
    check_identities(document)
    requests = document["requests"]
    print(f"  exit code {done.returncode}; {show(requests)}; {document['verdict']}")
    assert requests["offered"] == 2000 and requests["sent"] == counts["requests"], \
        (requests, counts)
    assert requests["dropped"] == 2000 - requests["sent"], requests
    assert document["verdict"]["measurement"] == "INVALID", document["verdict"]
    assert any("dropped" in reason for reason in document["verdict"]["reasons"]), \
        document["verdict"]
    hold(document, document["lag_ns"]["mean"] < document["response_time_ns"]["p50"] / 10,
         "waiting for a user is no lateness")
    hold(document, document["response_time_ns"]["p50"] > 5 * document["service_time_ns"]["p50"],
         document)
    hold(document, 1.9e9 < document["duration_ns"] < 2.6e9, document["duration_ns"])
    hold(document, 90 <= requests["sent"] <= 105, requests)


def the_largest_plan_has_room_for_its_figures():
    target = Target("--delay", "200us")
    plan = {"version": 1, "name": "large", "workflows": [{
        "name": "w", "load": {"model": "closed", "vus": 4, "iterations": 8},
        "warmup": {"for": "100ms"},
        "steps": [{"name": f"s{number}", "url": target.url} for number in range(1000)]}]}
    with open(TMP + "/large.json", "w") as file:
        json.dump(plan, file)
    document = run_json(TMP + "/large.json", "--cores", 2)
    counts = target.stop()
    check_identities(document)
    requests = document["requests"]
    print(f"  {show(requests)}; {len(document['steps'])} steps; the target counted "
          f"{counts['requests']}")
    assert len(document["steps"]) == 1000 and requests["failed"] == 0, requests
    # However fast the machine is, the warm-up holds no more than 500 answers of each user.
    assert 6000 <= requests["completed"] <= counts["requests"] == 8000, (requests, counts)


NGINX = """
daemon off; master_process off; pid {tmp}/nginx.pid; error_log {tmp}/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format times "$request_time"; access_log {tmp}/access.log times; keepalive_requests 1000000;
  client_body_temp_path {tmp}/b; proxy_temp_path {tmp}/p; fastcgi_temp_path {tmp}/f;
  uwsgi_temp_path {tmp}/u; scgi_temp_path {tmp}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {url}; }} }}
}}
"""


@on_a_quiet_machine
def nginx_has_the_same_times():
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(program):
        raise Skipped("nginx is not installed")
    witness, port = Witness(lambda number: 0.4 if number % 5 == 4 else 0.2), free_port()
    with open(TMP + "/nginx.conf", "w") as config:
        config.write(NGINX.format(tmp=TMP, port=port, url=witness.url))
    server = subprocess.Popen([program, "-p", TMP, "-c", TMP + "/nginx.conf"])
    wait_for("nginx", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 10)
    document = run_json(f"http://127.0.0.1:{port}/", "-R", "100/s", "-d", "5s")
    server.terminate()
    assert server.wait(10) == 0
    times = sorted(float(found) * 1e9
                   for found in re.findall(r"^[0-9.]+$", open(TMP + "/access.log").read(), re.M))
    compare(document, "service", times)
    witness.close()


run_cases(cases_of(globals(), ("rank", "compare")))
