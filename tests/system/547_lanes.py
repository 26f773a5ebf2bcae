#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""Data between hosts has a connection of its own, whose loss, flood or absence costs nothing but
resolution: over loopback, with a proxy where a connection is to be lost."""
import os
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import wire
from faketree import TMP, run_cases, wait_for
from hosts import MANAGER_PORT, Authority, Host, nodes_of, wait_alive
from tree import FINAL, Target, cases_of, check_identities, json, memory_of

HELLO_ACK, PING, PONG, WREG, WREG_ACK, WHB, EXEC_PROGRESS, MHB = 2, 3, 4, 60, 61, 62, 65, 52
GATE, MANAGER, WORKER = 2, 3, 4
V1_0, V1_1, OLD, NEW = 1 << 16, 1 << 16 | 1, 15, 31
FLOOD_S = 5


class Loopback:
    """In place of a switch: each host has an address of its own on the loopback interface."""

    def __init__(self):
        self.count = 0

    def address_of(self, number):
        return f"127.{64 + os.getpid() // 250 % 64}.{os.getpid() % 250 + 1}.{number}"

    def plug(self):
        self.count += 1
        return os.getpid(), self.address_of(self.count), None


class Cluster:
    """a: the gate; b: manager and worker of dc-b. Others as a case wants them."""

    def __init__(self, name, gate_at=None, led=""):
        self.name, self.net, self.authority = name, Loopback(), Authority(f"{name}-ca")
        self.target, self.hosts = Target(), []
        self.a = self.add("a", ["gate"], "dc-a")
        self.b = self.add("b", ["manager", "worker"], "dc-b",
                          cluster={"seed_gates": [gate_at or self.a.gate_at()], "leader": led})
        for host in self.hosts:
            host.start()
        if not gate_at:
            wait_alive(self.a, "managers", [f"{name}-b"])

    def add(self, letter, roles, datacenter, **more):
        self.hosts.append(Host(self.net, f"{self.name}-{letter}", roles, datacenter,
                               self.authority, **more))
        return self.hosts[-1]

    def add_worker(self, letter, manager_at):
        host = self.add(letter, ["worker"], "dc-b", cluster={"seed_managers": [manager_at]})
        host.start()
        wait_alive(self.b, "workers", [host.config["node"]["name"]])
        return host

    def submit(self, seconds, rate=100):
        plan = {"version": 1, "name": "lanes", "datacenters": {"include": ["dc-b"]},
                "workflows": [{"name": "w", "steps": [{"name": "s", "url": self.target.url}],
                               "load": {"model": "open", "rate": f"{rate}/s",
                                        "for": f"{seconds}s", "max_in_flight": 64}}]}
        path = os.path.join(self.a.dir, "plan.json")
        with open(path, "w") as file:
            json.dump(plan, file)
        return self.a.submit(path)

    def finish(self, job_id, offered):
        """The job completes, and its figures are the target's."""
        row = self.a.wait_job(job_id, lambda row: row["state"] in FINAL, 90)
        assert row["state"] == "COMPLETED", row
        document = self.a.results(job_id)
        check_identities(document)
        requests, seen = document["requests"], self.target.counts()["requests"]
        assert requests["offered"] == offered and requests["lost"] == 0, requests
        assert requests["completed"] == seen, (requests, seen)  # a late machine drops some
        return document

    def has_lane(self, worker):
        row = nodes_of(self.b, "workers").get(worker, {})
        return row.get("has_data_lane", False)

    def end(self):
        for host in self.hosts:
            host.stop_quietly()
        self.target.stop()


class Proxy:
    """Passes connections on to an address; the first of a pair is number 0, its lane 1."""

    def __init__(self, to):
        self.to, self.pairs, self.stuck = to, [], set()
        self.listener = socket.create_server((to[0], 0))
        self.address = "%s:%d" % self.listener.getsockname()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            ours, _ = self.listener.accept()
            pair = (ours, socket.create_connection(self.to))
            self.pairs.append(pair)
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self.pump, args=(len(self.pairs) - 1, source, sink),
                                 daemon=True).start()

    def pump(self, number, source, sink):
        try:
            while data := source.recv(1 << 16):
                if number not in self.stuck:
                    sink.sendall(data)
        except OSError:
            pass
        self.cut(number)

    def cut(self, number):
        for end in self.pairs[number]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def open_count(self):
        return len([pair for pair in self.pairs if pair[0].fileno() >= 0])


class Peer:
    """A node of ours that says what no node of ours would, over TLS."""

    def __init__(self, directory, server=False):
        protocol = ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT
        self.context = ssl.SSLContext(protocol)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.context.set_alpn_protocols(["hs/1"])
        self.context.load_cert_chain(os.path.join(directory, "node.crt"),
                                     os.path.join(directory, "node.key"))

    def connect(self, address):
        plain = socket.create_connection(address, 10)
        return Link(self.context.wrap_socket(plain))


