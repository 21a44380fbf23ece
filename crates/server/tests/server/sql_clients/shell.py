"""Drives `timberline sql` on a terminal, as a person at a keyboard does; any surprise is an error."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

binary, address, home = sys.argv[1:4]
SLOW = "select count(*) from generate_series(1, 100000000000) where value % 7 = 9;"
PATIENCE = 60


class Terminal:
    def __init__(self):
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "TERM": "xterm", "HOME": home, "TIMBERLINE_ADDR": address}
            environment.pop("XDG_STATE_HOME", None)
            os.execve(binary, [binary, "sql"], environment)
        # Lines that do not wrap.
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.text = ""

    def read(self, wanted, times=1):
        """Everything up to a pattern, without what moves the cursor and colours."""
        until = time.monotonic() + PATIENCE
        while True:
            plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text)
            found = list(re.finditer(wanted, plain))
            if len(found) >= times:
                end = found[times - 1].end()
                self.text = plain[end:]
                return plain[:end]
            assert time.monotonic() < until, f"no {wanted!r} in {plain!r}"
            if select.select([self.end], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.end, 65536).decode("utf-8", "replace")
                except OSError:
                    raise AssertionError(f"the shell has ended: {plain!r}")

    def type(self, keys):
        os.write(self.end, keys.encode())

    def prompt(self):
        return self.read(r"timberline> ")

    def ask(self, line):
        """Types a line, and gives back what is shown before the next prompt."""
        self.type(line + "\r")
        # The line itself is shown first.
        self.read(re.escape(line[-20:]))
        return self.prompt()

    def leave(self):
        self.type("\x04")
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                assert status == 0, status
                return
            if select.select([self.end], [], [], 0.05)[0]:
                try:
                    os.read(self.end, 65536)
                except OSError:
                    pass
        raise AssertionError("it does not leave")


shell = Terminal()
assert "\\? for help" in shell.prompt()
shown = shell.ask("select host, value from cpu_usage order by host;")
assert re.search(r"a +1\b", shown) and "2 rows" in shown, shown
assert re.search(r"[0-9.]+ ms", shown), "it says how long it took"
shown = shell.ask("\\d")
assert "cpu_usage" in shown, shown
shown = shell.ask("\\d cpu_usage")
assert "host" in shown and "value" in shown and "time" in shown, shown
shown = shell.ask("select nothing from cpu_usage;")
assert "error: " in shown and "nothing" in shown, shown
shown = shell.ask("selec 1;")
assert "line 1, column" in shown, shown
# A statement of several lines, and two of one line.
shell.type("select 40 +\r")
shell.read(r"\.\.\.> ")
assert "42" in shell.ask("2 as n;")
shown = shell.ask("select 7 as a; select 8 as b;")
assert "7" in shown and "8" in shown, shown
shown = shell.ask("\\timing")
assert "timing is off" in shown, shown
assert " ms" not in shell.ask("select 1 as one;")
shell.ask("\\timing")
assert "no such command" in shell.ask("\\nothing")
# The tab key completes a table's name.
shell.type("select count(*) as n from cpu_us\t")
shell.read(r"cpu_usage")
shell.type(";\r")
assert re.search(r"\b2\b", shell.read("1 row"))
shell.prompt()
# Ctrl-C throws away what was begun ...
shell.type("select 'never sent'")
shell.read(r"never sent'")
shell.type("\x03")
shell.prompt()
# ... ends a statement that runs, and not the shell ...
begun = time.monotonic()
shell.type(SLOW + "\r")
shell.read(re.escape(SLOW))
time.sleep(0.5)
shell.type("\x03")
shown = shell.prompt()
assert "canceled" in shown, shown
assert time.monotonic() - begun < 30, "it was not canceled at once"
# ... and, as the server sees its client leave, the statement on the server.
until = time.monotonic() + PATIENCE
while "generate_series(1, 100000000000)" in shell.ask(
        "select statement from queries where statement not like '%queries%';"):
    assert time.monotonic() < until, "the server still runs it"
# Arrow up brings back what was typed before.
shell.ask("select 'typed before' as t;")
shell.type("\x1b[A")
shell.read("typed before")
shell.type("\r")
assert "typed before" in shell.read("1 row")
shell.prompt()
shell.leave()
# So it does the next time.
shell = Terminal()
shell.prompt()
shell.type("\x1b[A")
shell.read("typed before")
shell.type("\r")
assert "typed before" in shell.read("1 row")
shell.prompt()
assert "subscribe" in shell.ask("subscribe to select time, value from metrics;")
# A server that is gone is an error, and not the end.
shell.ask("\\format csv")
assert "7,x" in shell.ask("select 7 as a, 'x' as b;")
os.kill(int(sys.argv[4]), signal.SIGKILL)
shown = shell.ask("select 1;")
assert "cannot reach a server" in shown or "broke off" in shown, shown
shell.type("\\q\r")
until = time.monotonic() + PATIENCE
while os.waitpid(shell.pid, os.WNOHANG)[0] == 0:
    assert time.monotonic() < until
    time.sleep(0.01)
print("all is well")
