#!/usr/bin/python3
"""Interrupts the lab in the middle and looks for anything that it left behind."""

import sys

sys.dont_write_bytecode = True

import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 30


def processes_of(folder):
    """Ids of processes on whose command line the folder stands, the lab's own supervisor aside."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if folder.encode() in line.read():
                    found.append(pid)
        except OSError:
            pass            # it ended meanwhile
    return found


def wait_for(test):
    deadline = time.monotonic() + SECONDS
    while not test() and time.monotonic() < deadline:
        time.sleep(0.05)
    return test()


def problems_after(number):
    """What is wrong after the lab got this signal in mid-run."""
    problems, top = [], tempfile.mkdtemp(prefix="lab-int-")
    os.chmod(top, 0o755)
    interfaces = sorted(os.listdir("/sys/class/net"))
    lab = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "lab.py"), "--impostor", "defer"], env=os.environ | {"TMPDIR": top},
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        if not lab.stdout.readline().startswith(("ok", "FAIL")) or not processes_of(top):
            return ["the lab did not get as far as its first row"]
        lab.send_signal(number)
        try:
            lab.wait(SECONDS)
        except subprocess.TimeoutExpired:
            problems.append(f"it went on for {SECONDS} s")
        if lab.returncode == 0:
            problems.append("it ended as if all were well")
        if not wait_for(lambda: not processes_of(top)):
            problems.append(f"processes are left: {processes_of(top)}")
        if os.listdir(top) and number != signal.SIGKILL:        # nobody is left then who could remove it
            problems.append("its folder is left")
        if sorted(os.listdir("/sys/class/net")) != interfaces:
            problems.append("the host's network interfaces changed")
    finally:
        lab.kill()
        lab.wait()
        lab.stdout.close()
        shutil.rmtree(top, ignore_errors=True)
    return problems


def main():
    if os.geteuid() != 0:
        print("SKIP interrupted the lab needs root\n0 passed, 0 failed, 1 skipped")
        return 0
    failed = 0
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    for number in signals:
        problems = problems_after(number)
        failed += bool(problems)
        print("FAIL" if problems else "ok", f"interrupted/{number.name}", "; ".join(problems))
    print(f"{len(signals) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
