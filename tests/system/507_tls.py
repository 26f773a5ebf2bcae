#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""Clients on other hosts: a job goes through TLS like one through the socket; whoever may not is
told why in words; credentials are renewed, and taken back, while the daemon runs; whoever is no
client at all does no harm."""
import hashlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import (CLIENT, TMP, Daemon, Target, cases_of, client, closed_plan, free_port, json,
                  open_plan, run_cases, wait_for)
from wire import BLOB_ACK, BLOB_PUT, HELLO, ROLE_CLIENT, Remote, frame

OK, USAGE, CLUSTER = 0, 2, 5


def ca(*words):
    done = client("ca", *words)
    assert done.returncode == 0, done
    return done.stdout


class Authority:
    """An authority of cluster shop, environment prod."""

    def __init__(self, name):
        self.dir = os.path.join(TMP, "ca-" + name)
        ca("init", self.dir, "--cluster", "shop", "--environment", "prod")

    def issue(self, name, out, *flags):
        """The serial number."""
        return ca("issue", name, "--ca", self.dir, "--out", out, *flags).split()[0]

    def revoke(self, serial):
        ca("revoke", serial, "--ca", self.dir)


class Host(Daemon):
    """A daemon with every role and credentials for each."""

    def __init__(self, name, authority, **cluster):
        self.authority = authority
        self.credentials = os.path.join(TMP, "c-" + name)
        os.makedirs(self.credentials, mode=0o755, exist_ok=True)
        for role in ("gate", "manager", "worker"):
            authority.issue(f"east/{role}/h1", os.path.join(self.credentials, role))
        self.port = free_port()
        self.gate = f"127.0.0.1:{self.port}"
        super().__init__(name, node={"name": "h1", "datacenter": "east", "cluster": "shop",
                                     "environment": "prod"},
                         cluster={"credentials": self.credentials, "gate_address": self.gate,
                                  "manager_address": f"127.0.0.1:{free_port()}", **cluster})
        self.client_dir = os.path.join(TMP, "client-" + name)
        self.client_serial = authority.issue("east/client/ann", self.client_dir)

    def remote(self, verb, *words, credentials=None, **keywords):
        """A command over TLS."""
        return client(verb, *words, "--gate", self.gate, "--credentials", credentials or
                      self.client_dir, **keywords)

    def put(self, role, name, source):
        """One file in place of another, as a careful operator does it."""
        path = os.path.join(self.credentials, role, name)
        shutil.copy2(source, path + ".new")
        os.replace(path + ".new", path)


def refused(done, *words, code=CLUSTER):
    assert done.returncode == code, done
    for word in words:
        assert word in done.stderr, f"not said: {word}: {done.stderr}"
    assert done.stderr.count("\n") <= 2, done.stderr
    return done.stderr.strip()


def a_job_goes_through_tls():
    target = Target()
    host = Host("job", Authority("job")).start()
    done = host.remote("submit", host.write_plan(closed_plan(target.url, 10, "2s")), "-q")
    assert done.returncode == OK, done
    job_id = done.stdout.strip()
    watched = host.remote("watch", job_id, "--json", "-q")
    assert watched.returncode == OK, watched
    listed = json.loads(host.remote("list", "--json").stdout)["jobs"]
    assert [row["id"] for row in listed] == [job_id], listed
    status = json.loads(host.remote("status", job_id, "--json").stdout)
    assert "COMPLETED" in json.dumps(status), status
    over_tls = json.loads(host.remote("results", job_id, "--json").stdout)
    assert over_tls["requests"]["completed"] > 0, over_tls
    assert over_tls == host.results(job_id), "the socket has another result"
    wait_for("handshakes counted", lambda: host.counter("gate", "tls_handshakes") >= 5)
    environment = {**os.environ, "HYPERSCALE_GATE": host.gate,
                   "HYPERSCALE_CREDENTIALS": host.client_dir}
    assert client("list", env=environment).stdout.count(job_id[:8]) == 1
    local = client("list", "--socket", host.run_dir, env=environment)  # what is typed counts more
    assert local.returncode == OK, local
    print(f"  {over_tls['requests']['completed']} requests by a client over TLS")
    host.stop()
    target.stop()


def run_submits_and_an_interrupt_cancels():
    target = Target()
    host = Host("run", Authority("run")).start()
    done = host.remote("run", target.url, "-c", "5", "-d", "1s", "--json", "-q")
    assert done.returncode == OK, done
    document = json.loads(done.stdout)
    assert document["requests"]["completed"] > 0, document["requests"]
    assert host.listed()[document["run"]]["state"] == "COMPLETED", "a tree of its own has run it"
    process = subprocess.Popen([CLIENT, "run", target.url, "-R", "50/s", "-d", "60s", "--gate",
                                host.gate, "--credentials",
                                host.client_dir, "--json", "-q"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    row = wait_for("a second job", lambda: next((row for row in host.listed().values()
                                                 if row["state"] == "RUNNING"), None), 20)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    host.wait_job(row["id"], lambda row: row["state"] == "CANCELLED")
    refused(host.remote("run", target.url, "--cores", "2"), "--cores", code=USAGE)
    host.stop()
    target.stop()


def whoever_may_not_is_told_why():
    """BAD-4 BAD-8 In words, at his own end."""
    authority, other = Authority("why"), Authority("other")
    host = Host("why", authority).start()
    stranger, worker = os.path.join(TMP, "stranger"), os.path.join(TMP, "why-worker")
    other.issue("east/client/eve", stranger)
    authority.issue("east/worker/w9", worker)
    refused(client("list", "--gate", host.gate), "--credentials", code=USAGE)
    refused(client("list", "--gate", "gate", "--credentials", stranger), "HOST:PORT", code=USAGE)
    refused(host.remote("list", credentials="/nonexistent"), "/nonexistent")
    print("  " + refused(host.remote("list", credentials=stranger), "another authority's"))
    # One that does not mind the gate's certificate: the gate minds.
    mixed = os.path.join(TMP, "mixed")
    shutil.copytree(stranger, mixed)
    for name in ("ca.crt", "crl.pem"):
        shutil.copy2(os.path.join(host.client_dir, name), mixed)
    refused(host.remote("list", credentials=mixed), "node.crt")
    print("  " + refused(host.remote("list", credentials=worker), "is a worker's"))
    os.chmod(os.path.join(worker, "node.key"), 0o644)
    refused(host.remote("list", credentials=worker), "chmod 600")
    nobody = f"127.0.0.1:{free_port()}"
    print("  " + refused(client("list", "--gate", nobody, "--credentials", host.client_dir), nobody,
                         "refused"))
    target = Target()
    plain = f"127.0.0.1:{target.port}"
    print("  " + refused(client("list", "--gate", plain, "--credentials", host.client_dir), plain))
    refused(client("list", "--gate", "no-such-host.invalid:7400", "--credentials", host.client_dir),
            "no-such-host.invalid")
    refused(client("submit", target.url, "--gate", nobody, "--credentials", host.client_dir),
            "refused")
    assert host.remote("list").returncode == OK
    target.stop()
    host.stop()


class Pem:
    """OpenSSL's own client, with any certificate."""

    def __init__(self, directory):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.context.set_alpn_protocols(["hs/1"])
        if directory:
            self.context.load_cert_chain(os.path.join(directory, "node.crt"),
                                         os.path.join(directory, "node.key"))

    def knock(self, port):
        """What ends it, in OpenSSL's words; nothing: the gate has taken it."""
        try:
            with socket.create_connection(("127.0.0.1", port),
                                          10) as plain, self.context.wrap_socket(plain) as sealed:
                sealed.settimeout(1)
                return sealed.read(1) and "frames" or "end of file"
        except TimeoutError:
            return ""
        except (ssl.SSLError, ConnectionError) as error:
            return str(error).lower()


