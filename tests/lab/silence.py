"""Nobody comes any more: the node that announces a Service's address has none of its pods (externalTrafficPolicy Local). Nothing arrives, so
nothing is logged; what is left to see is a time in /metrics that stands still, and the alert that looks at it."""

import contextlib
import dataclasses
import os
import re
import subprocess
import time

import plan
from realip import told
from steps import Seen

RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "prometheus", "mail-realip.rules.yml")
PATIENCE = 1            # seconds until a client gives up
DAYS = 8
MINUTES = DAYS * 1440   # of a busy past, until now


@contextlib.contextmanager
def announced_elsewhere(network, family):
    """The address is announced by node1, which has no pod of the Service; kube-proxy drops there what comes."""
    address = plan.SERVICE_LOCAL.of(family)
    network.client.ip(f"route replace {address} via {plan.NODE1_OUT.of(family)}")
    try:
        yield
    finally:
        network.client.ip(f"route replace {address} via {plan.NODE2_OUT.of(family)}")


def last_sessions(lab, guard):
    """{listener: when its last session was}, of the guard's /metrics."""
    text = told(lab.network.pod, guard, "/metrics")
    name = rf'^realip_last_session_timestamp_seconds{{source="{guard}",listener="([^"]*)"}} (\d+)$'
    return {listener: int(when) for listener, when in re.findall(name, text, re.MULTILINE)}


def alerts_for(folder, guard, heard):
    """The listeners for which MailRealipListenerSilent fires, by Prometheus' own judgement: each was busy for eight days, and then
    went on for half an hour as `heard` says: True, something new came; False, nothing did."""
    series = "".join(
        f"""      - series: 'realip_last_session_timestamp_seconds{{job="mail-realip-{guard}",instance="pod",source="{guard}",listener="{listener}"}}'
        values: '0+60x{MINUTES + 60 if goes_on else f"{MINUTES} {MINUTES * 60}x60"}'
""" for listener, goes_on in heard.items())
    path = os.path.join(folder, f"silence-{guard}.yml")
    with open(path, "w") as file:
        file.write(f"""rule_files: [ "{os.path.abspath(RULES)}" ]
evaluation_interval: 10m
tests:
  - interval: 1m
    input_series:
{series}    promql_expr_test:
      - expr: count by (listener) (ALERTS{{alertname="MailRealipListenerSilent", alertstate="firing"}})
        eval_time: {MINUTES + 30}m
""")
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, timeout=60)
    # It was promised that none fires: promtool tells which did.
    return set(re.findall(r'listener=\\?"([^"\\]+)\\?"', done.stdout.partition("got:")[2] + done.stderr.partition("got:")[2]))


@dataclasses.dataclass
class Vanished:
    """A client gets no connection, and the mail server notices nothing; behind a guard, its last session tells. `others` are steps that
    still reach the mail server meanwhile, the last of them a session at the listener `other`."""
    family: str
    door: object
    others: list = dataclasses.field(default_factory=list)
    other: str = ""
    with_alert: bool = False

    def run(self, lab):
        seen = Seen()
        guard = self.door.guard
        before = last_sessions(lab, guard) if guard else {}
        time.sleep(1.1 if guard else 0)         # what comes from now on has a later time
        with announced_elsewhere(lab.network, self.family):
            self._try(seen, lab)
            for step in self.others:
                one = step.run(lab)
                seen.problems += one.problems
                seen.transcript += one.transcript
        seen.verdict = "silence"
        if guard:
            self._judge(seen, lab, before, last_sessions(lab, guard))
        return seen

    def _try(self, seen, lab):
        mark = lab.postfix.log.mark()
        try:
            lab.network.client.connect(plan.SERVICE_LOCAL.of(self.family), self.door.port, timeout=PATIENCE).close()
            seen.problems.append("the client got a connection")
        except OSError as error:
            seen.told = f"{type(error).__name__}"
        shown = plan.CLIENT.of(self.family)
        seen.expect(f"{self.door.name}/smtpd" not in "".join(line for line in lab.postfix.log.since(mark).splitlines() if f"[{shown}]" in line),
                    "Postfix saw the client")

    def _judge(self, seen, lab, before, after):
        listener = self.door.listener
        seen.expect(before.get(listener, 0) > 0, f"{listener} had no session before: {before}")
        seen.expect(after.get(listener) == before.get(listener), f"{listener} heard something: {before} {after}")
        seen.expect(after.get(self.other, 0) > before.get(self.other, 0), f"{self.other} heard nothing: {before} {after}")
        if not self.with_alert:
            seen.verdict = "last session stands still"
            return
        heard = {each: after.get(each) != before.get(each) for each in (listener, self.other)}
        fired = alerts_for(lab.folder, self.door.guard, heard)
        seen.expect(fired == {listener}, f"the alert fires for {fired or 'nobody'}, heard: {heard}")
        seen.verdict = f"alert: {listener} is silent"
