"""The faults: which there are, in which order the seed brings them, and what each does."""

import asyncio
import dataclasses
import os
import random
import signal

import plan
import talk
import traffic
import watch
from sandbox import LabError, wait_until
from stack import JOINING, LOG_BYTES, children, name_of

PAUSE = (3.0, 9.0)          # seconds between two faults: honest clients must find all well

BROKEN_TEXTS = {"syntax": lambda text: text + "networks {\n", "empty": lambda text: "", "cut off": lambda text: text[:text.index("listener")],
                "unknown key": lambda text: text + "colour = red\n", "catch-all": lambda text: text + 'networks probers { cidr = { "0.0.0.0/0" } }\nmode = strict\n'}


@dataclasses.dataclass(frozen=True)
class Step:
    """One fault of the plan: when after the last one, on whom, how long or how (a number from 0 to 1)."""
    pause: float
    name: str
    title: str
    value: float

    def __str__(self):
        return f"after {self.pause:.1f} s {self.name}" + (f", {self.title}" if self.title else "") + f" ({self.value:.2f})"


class Trouble:
    def __init__(self, stack, judge, processes, logs, going):
        self.stack, self.judge, self.processes, self.logs, self.going = stack, judge, processes, logs, going

    # ---- our daemons ---------------------------------------------------------------------------------------------------
    def end_daemon(self, title, number):
        process = self.stack.daemons[title]
        self.processes.expected.add(process)
        process.send_signal(number)
        return process

    async def killed(self, title, value):
        self.end_daemon(title, signal.SIGKILL).wait()
        await asyncio.sleep(0.2 + 2 * value)
        await self.start_again(title)

    async def terminated(self, title, value):
        process = self.end_daemon(title, signal.SIGTERM)
        if not self.stack.impostor and await asyncio.to_thread(process.wait, 30) != 0:
            self.judge.problem("no crash", f"realip-{title} ended with {process.returncode} at SIGTERM")
        await asyncio.sleep(value)
        await self.start_again(title)

    async def start_again(self, title):
        self.stack.daemons[title].wait()
        try:
            await asyncio.to_thread(self.stack.start_daemon, title)
        except LabError as error:
            self.judge.problem("no crash", str(error))

    async def stopped(self, title, value):
        self.stack.daemons[title].send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.3 + 5 * value)
        self.stack.daemons[title].send_signal(signal.SIGCONT)

    async def reloaded(self, title, value):
        for _ in range(1 + int(20 * value)):
            self.stack.daemons[title].send_signal(signal.SIGHUP)
            await asyncio.sleep(0.1)

    async def configuration_broken(self, title, value):
        path, text = self.stack.config[title], self.stack.config_text(title)
        breaks = list(BROKEN_TEXTS.values())
        self.stack.write_config(path, breaks[int(value * len(breaks))](text))
        self.stack.daemons[title].send_signal(signal.SIGHUP)
        await asyncio.sleep(2)
        self.stack.write_config(path, text)
        self.stack.daemons[title].send_signal(signal.SIGHUP)
        await asyncio.sleep(1.5)

    async def socket_gone(self, title, value):
        path = self.stack.socket_of(title)
        os.rename(path, path + ".away")
        await asyncio.sleep(0.5 + 3 * value)
        os.rename(path + ".away", path)

    async def helper_killed(self, title, value):
        for _ in range(1 + int(5 * value)):
            pid = self.processes.parts(title).get("helper")
            if pid:
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.3)

    async def keeper_killed(self, title, value):
        """Nobody is left who may start the helper: the daemon says so, lets nobody pass unattested, and is started again."""
        pid = self.processes.parts(title).get("keeper")
        if pid:
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.5 + value)
        await self.killed(title, value)

    # ---- what they stand on --------------------------------------------------------------------------------------------
    async def redis_killed(self, _title, value):
        self.processes.expected.add(self.stack.redis)
        self.stack.redis.kill()
        self.stack.redis.wait()
        await asyncio.sleep(1 + 3 * value)
        self.stack.processes.running.remove(self.stack.redis)
        self.stack.redis = await asyncio.to_thread(self.stack.start_redis)

    async def redis_frozen(self, _title, value):
        self.stack.redis.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2 + 4 * value)
        self.stack.redis.send_signal(signal.SIGCONT)

    async def log_rotated(self, _title, _value):
        for tail in self.logs.ours.values():
            tail.rotate()

    async def log_disk_full(self, _title, value):
        """What can't be written is lost and counted; mail goes on."""
        path = os.path.join(self.stack.logs, "filler")
        with open(path, "wb", buffering=0) as filler:
            block = bytes(1 << 16)
            try:
                for _ in range(LOG_BYTES >> 16):
                    filler.write(block)
                while True:
                    filler.write(b"\0")
            except OSError:
                pass
        await asyncio.sleep(1 + 3 * value)
        self.logs.read()
        self.logs.disk_was_full += 12           # each daemon may have torn a line at either end, and its next one with it
        os.unlink(path)

    # ---- the list of nodes ---------------------------------------------------------------------------------------------
    async def nodes_joined(self, _title, value):
        """A host that was a client becomes a node, and is one no more: both must count within seconds."""
        role = JOINING[int(value * len(JOINING))]
        await self.until_shown(role, node=False)
        self.stack.nodes.publish(self.stack.nodes.text([role]))
        await self.until_shown(role, node=True)
        await asyncio.sleep(value)
        self.stack.nodes.publish()
        await self.until_shown(role, node=False)

    async def until_shown(self, role, node, seconds=15):
        """seconds: far more than it takes, for a busy machine."""
        loop = asyncio.get_running_loop()
        deadline, wrong = loop.time() + seconds, None
        while loop.time() < deadline:
            wrong = [text for each in ("policyd", "milter") for text in [await self._shown(role, each, node)] if text]
            wrong += [text for text in [await self._shown_by_imap(role, node)] if text]
            if not wrong:
                return
            await asyncio.sleep(0.3)
        self.judge.problem("faults have their effect", f"{role.v4} {'joined as a node' if node else 'is a client'}, {seconds} s later: {wrong}")

    async def _shown(self, role, door, node):
        session = traffic.Session(self.going, next(self.going.numbers))
        try:
            async with session.client(plan.SERVICE_LOCAL, traffic.door(door), role) as conversation:
                await talk.greet(conversation, session.name)
                await talk.envelope(conversation, session.sender, traffic.SINK)
                return f"{door} takes it" if node else None
        except talk.Refused as refusal:
            return None if node and "infrastructure" in str(refusal.reply) else f"{door}: {refusal.reply}"
        except talk.Lost as lost:
            return f"{door}: {lost}"

    async def _shown_by_imap(self, role, node):
        session = traffic.Session(self.going, next(self.going.numbers))
        try:
            await traffic.imap(session, session.client(plan.SERVICE_LOCAL, traffic.imap_port("plain"), role))
            return "imap lets it in" if node else None
        except talk.Refused as refusal:
            return None if node else f"imap: {refusal.reply}"
        except talk.Lost as lost:
            return f"imap: {lost}"

    async def nodes_truncated(self, _title, value):
        text = self.stack.nodes.text()
        self.stack.nodes.write(text[:int(len(text) * (0.1 + 0.8 * value))])
        await self._kept()

    async def nodes_emptied(self, _title, _value):
        self.stack.nodes.write("")
        await self._kept()

    async def nodes_gone(self, _title, _value):
        os.rename(self.stack.nodes.path, self.stack.nodes.path + ".away")
        await asyncio.sleep(3)
        os.rename(self.stack.nodes.path + ".away", self.stack.nodes.path)
        await asyncio.sleep(1.5)

    async def nodes_half_written(self, _title, value):
        """In place, in pieces: each reader sees halves of it."""
        text = self.stack.nodes.text()
        for end in range(0, len(text), len(text) // 12):
            self.stack.nodes.write(text[:end])
            await asyncio.sleep(0.05 + 0.3 * value)
        await self._kept()

    async def _kept(self):
        await asyncio.sleep(2.5)
        self.stack.nodes.publish()
        await asyncio.sleep(1.5)

    async def nodes_swapped(self, _title, value):
        for _ in range(5 + int(30 * value)):
            self.stack.nodes.publish()
            await asyncio.sleep(0.08)

    # ---- the mail servers ----------------------------------------------------------------------------------------------
    async def postfix_reloaded(self, _title, _value):
        unshare = next(each for each in self.stack.processes.running if each.title == "postfix-master")
        for master in children(unshare.pid):
            os.kill(master, signal.SIGHUP)
        await asyncio.sleep(2)

    async def dovecot_reloaded(self, _title, _value):
        self._dovecot().send_signal(signal.SIGHUP)
        await asyncio.sleep(2)

    async def _dovecot_killed(self, name):
        for pid in children(self._dovecot().pid):
            if name_of(pid) == name:
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(3)                 # Dovecot's master waits before it starts another one

    async def dovecot_auth_killed(self, _title, _value):
        await self._dovecot_killed("auth")

    async def dovecot_login_killed(self, _title, _value):
        await self._dovecot_killed("imap-login")

    def _dovecot(self):
        return next(each for each in self.stack.processes.running if each.title.startswith("dovecot-"))

    async def run(self, step):
        """Brings it about, and looks whether the daemons noticed."""
        hits = FAULTS[step.name][0]
        deed = getattr(self, step.name.lower().replace(" ", "_"))
        wanted = self._effects(step)
        self.logs.read()
        before = {each: self.logs.said[each] for each in wanted}
        with self.judge.window(step.name, {step.title} if hits == "daemon" else hits):
            await deed(step.title, step.value)
        for _ in range(20):
            self.logs.read()
            missing = [each for each in wanted if self.logs.said[each] == before[each]]
            if not missing:
                return
            await asyncio.sleep(0.25)
        self.judge.problem("faults have their effect", f"{step.name} {step.title}: not said: {missing}")

    @staticmethod
    def _effects(step):
        """What must be said of it, and by whom."""
        if step.name in EVERYWHERE:
            return [(title, pattern) for title in DAEMONS for pattern in EVERYWHERE[step.name]]
        if step.name == "configuration broken":
            return [(step.title, watch.HAS_ERRORS)]
        if step.name == "keeper killed":
            return [(step.title, watch.NO_HELPER)]
        if step.name == "helper killed":
            return [(step.title, watch.HELPER_REPLACED)]
        return []


# A list that is broken is told of once and once again when it is good; one that was changed is read.
EVERYWHERE = {name: (watch.IS_STALE, watch.IS_GOOD) for name in watch.STALE} | {"nodes joined": (watch.NEW_RULES,)}

DAEMONS, POLICYDS = ("policyd", "policyd-fault", "milter"), ("policyd", "policyd-fault")

# name: what honest clients may miss meanwhile ("daemon": the one that is hit; nothing: they must notice nothing), on whom, ends a daemon's life.
FAULTS = {
    "killed": ("daemon", DAEMONS, True),
    "terminated": ("daemon", DAEMONS, True),
    "stopped": ("daemon", DAEMONS, False),
    "reloaded": ((), DAEMONS, False),
    "configuration broken": ((), DAEMONS, False),
    "socket gone": ("daemon", DAEMONS, False),
    "helper killed": ("daemon", POLICYDS, False),
    "keeper killed": ("daemon", POLICYDS, True),
    "Redis killed": ((), (), False),
    "Redis frozen": ((), (), False),
    "log rotated": ((), (), False),
    "log disk full": ((), (), False),
    "nodes joined": ((), (), False),
    "nodes truncated": ((), (), False),
    "nodes emptied": ((), (), False),
    "nodes gone": ((), (), False),
    "nodes half written": ((), (), False),
    "nodes swapped": ((), (), False),
    "Postfix reloaded": (("smtp",), (), False),
    "Dovecot reloaded": (("dovecot",), (), False),
    "Dovecot auth killed": (("dovecot",), (), False),
    "Dovecot login killed": (("dovecot",), (), False),
}

# What an impostor can't do.
REAL_ONLY = ("helper killed", "keeper killed", "nodes joined", "configuration broken")


def plan_of(seed, seconds, impostor=False, part=""):
    """The faults of a seed: each kind once before any comes again. In the second half the first policy server and the milter live on, so that
    their growth can be measured; the other policy server alone is ended then. `part`: of the names of those that come."""
    dice, at, deck = random.Random(seed), 0.0, []
    names = [name for name in FAULTS if part in name and not (impostor and name in REAL_ONLY)]
    while at < seconds:
        if not deck:
            deck = dice.sample(names, len(names))
        name = deck.pop()
        titles, ends = FAULTS[name][1:]
        title = dice.choice(titles) if titles else ""
        if ends and at > 0.4 * seconds:
            title = "policyd-fault"
        step = Step(dice.uniform(*PAUSE), name, title, dice.random())
        at += step.pause + 2.5                  # about; the soak ends when its time is up, wherever the plan stands
        yield step
