"""Reading the logs of the programs under test."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from log_file import read_lines  # noqa: E402


class Log:
    def __init__(self, path):
        self.path = path

    def mark(self):
        """The present end; later reads can begin here."""
        try:
            with open(self.path, "rb") as log:
                return log.seek(0, 2)
        except FileNotFoundError:
            return 0

    def since(self, mark=0):
        """Whole lines only: the rest of one that is being written comes with the next read."""
        return read_lines(self.path, mark).decode(errors="replace")

    def wait(self, pattern, mark=0, seconds=5):
        """The first match after the mark, or None when it does not come in time."""
        deadline = time.monotonic() + seconds
        expression = re.compile(pattern, re.MULTILINE)
        while True:
            match = expression.search(self.since(mark))
            if match or time.monotonic() > deadline:
                return match
            time.sleep(0.01)


def verdicts(text):
    """mail-realip's log lines as dictionaries, oldest first."""
    found = []
    for line in text.splitlines():
        _, sign, rest = line.partition("realip source=")
        if sign:
            found.append(dict(pair.split("=", 1) for pair in ("source=" + rest).split() if "=" in pair))
    return found


def wait_verdict(log, mark, seconds=5, **wanted):
    """(the verdict line that has all these values or None, all verdict lines seen)."""
    deadline = time.monotonic() + seconds
    while True:
        seen = verdicts(log.since(mark))
        for verdict in seen:
            if all(verdict.get(key) == value for key, value in wanted.items()):
                return verdict, seen
        if time.monotonic() > deadline:
            return None, seen
        time.sleep(0.01)
