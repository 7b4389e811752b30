"""What the bench does to the machine: processes on a processor of their own, their CPU time, their memory, passes of a load."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time


class Broken(Exception):
    """A measurement that can't be made, or whose answers were wrong: the text says why."""


class Missing(Exception):
    """Something that this machine does not have."""


CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]


class Folder:
    """A private folder that other users may pass; its sockets' names stay short. Logs have a folder of their own: our daemons watch
    the one of their configuration, and nobody has a log that grows in there."""

    def __enter__(self):
        self.held = tempfile.TemporaryDirectory(prefix='realip-bench-', dir='/tmp')
        os.chmod(self.held.name, 0o755)
        os.mkdir(self.path('logs'))
        return self

    def __exit__(self, *_):
        self.held.cleanup()

    def path(self, name):
        return os.path.join(self.held.name, name)

    def log_path(self, name):
        return self.path(os.path.join('logs', name))

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.path(name)


def descendants(pid):
    """pid and every process below it."""
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        children = []
    return [pid] + [each for child in children for each in descendants(child)]


class Server:
    """A program in the foreground that says `ready`; ended by its pid."""

    def __init__(self, folder, name, argv, place, pinned=True, user=None):
        self.name, self.place = name, place
        self.log_path = folder.log_path(name)
        # Two pinned programs share a cache and wake each other the same way in each pass.
        cpus = {SERVER_CPU} if pinned else set(CPUS)
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=user,
                                            preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        end = time.monotonic() + 30
        while 'ready' not in self.log():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise Broken(f'{name} does not start: {self.log()[-500:]}')
            time.sleep(0.01)

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def cpu(self):
        """Seconds of CPU so far, those of helpers and ended threads included."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in descendants(self.process.pid))

    def resident(self):
        """Bytes of memory of the process itself."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith('VmRSS:'))

    def proportional(self):
        """Bytes of memory of it and its helpers, shared pages counted once."""
        total = 0
        for pid in descendants(self.process.pid):
            with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
                total += next(int(line.split()[1]) * 1024 for line in file if line.startswith('Pss:'))
        return total

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Daemonized:
    """A program that goes into the background by itself and writes its pid into a file."""

    def __init__(self, name, argv, pid_file, port):
        self.name, self.place = name, f'inet:{port}@127.0.0.1'
        subprocess.run(argv, check=True, timeout=30, stdin=subprocess.DEVNULL, capture_output=True,
                       preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CPU}))
        end = time.monotonic() + 10
        self.pid = None
        while not self._answers(port):
            if time.monotonic() > end:
                self.stop()
                raise Broken(f'{name} does not listen')
            if os.path.exists(pid_file):
                with open(pid_file, encoding='ascii') as file:
                    self.pid = int(file.read() or 0) or None
            time.sleep(0.05)

    def _answers(self, port):
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
        except OSError:
            return False
        return self.pid is not None

    def cpu(self):
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in descendants(self.pid))

    def stop(self):
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Spawner:
    """Does what Postfix's spawn(8) does: starts a program for each connection, which is its input and output."""

    def __init__(self, folder, name, command):
        self.name, self.command, self.children, self.used = name, command, [], 0.0
        self.place = f'unix:{folder.path(name)}'
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(folder.path(name))
        self.listening.listen(128)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                self.children.append(subprocess.Popen(self.command, stdin=connection, stdout=connection,
                                                      stderr=subprocess.DEVNULL,
                                                      preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CPU})))

    def cpu(self):
        """Seconds of CPU of all children so far; waits until those of closed connections have ended."""
        for child in self.children:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.used += usage.ru_utime + usage.ru_stime
        self.children.clear()
        return self.used

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(5)
        for child in self.children:
            child.kill()
            child.wait()


def on_load_cpu():
    os.sched_setaffinity(0, {LOAD_CPU})


def run_load(server, argv, seconds):
    """One pass. Its JSON, with the server's CPU in microseconds for each request; Broken when an answer was wrong."""
    before = server.cpu()
    try:
        done = subprocess.run(argv + ['--socket', server.place, '--seconds', str(seconds)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds + 30, check=False,
                              preexec_fn=on_load_cpu)
    except subprocess.TimeoutExpired as late:
        raise Broken(f'{server.name}: the load did not end') from late
    used = server.cpu() - before
    if done.returncode != 0:
        raise Broken(f'{server.name}: {(done.stderr + done.stdout).strip()[-400:]}')
    result = json.loads(done.stdout.splitlines()[-1])
    result['cpu'] = used / max(1, result['replies'] + result.get('slow_replies', 0)) * 1e6
    return result
