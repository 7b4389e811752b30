"""Runs the lab in a PID namespace of its own, so that nothing can outlive it.

The supervisor stays outside. When the lab ends, fails or is interrupted, the death of the namespace's first process makes the
kernel end every process in it; anonymous network namespaces go with them, and the supervisor removes the folder."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

CLONE_NEWNET = 0x40000000
CLONE_NEWPID = 0x20000000
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """The lab itself can't be built; the text says why."""


def call(name, *args):
    if getattr(libc, name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


class Interrupted(Exception):
    def __init__(self, number):
        super().__init__(f"signal {number}")
        self.number = number


def _interrupt(number, _frame):
    raise Interrupted(number)


def make_folder():
    """A private folder that smtpd (user postfix) and Dovecot's mail users may pass through."""
    folder = tempfile.mkdtemp(prefix="realip-lab-")
    os.chmod(folder, 0o755)
    if len(folder) > 60:        # sockets lie deep below it, and their names have 107 bytes
        os.rmdir(folder)
        raise LabError(f"{folder} is too long a name for what lies below it; set TMPDIR to a shorter one")
    path = folder
    while path != "/":
        path = os.path.dirname(path)
        if not os.stat(path).st_mode & 0o001:
            os.rmdir(folder)
            raise LabError(f"{path} can't be passed by other users; set TMPDIR to a folder that can")
    return folder


def supervise(body, seconds, keep):
    """Runs body(folder) -> exit status as first process of a PID namespace, for at most so many seconds.
    Returns (exit status or None when it did not end by itself, folder or None when it was removed, why)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _interrupt)
    folder = make_folder()
    child, status, why = 0, None, "it ended unexpectedly"
    try:
        sys.stdout.flush()
        call("unshare", CLONE_NEWPID | CLONE_NEWNET)
        child = os.fork()
        if child == 0:
            _first_process(body, folder)
        signal.alarm(seconds)
        _, raw = os.waitpid(child, 0)
        signal.alarm(0)
        child = 0
        if os.WIFEXITED(raw):
            status = os.WEXITSTATUS(raw)
    except Interrupted as interruption:
        why = "interrupted"
        if interruption.number == signal.SIGALRM:
            why = f"not ready after {seconds} s"
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)   # nothing may stop the cleaning
        signal.alarm(0)
        if child > 0:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if not keep and (status == 0 or why == "interrupted"):
            shutil.rmtree(folder, ignore_errors=True)
            folder = None
    return status, folder, why


def _first_process(body, folder):
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)       # the supervisor decides
    os.umask(0o022)
    status = 1
    try:
        status = body(folder)
    except LabError as error:
        print(f"FAIL lab {error}")
        status = 3
    except BaseException:                           # whatever it was, the supervisor must hear of it
        import traceback
        traceback.print_exc()
        status = 3
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class Processes:
    """What the lab started. Each one leads a session of its own and writes into a file; the namespace's end ends them all."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []
        self.lock = threading.Lock()

    def start(self, name, argv, namespace, env=None):
        log = os.path.join(self.folder, name + ".log")
        with open(log, "ab") as sink, namespace.inside(), self.lock:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
                                       env=env, cwd="/")
        process.log, process.title = log, name
        self.running.append(process)
        return process

    def replace(self, old, name, argv, namespace, env=None):
        """Starts it again in the place of one that has ended."""
        self.running.remove(old)
        return self.start(name, argv, namespace, env)

    def check(self):
        for process in self.running:
            if process.poll() is not None:
                with open(process.log, errors="replace") as log:
                    last = log.read().strip().splitlines()[-3:]
                raise LabError(f"{process.title} ended with {process.returncode}: {' | '.join(last) or 'no word'}")


def children_of(pid):
    """The processes that this one started, by the numbers of our own PID namespace: /proc is that of the machine."""
    own = os.readlink("/proc/self/ns/pid")
    ours, parents = {}, {}
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/status") as status:
                fields = dict(line.split(":", 1) for line in status)
            if os.readlink(f"/proc/{number}/ns/pid") == own:
                ours[int(number)], parents[int(number)] = int(fields["NSpid"].split()[-1]), int(fields["PPid"])
        except OSError:
            pass                                    # it ended meanwhile
    return [ours[number] for number, parent in parents.items() if ours.get(parent) == pid]


def wait_until(test, seconds, what, processes=None):
    """Polls test() until it is true; a LabError says what did not happen."""
    deadline = time.monotonic() + seconds
    while not test():
        if processes:
            processes.check()
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