class Link(wire.Gate):
    """A connection that speaks frames."""

    def __init__(self, sealed):  # pylint: disable=super-init-not-called
        self.socket, self.received = sealed, b""
        self.socket.settimeout(10)
        self.lock = threading.Lock()

    def say(self, data):
        with self.lock:
            self.socket.sendall(data)

    def hear(self):
        try:
            return super().hear()
        except OSError:  # closed under it
            return None, None

    def wait(self, kind):
        while True:
            heard, fields = self.hear()
            if heard in (kind, None):
                return fields


class FakeWorker:
    """A worker of dc-b with one core, which takes no work, answers and lives."""

    def __init__(self, cluster, name, version=V1_1, features=NEW):
        directory = os.path.join(TMP, f"{name}-credentials")
        cluster.authority.issue(f"dc-b/worker/{name}", directory)
        self.peer, self.address = Peer(directory), (cluster.b.address, MANAGER_PORT)
        self.id, self.name = (name.encode() * 16)[:16], name.encode()
        self.hello = {1: WORKER, 2: self.id, 3: 1, 4: 1, 6: version, 7: features, 8: self.name,
                      9: b"dc-b", 14: 42}
        self.first = self.open(0)
        self.first.say(wire.frame(WREG, {1: self.id, 2: 1, 3: 1, 4: 1, 9: self.name, 10: b"dc-b"}))
        answer = self.first.wait(WREG_ACK)
        assert answer and answer[1] == 0, answer
        self.session, self.is_over, self.is_cut = answer[2], False, False
        self.beat()
        for work in (self.live, self.listen):
            threading.Thread(target=work, daemon=True).start()

    def open(self, lane, link=42):
        """A connection that has been greeted."""
        opened = self.peer.connect(self.address)
        opened.say(wire.frame(wire.HELLO, {**self.hello, 13: lane, 14: link}))
        answer = opened.wait(HELLO_ACK)
        assert answer and answer[1] == 0, answer
        return opened

    def beat(self):
        self.first.say(wire.frame(WHB, {1: self.session, 2: 0, 3: 0, 5: 1}, 0))

    def live(self):
        while not self.is_over:
            time.sleep(0.5)
            try:
                self.beat()
            except OSError:
                return

    def listen(self):
        while True:
            kind, fields = self.first.hear()
            if kind is None:
                self.is_cut = not self.is_over
                return
            if kind == PING:
                self.first.say(wire.frame(PONG, fields, 0))

    def progress(self):
        """Of a share that nobody knows."""
        exec_id = bytes(16) + b"\0\0\0\0"
        return wire.frame(EXEC_PROGRESS, {1: exec_id, 2: 1, 3: 1, 4: 1, 6: 1}, 7)

    def end(self):
        self.is_over = True
        self.first.close()


def a_jobs_figures_have_a_connection_of_their_own():
    cluster = Cluster("up")
    proxy = Proxy((cluster.b.address, MANAGER_PORT))
    cluster.add_worker("c", proxy.address)
    wait_for("the worker's lane", lambda: cluster.has_lane("up-c"), 10)
    wait_for("the manager's lane", lambda: nodes_of(cluster.a, "managers")["up-b"]["has_data_lane"],
             10)
    assert not cluster.has_lane("up-b"), "that of the same host"
    assert len(proxy.pairs) == 2, proxy.pairs
    assert cluster.b.counter("manager", "data_lanes_opened") == 2
    cluster.finish(cluster.submit(3), 300)
    assert cluster.b.counter("manager", "data_lanes_lost") == 0
    assert len(proxy.pairs) == 2, proxy.pairs
    cluster.end()


def a_lane_that_is_lost_or_dead_comes_back_and_costs_no_figure():
    cluster = Cluster("lost")
    proxy = Proxy((cluster.b.address, MANAGER_PORT))
    worker = cluster.add_worker("c", proxy.address)
    wait_for("the lane", lambda: cluster.has_lane("lost-c"), 10)
    job_id = cluster.submit(20, rate=50)
    cluster.a.wait_job(job_id, lambda row: row["completed"] > 50)
    proxy.cut(1)
    wait_for("another lane", lambda: len(proxy.pairs) == 3 and cluster.has_lane("lost-c"), 10)
    before = cluster.a.job(job_id)["completed"]
    cluster.a.wait_job(job_id, lambda row: row["completed"] > before + 50)
    proxy.stuck.add(2)  # nobody says that it is dead
    worker.wait_says("no data lane", "no answer", seconds=30)
    wait_for("a third one", lambda: len(proxy.pairs) >= 4 and cluster.has_lane("lost-c"), 20)
    cluster.finish(job_id, 1000)
    assert cluster.b.counter("manager", "links_lost") == 0
    assert worker.counter("worker", "links_lost") == 0
    assert worker.counter("worker", "data_lanes_lost") == 2
    for kind in ("worker_lost", "worker_left"):
        assert not cluster.b.events(kind=kind), cluster.b.events(kind=kind)
    cluster.end()


def flood(fake, lane, deadline):
    """As much as the manager takes: frames that were sent."""
    frames = fake.progress() * 1000
    sent = 0
    lane.socket.settimeout(0.2)
    while time.monotonic() < deadline:
        try:
            lane.socket.sendall(frames)
            sent += 1000
        except TimeoutError:
            return sent + flood(fake, fake.open(1), deadline)  # a record was cut: anew
    return sent


