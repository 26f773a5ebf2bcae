#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
"""Bad plans, words, configurations, requests and frames: each is refused with its code and all its
reasons, and the job that runs all the while does not notice."""
import json
import os
import random
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import wire
from tree import (DAEMON, TMP, Daemon, Target, check_identities, client, descriptors_of, open_plan,
                  run_cases, show, subprocess, wait_for)

W = '{"version":1,"workflows":[%s]}'
STEP = '"steps":[{"url":"http://127.0.0.1:9/"}]'
LOAD = '"load":{"model":"closed","vus":1,"for":"1s"}'
OK = '{"name":"a",%s,%s}' % (LOAD, STEP)
PLANS = (
    ("", ("E-FILE",)),
    ("{", ("E-JSON",)),
    ('{"version":1,}', ("E-JSON",)),
    ("\ufeff" + W % OK, ("E-FILE",)),
    (b"\xff\xfe", ("E-FILE",)),
    ("[" * 100 + "]" * 100, ("E-JSON",)),
    (W % OK + "x", ("E-JSON",)),
    ("[]", ("E-TYPE",)),
    ('{"version":1,"version":1,"workflows":[%s]}' % OK, ("E-DUP",)),
    ('{"version":2,"workflows":[%s]}' % OK, ("E-NUM",)),
    ('{"version":99999999999999999999,"workflows":[%s]}' % OK, ("E-NUM",)),
    ('{"version":1,"name":"\\u0000","workflows":[%s]}' % OK, ("E-NUL",)),
    ('{"version":1,"workflos":[%s]}' % OK, ("E-KEY", "E-REQ", 'did you mean "workflows"')),
    ('{"version":1}', ("E-REQ",)),
    (W % '{"name":"a","load":{"model":"closed","vus":"1","for":"1s"},%s}' % STEP, ("E-TYPE",)),
    (W % '{"name":"a","load":{"model":"closed","vus":1,"for":10},%s}' % STEP, ("E-TYPE",)),
    (W % '{"name":"a","load":{"model":"closed","vus":1,"for":"10 parsecs"},%s}' % STEP,
     ("E-UNIT",)),
    (W % '{"name":"a","load":{"model":"closed","vus":1,"for":"0s"},%s}' % STEP, ("E-UNIT",)),
    (W % '{"name":"a","load":{"model":"closed","vus":1,"rate":"5/s","for":"1s"},%s}' % STEP,
     ("E-EXCL",)),
    (W % '{"name":"a","load":{"model":"clsed","vus":1,"for":"1s"},%s}' % STEP,
     ("E-ENUM", 'did you mean "closed"')),
    (W % '{"name":"a","depends_on":["b"],%s,%s}' % (LOAD, STEP), ("E-REF",)),
    (W % (OK + "," + OK), ("E-DUPNAME",)),
    (W % '{"name":"a","depends_on":["b"],%s,%s},{"name":"b","depends_on":["a"],%s,%s}'
     % (LOAD, STEP, LOAD, STEP), ("E-CYCLE",)),
    (W % '{"name":"a",%s,"steps":[{"url":"http://h/${nobody}"}]}' % LOAD, ("E-VAR",)),
    (W % '{"name":"a",%s,"steps":[{"url":"htp://h/"}]}' % LOAD, ("E-URL",)),
    (W % '{"name":"a",%s,"steps":[{"url":"http://h/","method":"GTE"}]}' % LOAD,
     ("E-ENUM", 'did you mean "GET"')),
    (W % '{"name":"a",%s,"steps":[{"url":"http://h/","headers":{"x":"a\\r\\nb: c"}}]}' % LOAD,
     ("E-HDR",)),
    ('{"version":1,"limits":{"allow_hosts":["good"]},"workflows":[%s]}' % OK, ("E-LIMIT",)),
    # Several at once, all told.
    (W % '{"name":"a","lod":1,"steps":[{"method":"GTE","url":"htp://h/","timeout":5}]}',
     ("E-KEY", "E-ENUM", "E-URL", "E-TYPE")),
    ('{"version":1,"workflows":[%s]%s}' % (OK, "".join(',"k%d":1' % i for i in range(25))),
     ("E-KEY", "and 5 more")),
)
WORDS = (
    ("run",), ("run", "http://127.0.0.1:9/", "--conections", "3"),
    ("run", "http://127.0.0.1:9/", "-c", "0"),
    ("run", "http://127.0.0.1:9/", "-c", "many"), ("run", "http://127.0.0.1:9/", "-d", "10"),
    ("run", "http://127.0.0.1:9/", "-d", "1s", "-n", "5"),
    ("run", "http://127.0.0.1:9/", "-R", "fast"),
    ("run", "http://127.0.0.1:9/", "-d", "1s", "-d", "2s"),
    ("run", "http://127.0.0.1:9/", "--cores", "-1"),
    ("run", "http://127.0.0.1:9/", "-H", "no colon"), ("run", "http://127.0.0.1:9/", "-m", "G ET"),
    ("run", "ftp://127.0.0.1/"),
    ("run", "http://"), ("run", "http://127.0.0.1:99999/"), ("run", "a", "b"), ("dance",),
    ("target", "--mode", "nice"),
    ("target", "--listen", "nowhere"), ("target", "--stall", "1s"), ("status", "12"), ("watch",),
    ("cancel", "x" * 32),
    ("cancel", "0" * 32, "--workflow", "999"), ("list", "--gate", "h:1"), ("help", "nothing"),
    ("ping",), (),
)
REQUESTS = (
    ("nonsense", "E-JSON"), ("[]", "E-TYPE"), ("{}", "E-REQ"), ('{"gte":"status"}', "E-REQ"),
    ('{"get":"status","conut":1}', "E-KEY"), ('{"get":"proceses"}', "E-ENUM"),
    ('{"get":1}', "E-TYPE"), ('{"get":"status","do":"stop"}', "E-EXCL"),
    ('{"watch":"status","every_ms":0}', "E-NUM"),
    ('{"do":"restart"}', "E-REQ"), ('{"do":"dance"}', "E-ENUM"),
    ('{"do":"restart","process":"engine.63"}', "E-ACTION"),
)
CONFIGS = (
    ("", ()), ("{", ("E-JSON",)), ("[]", ("E-TYPE",)), ('{"gat":{}}', ("E-KEY", "gate")),
    ('{"roles":{"engines":"x"},"gate":{"clients_max":0},"lgo":{}}',
     ("engines", "clients_max", "lgo")),
    ('{"gate":{"active_jobs_max":1000,"finished_jobs_max":1000}}', ("active_jobs_max",)),
)


