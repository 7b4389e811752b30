"""What is looked at while the traffic runs: logs, processes, memory, descriptors, threads."""

import collections
import dataclasses
import os
import re
import statistics

import plan
from stack import children

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAX_LOG = 6 << 20               # bytes; then it is rotated, as logrotate's copytruncate does

VERDICT = re.compile(r"realip source=(\S+) listener=\S+ reason=(\S+) action=(\S+) wanted=\S+ client=(\S+) ")

HELPER_REPLACED, NO_HELPER = "the attestation helper died and was replaced$", "the attestation helper has ended: no peer can be known until a restart$"
NO_STORE = r"store = \S+: .*; suspects are told by this program's own counts until it is well again$"
IS_STALE, IS_GOOD = "networks infrastructure: '[^']*' is stale, its last good content stays in force ", "networks infrastructure: '[^']*' is good again "
HAS_ERRORS, NEW_RULES = "the configuration has errors: the old rules stay in force$", "new rules are in force$"

# What our daemons may say besides verdicts, and which faults must have been there for it (none: at any time).
STALE = ("nodes truncated", "nodes emptied", "nodes gone", "nodes half written")
BROKEN = ("configuration broken",)
KNOWN = [(re.compile(pattern), faults) for pattern, faults in (
    (r"ready$", ()),
    (NEW_RULES, ()),
    (r"\S+ behaves as a NAT: about \d+ different clients ", ()),
    (r"a policy request is refused and its connection closed: ", ()),
    (r"\d+ connections were closed with an unfinished request$", ("terminated",)),
    (HELPER_REPLACED, ("helper killed",)),
    (NO_HELPER, ("keeper killed",)),
    (NO_STORE, ("Redis killed", "Redis frozen")),
    (r"store = \S+: it is well again$", ("Redis killed", "Redis frozen")),
    (IS_STALE, STALE),
    (IS_GOOD, STALE),
    (HAS_ERRORS, BROKEN),
    (r"\S+\.conf(:\d+)?: ", BROKEN))]

# Lines of Postfix and Dovecot that tell of a crash, and of which faults they are no more than the trace.
FATAL = re.compile(r"\b(fatal|panic): |killed by signal|killed with signal|\b(Fatal|Panic): ")
TRACES = (("Dovecot auth killed", "killed with signal 9"), ("Dovecot login killed", "killed with signal 9"))


def known_reasons():
    """The vocabulary, from the one table that has it."""
    with open(os.path.join(ROOT, "common", "core", "verdict.h"), encoding="utf-8") as header:
        table = header.read().partition("#define REALIP_REASON_TABLE(X)")[2].partition("#define")[0]
    return set(re.findall(r'X\([A-Z_]+, "([a-z-]+)"', table)) - {"undecided"}