def the_gate_refuses_what_our_client_would_not_send():
    authority, other = Authority("knock"), Authority("knock2")
    host = Host("knock", authority).start()
    stranger, lost, worker = (os.path.join(TMP, name)
                              for name in ("knock-eve", "knock-lost", "knock-worker"))
    other.issue("east/client/eve", stranger)
    serial = authority.issue("east/client/lost", lost)
    authority.issue("east/worker/w9", worker)
    assert Pem(host.client_dir).knock(host.port) == "", "a good one waits for a HELLO"
    assert "unknown ca" in (said := Pem(stranger).knock(host.port)), said
    assert "certificate required" in (said := Pem(None).knock(host.port)), said
    assert Pem(lost).knock(host.port) == ""
    authority.revoke(serial)
    host.put("gate", "crl.pem", os.path.join(authority.dir, "crl.pem"))
    wait_for("the list in force", lambda: "revoked" in Pem(lost).knock(host.port), 10)
    assert Pem(worker).knock(host.port) in ("frames", "end of file"), "a worker is told at a gate"
    wait_for("counts", lambda: host.counter("gate", "certificates_refused") >= 2, 15)
    assert host.remote("list").returncode == OK
    for directory, words in ((stranger, "another authority's"), (lost, "revoked"),
                             (worker, "may not connect to a gate")):
        wait_for(f"a line of the log with {words}", lambda: Pem(directory).knock(host.port) and
                 words in host.log(), 20)
    host.stop()