def bad_plans(daemon):
    path = os.path.join(TMP, "bad.json")
    for text, wanted in PLANS:
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        for verb in (("check",), ("run",), ("submit", "--socket", daemon.run_dir)):
            done = client(verb[0], path, *verb[1:])
            assert done.returncode == 3, (verb, text, done)
            for word in wanted:
                assert word in done.stderr, \
                    f"{verb[0]} does not say {word} of {text!r}: {done.stderr}"
            assert path.rsplit("/", 1)[1] in done.stderr, done.stderr
        done = client("check", path, "--json")
        problems = json.loads(done.stdout)["problems"]
        assert done.returncode == 3 and problems, done
        for problem in problems:
            assert set(problem) == {"code", "path", "line", "column", "message", "hint"}, problem
    for missing in (TMP, TMP + "/nothing.json"):
        assert client("check", missing).returncode == 3
    with open(path, "wb") as file:
        file.write(b'{"version":1,"x-":"' + b"a" * (4 << 20) + b'"}')
    assert client("check", path).returncode == 3
    print(f"  {len(PLANS) + 3} plans refused")


def bad_words(_daemon):
    for words in WORDS:
        done = client(*words)
        assert done.returncode == 2 and done.stderr.strip() + done.stdout.strip(), (words, done)
    for words in ((), ("dance",), ("start", "--nonsense"), ("start", "-c")):
        done = subprocess.run([DAEMON, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 64 and "usage" in done.stderr + done.stdout, (words, done)
    print(f"  {len(WORDS) + 4} command lines refused")


def bad_configurations(daemon):
    path = os.path.join(TMP, "bad-config.json")
    for text, wanted in CONFIGS:
        with open(path, "w") as file:
            file.write(text)
        for verb in ("check", "start"):
            done = subprocess.run([DAEMON, verb, "-c", path, "--run-dir", TMP + "/r", "--state-dir",
                                   TMP + "/s"],
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == 78, (verb, text, done)
            for word in wanted:
                assert word in done.stderr, f"{verb} does not say {word} of {text!r}: {done.stderr}"
        with open(daemon.config_path, "w") as file:
            file.write(text)
        done = daemon.call("reload")
        assert done.returncode == 1, done
    daemon.write_config()
    assert daemon.get("status")["status"]["config_generation"] == 1
    print(f"  {len(CONFIGS)} configurations refused")


def bad_requests(daemon):
    for line, code in REQUESTS:
        answer = json.loads(daemon.ask(line))
        assert answer["error"]["code"] == code, (line, answer)
    print(f"  {len(REQUESTS)} requests refused")


def noise(daemon):
    """Bytes by chance, headers that lie, messages of others, bodies that are cut: the connection
    goes, the gate stays."""
    chance = random.Random(7)
    folders = [os.path.join("tests/fuzz/corpus", name) for name in ("frame", "messages")]
    seeds = [open(os.path.join(folder, name), "rb").read() for folder in folders
             for name in sorted(os.listdir(folder))]
    for turn in range(400):
        gate = wire.Gate(daemon.run_dir + "/gate.sock", says_hello=turn % 2 == 0)
        kind = chance.randrange(4)
        if kind == 0:
            data = chance.randbytes(chance.randrange(1, 400))
        elif kind == 1:
            data = chance.choice(seeds)
        elif kind == 2:
            data = bytearray(chance.choice(seeds) + b"\0" * 16)
            for _ in range(4):
                data[chance.randrange(len(data))] = chance.randrange(256)
        else:
            data = wire.frame(chance.randrange(256), chance.randbytes(chance.randrange(64)))
        try:
            gate.say(bytes(data))
            if turn % 8 == 0:
                gate.socket.shutdown(socket.SHUT_WR)
                while gate.hear()[0] is not None:
                    pass
        except (OSError, ValueError, IndexError):
            pass
        gate.close()
    gate = wire.Gate(daemon.run_dir + "/gate.sock")
    gate.say(b"\xff\xff\xff\x7f" + b"\x01\0\x01\0" + b"\0" * 8)  # two gigabytes to come
    while gate.hear()[0] is not None:
        pass
    print("  400 connections of noise")


def what_only_a_bad_client_would_submit(daemon):
    """The gate believes no client: it checks the plan itself."""
    gate = wire.Gate(daemon.run_dir + "/gate.sock")
    refused = 0
    for number, (text, wanted) in enumerate(PLANS):
        plan = text if isinstance(text, bytes) else text.encode()
        if not plan:
            continue
        code, _, _, problems = gate.submit(plan, nonce=1000 + number)
        assert code == 15, (text, code)  # INVALID
        assert any(word in problems for word in wanted), (text, wanted, problems)
        refused += 1
    good = (W % OK).encode()
    assert gate.submit(good, nonce=1, _4=b"\0" * 32)[0] == 14, "a digest that is not the plan's"
    assert gate.submit(good, nonce=2, _5=len(good) + 1)[0] == 14, "a length that is not the plan's"
    assert gate.submit(good, nonce=3, _5=1 << 31)[0] in (14, 16), "a plan of two gigabytes"
    kind, answer = gate.ask(wire.STATUS_GET, {1: b"\1" * 16}, wire.STATUS)
    assert answer[1] == 21, answer  # UNKNOWN_JOB
    gate.close()
    print(f"  {refused} plans refused by the gate")


def whatever_comes_in_what_runs_goes_on():
    target = Target()
    daemon = Daemon("whatever_comes_in").start()
    pids = {name: row["pid"] for name, row in daemon.rows().items()}
    job_id = daemon.submit(daemon.write_plan(open_plan(target.url, "300/s", "12s")))
    daemon.wait_job(job_id, lambda row: row["state"] == "RUNNING")
    before = {name: len(descriptors_of(pid)) for name, pid in pids.items()}
    for part in (bad_plans, bad_words, bad_requests, bad_configurations,
                 what_only_a_bad_client_would_submit, noise):
        part(daemon)
    row = daemon.wait_job(job_id, lambda row: row["state"] == "COMPLETED", 60)
    assert set(daemon.listed()) == {job_id}, "something was taken for a job"
    document = daemon.results(job_id)
    counts = target.stop()
    check_identities(document)
    print(f"  {show(document['requests'])}; the target counted {counts}")
    requests = document["requests"]
    assert requests["offered"] == requests["completed"] == counts["requests"] == 3600, requests
    assert row["completed"] == 3600, row
    assert {name: row["pid"] for name, row in daemon.rows().items()} == pids, \
        "somebody was replaced"
    assert daemon.get("status")["status"]["deaths"] == 0
    wait_for(f"as many descriptors as before: {before}",
             lambda: all(len(descriptors_of(pid)) <= before[name] + 1
                         for name, pid in pids.items()))
    daemon.stop()


run_cases((whatever_comes_in_what_runs_goes_on,))
