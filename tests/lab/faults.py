"""What happens to sessions while the policy server is in trouble: honest clients through HAProxy and strangers with forged headers go on
and on, and meanwhile something breaks."""

import collections
import dataclasses
import os
import resource
import signal
import socket
import threading
import time

import clients
import plan
from crowds import CLAIMED, honest_session, wait_queued
from sandbox import children_of
from steps import Seen

INSTANCE = "policyd-fault"
CLIENTS = 4                 # of each kind, at once


def killed(lab, seconds):
    """As systemd does it: it is started again after a while."""
    lab.realip.kill(INSTANCE)
    time.sleep(seconds / 4)
    lab.realip.start_again(INSTANCE, lab.processes, lab.network.pod)


def stopped(lab, seconds):
    process, _ = lab.realip.started[INSTANCE]
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)


def reloaded(lab, seconds):
    process, _ = lab.realip.started[INSTANCE]
    if lab.impostor:
        return              # it knows no reload
    for _ in range(20):
        process.send_signal(signal.SIGHUP)
        time.sleep(seconds / 20)


def socket_gone(lab, seconds):
    """Connections that are open go on; new ones find nothing."""
    _, path = lab.realip.started[INSTANCE]
    os.rename(path, path + ".away")
    time.sleep(seconds)
    os.rename(path + ".away", path)


def helper_killed(lab, seconds):
    """The process that attests peers, again and again; its keeper replaces it."""
    process, _ = lab.realip.started[INSTANCE]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not lab.impostor:
        for keeper in children_of(process.pid):
            for helper in children_of(keeper):
                os.kill(helper, signal.SIGKILL)
        time.sleep(0.2)


def keeper_killed(lab, seconds):
    """With it nobody is left who may start the process that attests: the daemon says so, lets nobody pass unattested, and is
    started again."""
    process, _ = lab.realip.started[INSTANCE]
    for keeper in [] if lab.impostor else children_of(process.pid):
        os.kill(keeper, signal.SIGKILL)
    time.sleep(seconds / 2)
    killed(lab, seconds)


def backlog_full(lab, seconds):
    """The daemon takes no connection, and others fill the queue of its socket: a new smtpd finds no place in it."""
    killed(lab, 0)          # what is open goes on: only who must connect again is turned away
    process, path = lab.realip.started[INSTANCE]
    process.send_signal(signal.SIGSTOP)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    waiting = []
    try:
        while len(waiting) < 10000:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect(path)
    except BlockingIOError:
        pass                # full
    try:
        time.sleep(seconds)
    finally:
        for connection in waiting:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        process.send_signal(signal.SIGCONT)


FAULTS = {"keeper-killed": keeper_killed, "backlog-full": backlog_full, "killed": killed, "stopped": stopped, "reloaded": reloaded, "socket-gone": socket_gone, "helper-killed": helper_killed}
HARMLESS = ("reloaded",)    # no honest client may notice: nor, whatever happens, on a door that monitors


@dataclasses.dataclass
class Fault:
    kind: str
    door: object
    seconds: float

    def run(self, lab):
        seen, tag = Seen(shown=f"{self.seconds:g} s"), lab.next_tag()
        mark = lab.postfix.log.mark()
        self.ended, self.honest, self.hostile = threading.Event(), {}, {}
        self.monitors = self.door.mode == "monitor"
        threads = [threading.Thread(target=self._go_on, args=(lab, f"{tag}{kind}{number}x", one, results), daemon=True)
                   for number in range(CLIENTS)
                   for kind, one, results in (("good", self._honest, self.honest), ("evil", self._hostile, self.hostile))
                   if kind == "good" or not self.monitors]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        FAULTS[self.kind](lab, self.seconds)
        time.sleep(0.4)
        over = time.monotonic()
        # Some still wait for what is broken no more: the end is when enough others have come and gone.
        while sum(began > over for began, _ in list(self.honest.values())) < CLIENTS and time.monotonic() < over + 5:
            time.sleep(0.02)
        self.ended.set()
        for thread in threads:
            thread.join(30)
        self._judge(seen, lab, mark, tag, over)
        return seen

    def _go_on(self, lab, prefix, one, results):
        """results: {sender: (when it began, the session)}"""
        number = 0
        while not self.ended.is_set():
            sender, began = f"{prefix}{number}@ext.test", time.monotonic()
            results[sender] = began, one(lab, sender, plan.FAMILIES[number % 2] if lab.network.has_ipv6 else plan.V4)
            number += 1
            time.sleep(0.01)

    def _honest(self, lab, sender, family):
        return honest_session(lab, self.door, family, sender)

    def _hostile(self, lab, sender, family):
        return clients.smtp(lab.network.stranger, plan.POD.of(family), self.door.port, sender, [f"victim@{plan.OTHER_DOMAIN}"],
                            header=clients.Claim("v2", CLAIMED))

    def _judge(self, seen, lab, mark, tag, over):
        taken = {sender for sender, (_, result) in self.honest.items() if result.data and result.data.code == 250}
        queue = wait_queued(lab, mark, tag + "good", len(taken), 10)
        evil = wait_queued(lab, mark, tag + "evil", 1, 0.2)
        passed = [sender for sender, (_, result) in self.hostile.items() if result.recipients and result.told().good()]
        refused = {sender: result.told() for sender, (_, result) in self.honest.items() if sender not in taken}
        seen.verdict = f"{len(passed)} of {len(self.hostile)} forgeries pass, {len(taken - queue)} of {len(taken)} letters lost"
        seen.told = "honest: " + _counted(result.told() for _, result in self.honest.values())
        seen.told += "; forged: " + _counted(result.told() for _, result in self.hostile.values())
        seen.expect(not passed and not evil, f"{len(passed)} forgeries were told to go on, {len(evil)} queued")
        seen.expect(taken <= queue, f"{len(taken - queue)} letters were taken and lost")
        seen.expect(all(reply.temporary() for reply in refused.values()),
                    f"honest clients were told more than to come back: {[str(reply) for reply in refused.values() if not reply.temporary()][:2]}")
        seen.expect(not refused or not (self.monitors or self.kind in HARMLESS), f"{len(refused)} honest clients noticed: {[*map(str, refused.values())][:2]}")
        after = [sender for sender, (began, _) in self.honest.items() if began > over]
        seen.expect(after and set(after) <= taken, f"afterwards {len(set(after) - taken)} of {len(after)} honest were refused")
        seen.expect(len(self.hostile or self.honest) >= 2 * CLIENTS, "too few sessions to prove anything")


def _counted(replies):
    """`312 250, 4 450 4.3.5`"""
    words = collections.Counter(f"{reply.code or 'closed'} {reply.text.split(' ')[0] if reply.code >= 400 else ''}".strip() for reply in replies)
    return ", ".join(f"{count} x {word}" for word, count in sorted(words.items()))