class Tail:
    """Whole lines of a log that grows, as they come."""

    def __init__(self, path):
        self.path, self.at, self.rest = path, 0, b""

    def lines(self):
        try:
            with open(self.path, "rb") as log:
                if os.fstat(log.fileno()).st_size < self.at:
                    self.at, self.rest = 0, b""
                log.seek(self.at)
                data = log.read()
        except FileNotFoundError:
            return []
        self.at += len(data)
        *whole, self.rest = (self.rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def rotate(self):
        """Copies nothing: what was read is enough. What is written between the last read and this is lost, as with copytruncate."""
        os.truncate(self.path, 0)
        self.at, self.rest = 0, b""


class Logs:
    def __init__(self, stack, judge):
        self.judge = judge
        self.ours = {title: Tail(stack.log_of(title)) for title in stack.daemons}
        self.postfix, self.dovecot = Tail(stack.postfix.log.path), Tail(stack.dovecot.log.path)
        self.reasons, self.known, self.torn = collections.Counter(), known_reasons(), 0
        self.said = collections.Counter()       # {(title, pattern): how often}
        self.nodes = {address for role in (plan.NODE1, plan.NODE2, plan.NODE3, plan.POD_GATEWAY) for address in role.both()}
        self.disk_was_full = self.odd_postfix = 0

    def read(self):
        for title, tail in self.ours.items():
            for line in tail.lines():
                self._ours(title, line)
            if tail.at > MAX_LOG:
                tail.rotate()
        for line in self.postfix.lines():
            if "from=<evil" in line and "qmgr[" in line and "size=" in line:
                self.judge.problem("no wrong pass", f"queued: {line}")
            self._fatal("Postfix", line)
        for line in self.dovecot.lines():
            self._verdict(line)
            self._fatal("Dovecot", line)
        if self.postfix.at > 8 * MAX_LOG:
            self.postfix.rotate()

    def _ours(self, title, line):
        if self._verdict(line):
            return
        text = line.partition(": ")[2]
        for pattern, faults in KNOWN:
            if pattern.match(text) and (not faults or any(self.judge.faults[fault] or self.judge.is_open(fault) for fault in faults)):
                self.said[title, pattern.pattern] += 1
                return
        if self.disk_was_full:
            self.torn += 1              # half of a line, and the next one behind it
            self.disk_was_full -= 1
            return
        self.judge.problem("known log lines, known reasons", f"{title}: {line}")

    def _verdict(self, line):
        found = VERDICT.search(line)
        if not found:
            return False
        source, reason, action, client = found.groups()
        self.reasons[source, reason] += 1
        if reason not in self.known:
            self.judge.problem("known log lines, known reasons", line)
        if action == "pass" and reason != "probe" and client in self.nodes:
            self.judge.problem("no wrong pass", f"a node passes: {line}")
        return True

    def _fatal(self, program, line):
        if FATAL.search(line) and not any(self.judge.faults[fault] + self.judge.is_open(fault) and trace in line for fault, trace in TRACES):
            self.judge.problem("no crash", f"{program}: {line}")


@dataclasses.dataclass
class Sample:
    at: float
    memory: int         # kB of its own
    descriptors: int
    threads: int


def measure(pid, at):
    """None when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            fields = dict(line.split(":", 1) for line in status if ":" in line)
        return Sample(at, int(fields["RssAnon"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"]))
    except (OSError, KeyError):
        return None


class Processes:
    """Each process of ours, sampled; the first sample of a life is taken before any session came."""

    MEMORY_MARGIN = 512         # kB in the second half
    DESCRIPTOR_MARGIN, THREAD_MARGIN = 4, 1

    def __init__(self, stack, judge):
        self.stack, self.judge = stack, judge
        self.expected = set()                       # whose end somebody brought about
        self.samples = collections.defaultdict(list)    # {(title, part): samples of the present life}
        self.alive, self.at_rest = {}, {}

    def parts(self, title):
        """{part: pid}: the daemon, its keeper and its helper."""
        found = {"": self.stack.daemons[title].pid}
        if title != "milter" and not self.stack.impostor:
            for keeper in children(found[""]):
                found["keeper"] = keeper
                for helper in children(keeper):
                    found["helper"] = helper
        return found

    def rest(self):
        """Before the traffic: what each has when nobody is there."""
        for title in self.stack.daemons:
            for part, pid in self.parts(title).items():
                self.at_rest[title, part] = measure(pid, 0)

    def sample(self, at):
        for title in self.stack.daemons:
            for part, pid in self.parts(title).items():
                if self.alive.get((title, part)) != pid:
                    self.alive[title, part], self.samples[title, part] = pid, []
                found = measure(pid, at)
                if found:
                    self.samples[title, part].append(found)

    def look(self):
        """Nobody may have ended unasked."""
        for process in list(self.stack.processes.running):
            if process.poll() is not None and process not in self.expected:
                self.expected.add(process)
                self.judge.problem("no crash", f"{process.title} ended with {process.returncode}")

    def end(self, process):
        """Ends it, and expects that."""
        self.expected.add(process)
        process.kill()

    def rested(self):
        """Has everybody gone?"""
        for (title, part), base in self.at_rest.items():
            pid = self.parts(title).get(part)
            now = measure(pid, 0) if pid else None
            if now and base and now.descriptors > base.descriptors:
                return False
        return True

    def judge_growth(self, since):
        """Of those that live since then; rows for the table: (name, seconds, memory before and after, descriptors and threads at rest and now)."""
        rows = []
        for (title, part), samples in sorted(self.samples.items()):
            name = f"{title} {part}".strip()
            later = [each for each in samples if each.at >= since]
            last = samples[-1] if samples else None
            if not last:
                continue
            base = self.at_rest.get((title, part)) or samples[0]
            before = after = None
            if samples[0].at <= since and len(later) >= 6:
                third = len(later) // 3
                before = statistics.median(each.memory for each in later[:third])
                after = statistics.median(each.memory for each in later[-third:])
                if after - before > self.MEMORY_MARGIN:
                    self.judge.problem("no growth", f"{name}, memory: grew from {before:.0f} kB to {after:.0f} kB in {later[-1].at - later[0].at:.0f} s")
            if last.descriptors > base.descriptors + self.DESCRIPTOR_MARGIN:
                self.judge.problem("no growth", f"{name}, descriptors: {last.descriptors} at rest, {base.descriptors} before")
            if last.threads > base.threads + self.THREAD_MARGIN:
                self.judge.problem("no growth", f"{name}, threads: {last.threads} at rest, {base.threads} before")
            rows.append((name, last.at - samples[0].at, before, after, base.descriptors, max(each.descriptors for each in samples), last.descriptors,
                         base.threads, last.threads))
        return rows
