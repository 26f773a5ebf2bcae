#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
"""Against somebody else's server: nginx counts as many requests as we do."""
import os
import re
import shutil
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import TMP, check_identities, free_port, run_cases, run_json, show, wait_for

CONFIG = """
daemon off; master_process off; pid {tmp}/nginx.pid; error_log {tmp}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {tmp}/b; proxy_temp_path {tmp}/p; fastcgi_temp_path {tmp}/f;
  uwsgi_temp_path {tmp}/u; scgi_temp_path {tmp}/s;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ return 200 "hello\\n"; }}
    location /status {{ stub_status; }}
  }}
}}
"""


def counted(url):
    """Requests that nginx has seen, this one included; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(url + "status", timeout=5) as answer:
            return int(re.search(r"requests\s+\d+ \d+ (\d+)", answer.read().decode()).group(1))
    except OSError:
        return None


def nginx_counts_what_we_count():
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with open(TMP + "/nginx.conf", "w") as config:
        config.write(CONFIG.format(tmp=TMP, port=port))
    server = subprocess.Popen([program, "-p", TMP, "-c", TMP + "/nginx.conf"])
    wait_for("nginx", lambda: counted(url), 10)
    before = counted(url)
    document = run_json(url, "-c", 100, "-d", "10s")
    after = counted(url)
    server.terminate()
    assert server.wait(60) == 0
    check_identities(document)
    requests = document["requests"]
    print(f"  {show(requests)}; nginx counted {after - before - 1}")
    print(f"  {document['rate_per_s']:.0f}/s, p50 {document['response_time_ns']['p50']} ns, p99 "
          f"{document['response_time_ns']['p99']} ns, {document['engines']} engine(s), "
          f"{document['backend']}")
    assert requests["offered"] == requests["sent"] + requests["dropped"], requests
    assert after - before - 1 == requests["sent"] + requests["retried"], \
        (after - before - 1, requests)
    assert requests["failed"] == 0 and document["connections"] == 100, document["errors"]


if not (shutil.which("nginx") or os.path.exists("/usr/sbin/nginx")):
    print("nginx is not installed")
    sys.exit(77)
run_cases((nginx_counts_what_we_count,))
