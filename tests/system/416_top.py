#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# beside: others
"""hyperscale top on a terminal: what it shows fits, what is shown is so, and the terminal is given
back whatever ends it."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from tree import CLIENT, Daemon, cases_of, run_cases, wait_for

ENTER, LEAVE, FRAME = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?2026h"


class Screen:
    """top in a terminal of its own."""

    def __init__(self, daemon, columns=80, rows=24):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(CLIENT, [CLIENT, "top", "--every", "200ms", "--socket", daemon.run_dir +
                              "/status.sock"])
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.fd)
        self.bytes = b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                return self.bytes
            if not piece:
                return self.bytes
            self.bytes += piece
        return self.bytes

    def wait(self, words, after=0):
        return wait_for(f"{words} on the screen",
                        lambda: (at := self.read().find(words, after)) >= 0 and at + 1, 15)

    def last_frame(self):
        return self.bytes.split(FRAME)[-2]

    def end(self):
        """Its wait status; everything that it wrote has been read."""
        def is_over():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return pid and (status + 1)
        status = wait_for("its end", is_over, 10) - 1
        self.read()
        return status

    def check_given_back(self):
        assert self.bytes.rstrip().endswith(LEAVE), self.bytes[-200:]
        assert b"\x1b[?25h" in self.bytes[-60:], "the cursor is hidden"
        assert termios.tcgetattr(self.fd)[3] == self.before[3], \
            "echo and lines are not as they were"


def it_shows_what_status_says_and_no_more_than_fits():
    daemon = Daemon("top_shows", engines=2).start()
    screen = Screen(daemon, 80, 12)
    screen.wait(ENTER)
    screen.wait(b"gate")
    pid = daemon.rows()["gate"]["pid"]
    frames = screen.read().count(FRAME)
    wait_for("some frames", lambda: screen.read().count(FRAME) > frames + 3)
    frame = screen.last_frame()
    assert frame.count(b"\r\n") <= 11, frame
    assert all(len(row) < 80 + 40 for row in frame.split(b"\r\n")), frame
    assert str(pid).encode() in frame and b"test-host" in frame and b"ready" in frame, frame
    screen.resize(132, 60)
    screen.wait(b"LAST EVENTS", len(screen.bytes))
    assert not termios.tcgetattr(screen.fd)[3] & (termios.ECHO | termios.ICANON)
    os.write(screen.fd, b"xyz\n")
    os.write(screen.fd, b"q")
    assert screen.end() == 0
    screen.check_given_back()
    daemon.stop()


def every_way_out_gives_the_terminal_back():
    daemon = Daemon("top_ends", engines=1).start()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        screen = Screen(daemon)
        screen.wait(b"gate")
        os.kill(screen.pid, number)
        assert os.WTERMSIG(screen.end()) == number
        screen.check_given_back()
    screen = Screen(daemon)  # put aside with ^Z, and taken up again
    screen.wait(b"gate")
    os.kill(screen.pid, signal.SIGTSTP)
    wait_for("a stopped process",
             lambda: screen.read() and os.waitpid(screen.pid, os.WNOHANG | os.WUNTRACED)[0])
    screen.read()
    screen.check_given_back()
    seen = len(screen.bytes)
    os.kill(screen.pid, signal.SIGCONT)
    screen.wait(ENTER, seen)
    os.write(screen.fd, b"\x03")  # ^C
    assert os.WTERMSIG(screen.end()) == signal.SIGINT
    screen.check_given_back()
    daemon.stop()


def a_daemon_that_goes_away_is_said_and_found_again():
    daemon = Daemon("top_daemon", engines=1).start()
    screen = Screen(daemon)
    screen.wait(b"gate")
    daemon.stop()
    screen.read()
    screen.wait(b"status.sock: ", len(screen.bytes))
    daemon.start()
    screen.read()
    screen.wait(b"engine.0", len(screen.bytes))
    console = daemon.rows()["console"]["pid"]
    os.kill(console, signal.SIGSTOP)  # nobody answers: it can be ended all the same
    time.sleep(0.4)
    begin = time.monotonic()
    os.kill(screen.pid, signal.SIGTERM)
    screen.end()
    assert time.monotonic() - begin < 1
    screen.check_given_back()
    os.kill(console, signal.SIGCONT)
    daemon.stop()


run_cases(cases_of(globals(), ("Screen",)))