def a_manager_that_is_flooded_with_data_stays_what_it_is():
    """T1.3"""
    cluster = Cluster("flood", led="flood-b")
    other = cluster.add("e", ["manager"], "dc-b",
                        cluster={"seed_managers": [cluster.b.manager_at()], "leader": "flood-b",
                                 "seed_gates": [cluster.a.gate_at()]})
    other.start()
    cluster.add_worker("c", cluster.b.manager_at())
    fake = FakeWorker(cluster, "flood-x")
    lane = fake.open(1)
    wait_for("its lane", lambda: cluster.has_lane("flood-x"), 10)
    manager = cluster.b.rows()["manager"]
    job_id = cluster.submit(FLOOD_S, rate=50)
    before, most = memory_of(manager["pid"])[0], 0
    deadline = time.monotonic() + FLOOD_S + 2
    sent = []
    flooder = threading.Thread(target=lambda: sent.append(flood(fake, lane, deadline)))
    flooder.start()
    while flooder.is_alive():
        flooder.join(0.2)
        most = max(most, memory_of(manager["pid"])[0])
        assert nodes_of(cluster.a, "managers")["flood-b"]["state"] == "ALIVE"
    cluster.finish(job_id, FLOOD_S * 50)
    print(f"  {sent[0]} frames sent, {cluster.b.counter('manager', 'frames_rate_limited')} refused,"
          f" {cluster.b.counter('manager', 'data_lane_holds')} holds,"
          f" memory grew by {(most - before) >> 10} KiB")
    assert cluster.b.counter("manager", "data_lane_holds") > 5
    assert cluster.b.counter("manager", "frames_rate_limited") > 1000
    assert cluster.b.counter("manager", "control_refused") == 0
    assert most - before < 64 << 20, (before, most)
    assert not fake.is_cut, "who floods has lost its lane at most"
    for host in (cluster.a, cluster.b, other):
        for kind in ("member_suspect", "member_dead"):
            assert not host.events(kind=kind), host.events(kind=kind)
    assert cluster.b.rows()["manager"]["pid"] == manager["pid"]
    fake.end()
    cluster.end()


def of_many_lanes_of_one_peer_the_newest_stays_and_others_are_refused():
    cluster = Cluster("many")
    fake = FakeWorker(cluster, "many-x")
    lanes = [fake.open(1) for _ in range(6)]
    for lane in lanes[:-1]:
        assert lane.wait(-1) is None, "an older one is closed"
    lanes[-1].say(fake.progress())
    assert lanes[-1].wait(66), "the newest one answers"
    opened = cluster.b.counter("manager", "data_lanes_opened")
    assert opened - cluster.b.counter("manager", "data_lanes_lost") == 2, opened  # and the gate's
    refused = fake.open(1, link=43).wait(wire.REFUSED)
    assert b"not there" in refused[4], refused
    lanes[-1].say(wire.frame(WHB, {1: fake.session, 2: 0, 3: 0}, 0))
    assert lanes[-1].wait(-1) is None, "control does not go over a lane"
    assert not fake.is_cut
    fake.end()
    cluster.end()


def an_older_worker_has_one_connection():
    """T16.1"""
    cluster = Cluster("old")
    fake = FakeWorker(cluster, "old-x", version=V1_0, features=OLD)
    heard = {}
    fake.first.say(fake.progress())
    wait_for("the worker is there",
             lambda: nodes_of(cluster.b, "workers").get("old-x", {}).get("state") == "DRAINING", 10)
    assert not cluster.has_lane("old-x"), heard
    refused = fake.open(1).wait(wire.REFUSED)
    assert b"does not know" in refused[4], refused
    assert not fake.is_cut
    fake.end()
    cluster.end()


def an_older_gate_has_one_connection():
    """T16.1"""
    net = Loopback()
    address = net.address_of(99)
    listener = socket.create_server((address, 0))
    cluster = Cluster("elder", gate_at="%s:%d" % listener.getsockname())
    directory = os.path.join(TMP, "elder-gate")
    cluster.authority.issue("dc-a/gate/elder-g", directory)
    peer = Peer(directory, server=True)
    listener.settimeout(20)
    plain, _ = listener.accept()
    link = Link(peer.context.wrap_socket(plain, server_side=True))
    hello = link.wait(wire.HELLO)
    assert hello[6] == V1_1 and hello[7] == NEW and hello.get(13, 0) == 0, hello
    link.say(wire.frame(HELLO_ACK, {1: 0, 3: b"g" * 16, 4: 1, 5: 1, 7: OLD, 9: GATE, 10: V1_0}))
    beats = [link.wait(MHB) for _ in range(4)]  # one a second
    assert all(beats), beats
    listener.settimeout(0.1)
    try:
        raise AssertionError(f"dialled again: {listener.accept()}")
    except TimeoutError:
        pass
    cluster.end()


run_cases(cases_of(globals(), helpers=("flood",)))