def revoked_client_is_cut_off_within_five_seconds():
    """SEC-7 BAD-5 The new list counts for connections that are there already."""
    target = Target()
    authority = Authority("cut")
    host = Host("cut", authority).start()
    job_id = host.submit(host.write_plan(open_plan(target.url, "50/s", "60s")))
    watcher = subprocess.Popen([CLIENT, "watch", job_id, "--gate", host.gate, "--credentials",
                                host.client_dir, "-q"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for("a watcher", lambda: host.counter("gate", "clients_connected") == 1, 10)
    authority.revoke(host.client_serial)
    host.put("gate", "crl.pem", os.path.join(authority.dir, "crl.pem"))
    begin = time.monotonic()
    _, said = watcher.communicate(timeout=60)
    took = time.monotonic() - begin
    assert watcher.returncode == CLUSTER, (watcher.returncode, said)
    assert "is revoked, says the other end" in said, said
    assert took < 10, took  # five seconds on a machine that has time
    assert host.job(job_id)["state"] == "RUNNING", "the job goes on"
    print(f"  cut off after {took:.1f} s: {said.strip().splitlines()[-1]}")
    host.stop()
    target.stop()


def renewal_needs_no_restart():
    """SEC-6 A new certificate is used at once, a bad one never."""
    authority = Authority("renew")
    host = Host("renew", authority).start()
    pids = {name: row["pid"] for name, row in host.rows().items()}
    fresh, manager = os.path.join(TMP, "renew-gate"), os.path.join(TMP, "renew-manager")
    authority.issue("east/gate/h1", fresh)
    authority.issue("east/manager/h1", manager)
    host.put("gate", "node.crt", os.path.join(fresh, "node.crt"))  # without its key
    event = wait_for("refused", lambda: host.events(kind="credentials_refused"), 15)[0]
    assert "node.key is not the key of node.crt" in event["text"], event
    assert host.remote("list").returncode == OK, "the old ones serve on"
    host.put("gate", "node.key", os.path.join(fresh, "node.key"))
    wait_for("renewed", lambda: host.events(kind="credentials_renewed"), 15)
    assert host.remote("list").returncode == OK
    for name in ("node.crt", "node.key"):
        host.put("gate", name, os.path.join(manager, name))
    wait_for("refused again", lambda: any("another node's" in row["text"]
                                          for row in host.events(kind="credentials_refused")), 15)
    os.kill(pids["gate"], signal.SIGKILL)  # its successor gets what was found good
    wait_for("a new gate",
             lambda: host.rows().get("gate", {}).get("pid") not in (None, 0, pids["gate"]), 20)
    wait_for("the gate serves", lambda: host.remote("list").returncode == OK, 20)
    assert {name: row["pid"] for name, row in host.rows().items() if name != "gate"} == \
        {name: pid for name, pid in pids.items() if name != "gate"}
    assert host.counter("gate", "credentials_renewed") >= 1
    host.stop()


def what_is_put_right_is_there_when_a_role_that_gave_up_starts_again():
    authority = Authority("late")
    host = Host("late", authority)
    good, other = os.path.join(TMP, "late-good"), os.path.join(TMP, "late-other")
    shutil.copytree(os.path.join(host.credentials, "gate"), good)
    authority.issue("east/gate/h9", other)
    for name in ("node.crt", "node.key"):
        host.put("gate", name, os.path.join(other, name))
    host.start(is_ready=False)
    host.wait_row("gate", lambda row: row["state"] == "failed")
    for name in ("node.crt", "node.key"):
        host.put("gate", name, os.path.join(good, name))
    wait_for("the new files", lambda: "untried=yes" in host.log(), 20)
    assert host.get('{"do":"restart","process":"gate"}')["done"] == "restart"
    wait_for("the gate serves", lambda: host.remote("list").returncode == OK, 20)
    host.stop()


def daemon_with_bad_credentials_does_not_start():
    """BAD-16 Keys that others can read, or that are not there, are none."""
    authority = Authority("bad")

    def start(host, code, *words):
        done = subprocess.run(host.arguments("start"), capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done
        for word in words:
            assert word in done.stderr, f"not said: {word}: {done.stderr}"

    host = Host("bad", authority)
    os.chmod(os.path.join(host.credentials, "manager", "node.key"), 0o640)
    start(host, 77, "credentials of the manager", "chmod 600")
    os.chmod(os.path.join(host.credentials, "manager", "node.key"), 0o600)
    for role, mode in (("gate", 0o604), ("worker", 0o640), ("manager", 0o622)):
        keys = os.path.join(host.credentials, role, "gossip.keys")
        os.chmod(keys, mode)
        start(host, 77, f"credentials of the {role}", "gossip.keys", "chmod 600")
        os.chmod(keys, 0o600)
    os.rename(os.path.join(host.credentials, "gate", "gossip.keys"),
              os.path.join(host.credentials, "keys"))
    start(host, 78, "credentials of the gate", "gossip.keys")
    os.rename(os.path.join(host.credentials, "keys"),
              os.path.join(host.credentials, "gate", "gossip.keys"))
    shutil.rmtree(os.path.join(host.credentials, "worker"))
    start(host, 78, "credentials of the worker")


def strangers_do_no_harm():
    """BAD-1 SEC-2 Silence and noise take nobody's place for long."""
    host = Host("noise", Authority("noise")).start()
    pid = host.rows()["gate"]["pid"]
    # 64 may shake hands
    silent = [socket.create_connection(("127.0.0.1", host.port), 10) for _ in range(80)]
    noise = (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\x16\x03\x01\xff\xff" +
             os.urandom(70000), b"\0" * 100000)
    for _ in range(5):
        for text in noise:
            with socket.create_connection(("127.0.0.1", host.port), 10) as stranger:
                try:
                    stranger.sendall(text)
                except OSError:
                    pass
    done = host.remote("list")  # of the same network as the silent ones
    assert done.returncode in (OK, CLUSTER), done
    wait_for("the silent ones are cut off", lambda: host.remote("list").returncode == OK, 20)
    for each in silent:
        each.close()
    assert host.rows()["gate"]["pid"] == pid
    wait_for("counts", lambda: host.counter("gate", "tls_handshakes_failed") >= 64, 20)
    host.stop()


def one_certificate_leaves_places_to_others():
    """SEC-2 It has a quarter of the gate's clients, and few places at the door."""
    authority = Authority("places")
    host = Host("places", authority)
    host.config["gate"] = {"clients_max": 16}
    host.write_config()
    host.start()
    eve = os.path.join(TMP, "places-eve")
    authority.issue("east/client/eve", eve)
    greeting = frame(HELLO, {1: ROLE_CLIENT, 6: 1 << 16, 7: 15, 8: b"eve", 9: b"east"}, 0)
    held, context = [], Pem(eve).context

    def dial(says):
        sealed = context.wrap_socket(socket.create_connection(("127.0.0.1", host.port), 10))
        sealed.sendall(says)
        held.append(sealed)
        return sealed

    for _ in range(4):
        assert dial(greeting).read(4)
    wait_for("four of one certificate", lambda: host.counter("gate", "clients_connected") == 4, 20)
    told = b""
    with dial(greeting) as fifth:
        while piece := fifth.read(4096):
            told += piece
    assert b"this user has too many connections" in told, told
    assert host.remote("list").returncode == OK, "another one comes in"
    assert host.ask_gate("list").returncode == OK, "so does a user of this host"
    for _ in range(40):  # that say nothing: the door takes sixteen of one certificate
        dial(b"")
    wait_for("counts", lambda: host.counter("gate", "peers_refused") >= 24, 20)
    assert host.remote("list").returncode == OK
    assert host.counter("gate", "clients_connected") == 4
    for each in held:
        each.close()
    wait_for("all places free", lambda: host.counter("gate", "clients_connected") == 0, 20)
    host.stop()


def plans_never_finished_are_few():
    """SEC-60 Of one certificate; another one's are taken all the same."""
    authority = Authority("pieces")
    host = Host("pieces", authority).start()
    codes, held = [], []
    for name in ["eve"] * 10 + ["bob"]:
        directory = os.path.join(TMP, "pieces-" + name)
        if not os.path.exists(directory):
            authority.issue(f"east/client/{name}", directory)
        plain = socket.create_connection(("127.0.0.1", host.port), 10)
        gate = Remote(Pem(directory).context.wrap_socket(plain))
        gate.say(frame(HELLO, {1: ROLE_CLIENT, 6: 1 << 16, 7: 15, 8: name.encode(), 9: b"east"}, 0))
        digest = hashlib.sha256(str(len(held)).encode()).digest()
        pieces = {1: digest, 2: 4 << 20, 3: 0, 4: b"x" * 1000}
        codes.append(gate.ask(BLOB_PUT, pieces, BLOB_ACK)[1].get(2, 0))
        held.append(gate)
    assert codes[:8] == [0] * 8 and codes[10] == 0, codes
    assert all(codes[8:10]), codes
    held[0].close()
    wait_for("room for one more",
             lambda: held[9].ask(BLOB_PUT, pieces, BLOB_ACK)[1].get(2, 0) == 0, 20)
    for gate in held:
        gate.close()
    host.stop()


if __name__ == "__main__":
    run_cases(cases_of(globals(), ("ca", "refused")))
