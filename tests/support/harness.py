"""What the Python tests share: counting, daemons that end with the test, a client of the policy protocol."""
import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from log_file import read_lines

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Tally:
    """Counts, prints a line for each failure and skip, and the closing line that the runner reads."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, good, name, why=''):
        if good:
            self.passed += 1
            print(f'ok {name}')
        else:
            self.failed += 1
            print(f'FAIL {name}: {why}')
        return bool(good)

    def equal(self, got, expected, name):
        return self.check(got == expected, name, f'got {got!r}, expected {expected!r}')

    def skip(self, name, why):
        self.skipped += 1
        print(f'SKIP {name}: {why}')

    def close(self):
        for found in Daemon.sanitizers_found:
            self.check(False, 'a sanitizer found nothing', found)
        print(f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped')
        sys.exit(1 if self.failed else 0)


def build_folder(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--build', required=True, help='a finished build of the tree')
    return os.path.abspath(parser.parse_args().build)


def is_sanitized(build):
    """Whether a sanitizer was built in: then times tell nothing, and what is slow is left to the ordinary build."""
    with open(os.path.join(build, 'policyd/realip-policyd'), 'rb') as file:
        return b'__asan_init' in file.read()


class Folder:
    """A private folder that vanishes with the test."""

    def __enter__(self):
        self.held = tempfile.TemporaryDirectory(prefix='realip-test-')
        os.chmod(self.held.name, 0o755)
        return self

    def __exit__(self, *_):
        self.held.cleanup()

    def path(self, name):
        return os.path.join(self.held.name, name)

    def write(self, name, text):
        path = self.path(name)
        fresh = path + '.new'
        with open(fresh, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.rename(fresh, path)
        return path


class Daemon:
    """A program of ours in the foreground of its own process; stopped by its pid, its log kept. In a build with sanitizers, what they
    found in any of them fails the suite at its end."""

    sanitizers_found = []
    SANITIZERS = re.compile(rb'^.*(?:ERROR: \w+Sanitizer|Sanitizer: |: runtime error: ).*$', re.MULTILINE)

    def __init__(self, command, log, ready=b'ready', seconds=10, **keywords):
        self.log_path = log
        self.log_file = open(log, 'wb')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file,
                                        **keywords)
        self.await_log(ready, seconds)

    def log(self):
        return read_lines(self.log_path)

    def await_log(self, text, seconds=10, count=1):
        end = time.monotonic() + seconds
        while self.log().count(text) < count:
            if self.process.poll() is not None or time.monotonic() > end:
                status = self.process.poll()
                self.stop()
                raise RuntimeError(f'no {text!r} in the log (status {status}): {self.log()[-2000:]!r}')
            time.sleep(0.01)

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=10):
        """Ends it; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        if not self.log_file.closed:
            self.log_file.close()
            found = self.SANITIZERS.findall(self.log())
            self.sanitizers_found.extend(f'{self.process.args[0]}: {line.decode(errors="replace")}' for line in found[:3])
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def request(**attributes):
    """A policy request's bytes; attributes as keywords, in the order given, after the two that every request has."""
    lines = {'request': 'smtpd_access_policy', 'protocol_state': 'RCPT', **attributes}
    return ''.join(f'{name}={value}\n' for name, value in lines.items() if value is not None).encode() + b'\n'


class PolicyClient:
    """One connection to a policy server."""

    def __init__(self, path, seconds=10):
        if isinstance(path, tuple):
            self.socket = socket.create_connection(path, timeout=seconds)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(seconds)
            self.socket.connect(path)
        self.rest = b''

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        """The next reply without its empty line; b'' when the server has closed."""
        while b'\n\n' not in self.rest:
            got = self.socket.recv(65536)
            if not got:
                return self.rest
            self.rest += got
        reply, self.rest = self.rest.split(b'\n\n', 1)
        return reply

    def ask(self, **attributes):
        self.send(request(**attributes))
        return self.reply()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
