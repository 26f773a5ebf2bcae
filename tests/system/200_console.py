#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# beside: others
"""The status socket and the metrics page of a real daemon: what they show, who may do what, and
what they withstand."""
import errno
import json
import os
import random
import signal
import socket
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from faketree import HASTY, Tree, Yardstick, run_cases, wait_for

DAEMON = os.path.join(os.environ["HS_BUILD"], "hyperscaled")
EVERYBODY = {"console", "gate", "manager", "worker", "engine.0"}
GETS = ("status", "processes", "managers", "workers", "jobs", "counters", "events", "deaths", "log",
        "dispatch_times", "latency")
NOBODY = 65534


class Daemon(Tree):
    """The daemon itself in place of the tree of fakes, in a place named after the case."""

    def __init__(self, console=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        extra = {"console": {"metrics_address": f"127.0.0.1:{self.port}", **(console or {})},
                 "node": {"name": "test-host", "datacenter": "eu-1"}}
        super().__init__(sys._getframe(1).f_code.co_name, engines=1, supervisor=HASTY, extra=extra)

    def arguments(self, verb):
        return [DAEMON] + super().arguments(verb)[1:]

    def get(self, request):
        answer = json.loads(self.ask(request if request.startswith("{")
                                     else json.dumps({"get": request})))
        assert answer["schema"] == 1, answer
        return answer

    def rows(self):
        try:
            return {row["name"]: row for row in self.get("processes")["processes"]}
        except (OSError, ValueError):
            return {}

    def connect(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(self.run_dir + "/status.sock")  # waits while the queue is full
        client.settimeout(60)
        return client

    def page(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}",
                                        timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


WATCH = b'{"watch":"jobs","every_ms":60000}\n'


def line_of(client):
    with client.makefile() as stream:
        return json.loads(stream.readline())


def it_tells_who_the_host_is_and_how_everybody_does():
    daemon = Daemon().start()
    for what in GETS:
        assert what in daemon.get(what), what
    status = daemon.get("status")["status"]
    assert status["node"] == "test-host" and status["datacenter"] == "eu-1", status
    assert status["state"] == "ready" and status["pid"] == daemon.process.pid, status
    assert {row["name"] for row in status["processes"]} == EVERYBODY, status
    for name, row in daemon.rows().items():
        assert row["generation"] == 1 and row["restarts"] == 0 and row["ready_ns"] > 0, row
        assert row["backend"].startswith(("io_uring", "epoll")), row
        assert "parent_death" in row["confinement"], row
        assert row["loop_lag_ns"] < 60e9, row  # that of a turn, not of the machine
        assert row["heartbeat_age_ns"] < 2e9, row
        assert os.path.exists(f"/proc/{row['pid']}"), name
    assert any("ready" in row["line"] for row in daemon.get("log")["log"])
    counters = daemon.get('{"get":"counters","process":"console"}')["counters"]
    assert counters[0]["values"]["status_requests"] > 0
    daemon.stop()


def every_death_is_shown_with_its_cause():
    daemon = Daemon().start()
    before = daemon.rows()["engine.0"]
    os.kill(before["pid"], signal.SIGKILL)
    after = wait_for("a successor", lambda: (row := daemon.rows().get("engine.0")) and
                     row["generation"] == 2 and row["state"] == "ready" and row)
    assert after["restarts"] == 1 and "9" in after["last_death"], after
    deaths = daemon.get('{"get":"deaths","process":"engine.0"}')["deaths"]
    assert len(deaths) == 1 and deaths[0]["pid"] == before["pid"], deaths
    assert deaths[0]["signal"] == 9 and deaths[0]["exit_code"] is None and deaths[0]["was_ready"], \
        deaths
    assert daemon.get("status")["status"]["deaths"] == 1
    assert daemon.get('{"get":"deaths","process":"gate"}')["deaths"] == []
    daemon.stop()


def it_answers_while_others_hang():
    daemon = Daemon().start()
    stopped = [row["pid"] for name, row in daemon.rows().items() if name != "console"]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    with Yardstick() as yardstick:
        begin = time.monotonic()
        for what in GETS:
            daemon.get(what)
        assert time.monotonic() - begin < yardstick.allows(0.5, 5 * len(GETS)), \
            "it waited for somebody"
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    daemon.stop()


def actions_are_done_and_remembered():
    daemon = Daemon().start()
    before = daemon.rows()
    assert daemon.get('{"do":"restart","process":"worker"}')["done"] == "restart"
    wait_for("another worker", lambda: (row := daemon.rows().get("worker")) and
             row["pid"] != before["worker"]["pid"] and row["state"] == "ready")
    assert daemon.rows()["gate"]["pid"] == before["gate"]["pid"]
    assert daemon.get('{"do":"restart","process":"engine.63"}')["error"]["code"] == "E-ACTION"
    lines = [row["line"] for row in daemon.get('{"get":"log","process":"console"}')["log"]]
    assert any("action" in line and "worker" in line and f"uid={os.getuid()}" in line
               for line in lines), lines
    assert daemon.get('{"do":"drain"}')["done"] == "drain"
    wait_for("draining", lambda: daemon.get("status")["status"]["state"] == "draining")
    assert daemon.get('{"do":"stop"}')["done"] == "stop"
    assert daemon.process.wait(60) == 0


def a_reload_is_all_or_nothing():
    daemon = Daemon().start()
    before = daemon.rows()
    good = dict(daemon.config)
    daemon.write_config('{"gate": {"clients_max": 0}}')
    answer = daemon.get('{"do":"reload"}')
    assert answer["error"]["code"] == "E-ACTION", answer
    status = daemon.get("status")["status"]
    assert (status["config_generation"] == 1 and status["reload_failures"] == 1 and
            status["reload_error"]), status
    daemon.write_config(json.dumps({**good, "paths": {"state_dir": "/somewhere/else"},
                                    "node": {**good["node"], "cluster": "other"}}))
    answer = daemon.get('{"do":"reload"}')
    assert "cluster" in answer["error"]["message"], answer
    assert {name: row["pid"] for name, row in before.items()} == \
        {name: row["pid"] for name, row in daemon.rows().items()}, "somebody was restarted"
    daemon.write_config(json.dumps({**good, "log": {"level": "debug"}, "gate": {"clients_max": 7}}))
    assert daemon.get('{"do":"reload"}')["done"] == "reload"
    wait_for("another gate", lambda: (row := daemon.rows().get("gate")) and
             row["pid"] != before["gate"]["pid"] and row["state"] == "ready")
    assert daemon.rows()["worker"]["pid"] == before["worker"]["pid"], \
        "the worker has nothing to do with it"
    status = daemon.get("status")["status"]
    assert status["config_generation"] == 2 and status["reload_error"] == "", status
    daemon.stop()


def ask_as(daemon, groups, line):
    """The answer that somebody else gets, who is in these groups."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            text = daemon.ask(line)
        except OSError as error:
            text = f"error {error.errno}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    return text


def strangers_may_look_but_not_touch():
    if os.getuid() != 0:
        return
    daemon = Daemon().start()
    for directory in (daemon.dir, os.path.dirname(daemon.dir)):
        os.chmod(directory, 0o755)
    group = os.stat(daemon.run_dir + "/status.sock").st_gid
    assert ask_as(daemon, [], '{"get":"status"}') == f"error {errno.EACCES}"
    assert json.loads(ask_as(daemon, [group], '{"get":"status"}'))["status"]["state"] == "ready"
    for action in ("stop", "reload", "drain"):
        answer = json.loads(ask_as(daemon, [group], json.dumps({"do": action})))
        assert answer["error"]["code"] == "E-ACCESS", answer
    assert daemon.get("status")["status"]["state"] == "ready"
    daemon.stop()


def too_many_too_slow_and_too_much_are_turned_away():
    daemon = Daemon(console={"request_timeout": "1s"}).start()
    pid = daemon.rows()["console"]["pid"]
    # Those of before may still be on their way out.
    watchers = [wait_for("room for a watcher", lambda: connection_that_works(daemon, WATCH))
                for _ in range(16)]
    assert line_of(daemon.connect())["error"]["code"] == "E-BUSY"
    assert daemon.page("/healthz")[0] == 200  # has its own connections
    for client in watchers:
        client.close()
    slow = wait_for("room again", lambda: connection_that_works(daemon))
    slow.sendall(b'{"get":')
    begin = time.monotonic()
    assert slow.recv(1) == b"" and 0.5 < time.monotonic() - begin
    greedy = daemon.connect()
    try:
        greedy.sendall(b"x" * 100000)
        assert greedy.recv(1) == b""
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert daemon.rows()["console"]["pid"] == pid
    daemon.stop()


def connection_that_works(daemon, request=b'{"get":"jobs"}\n'):
    client = daemon.connect()
    try:
        client.sendall(request)
        return client if "jobs" in line_of(client) else None
    except OSError:
        return None


def noise_leaves_nothing_behind():
    daemon = Daemon().start()
    pid = daemon.rows()["console"]["pid"]
    chance = random.Random(1)
    before = len(os.listdir(f"/proc/{pid}/fd")) if os.getuid() == 0 else 0
    for _ in range(300):
        with daemon.connect() as client:
            try:
                client.sendall(chance.randbytes(chance.randrange(200)) +
                               chance.choice((b"\n", b"")))
            except OSError:
                pass
    wait_for("no connection left", lambda: connection_that_works(daemon))
    if before:
        wait_for("no descriptor left", lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before + 1)
    assert daemon.rows()["console"]["pid"] == pid
    assert daemon.get("status")["status"]["deaths"] == 0
    daemon.stop()


def the_console_is_replaced_without_a_word_to_the_others():
    daemon = Daemon().start()
    before = daemon.rows()
    os.kill(before["console"]["pid"], signal.SIGKILL)
    after = wait_for("another console", lambda: (rows := daemon.rows()) and
                     rows["console"]["generation"] == 2 and rows)
    for name in EVERYBODY - {"console"}:
        assert after[name]["pid"] == before[name]["pid"], name
    counters = daemon.get('{"get":"counters","process":"console"}')["counters"][0]["values"]
    assert counters["status_requests"] > 2, "counters survive their process"
    daemon.stop()


def metrics_agree_with_the_status_socket():
    daemon = Daemon().start()
    code, text = daemon.page("/metrics")
    assert code == 200
    assert 'hyperscale_process_ready{process="gate"} 1' in text
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(names) == len(set(names)), "a family is announced twice"
    for counter in daemon.get("counters")["counters"][0]["values"]:
        assert f"hyperscale_{counter}" in text, counter
    assert daemon.page("/healthz") == (200, "ok\n")
    wait_for("ready", lambda: daemon.page("/readyz") == (200, "ready\n"))
    status = daemon.get("status")["status"]
    assert status["ready"] is True and status["not_ready"] == "", status
    assert daemon.page("/")[0] == 404
    os.kill(daemon.rows()["engine.0"]["pid"], signal.SIGKILL)
    wait_for("a death", lambda: "hyperscale_deaths_total 1" in daemon.page("/metrics")[1])
    wait_for("health again", lambda: daemon.page("/healthz")[0] == 200)
    assert daemon.get('{"do":"drain"}')["done"] == "drain"
    unready = 503, "not ready: the host takes nothing new\n"
    wait_for("unready", lambda: daemon.page("/readyz") == unready)
    assert daemon.get("status")["status"]["ready"] is False
    daemon.stop()


run_cases((it_tells_who_the_host_is_and_how_everybody_does, every_death_is_shown_with_its_cause,
           it_answers_while_others_hang, actions_are_done_and_remembered,
           a_reload_is_all_or_nothing,
           strangers_may_look_but_not_touch, too_many_too_slow_and_too_much_are_turned_away,
           noise_leaves_nothing_behind, the_console_is_replaced_without_a_word_to_the_others,
           metrics_agree_with_the_status_socket))
