"""The scenes with strangers in them: they reach the ports that are meant for proxies, and say whatever they like.

Only the policy server knows who is really connected, so only its doors are here."""

import clients
import plan
from crowds import Forgeries
from plan import V4
from scenes import Row, Route, verdict
from steps import Mail

TITLES = {
    "7": "a stranger's own PROXY header",
}

CLAIMS = {
    "mynetworks": plan.Address("10.244.9.9", "fd00:244::9:9"),
    "loopback": plan.Address("127.0.0.1", "::1"),
    "mapped": plan.Address("::ffff:10.244.9.9", "::ffff:10.244.9.9"),
    "proxy": plan.PROXY,
    "webmail": plan.WEBMAIL,
    "random": plan.Address("192.0.2.77", "2001:db8:77::77"),
}

UNTRUSTED = verdict("proxy-untrusted", "defer")
MISSING = verdict("proxy-missing", "defer")


def claim(name, version, to=plan.POD):
    role = CLAIMS[name]
    shown = plan.Address(*(address.removeprefix("::ffff:") for address in role.both()))
    return Route("stranger", to, shown, header=clients.Claim(version, role), peer=plan.STRANGER)


def says_truth(header, to=plan.POD):
    """A header that rewrites nothing."""
    return Route("stranger", to, plan.STRANGER, header=header, peer=plan.STRANGER)


def stranger_row(scene, kind, family, route, wanted, door="policyd-proxied", bare="bare-proxied", without="relayed", **how):
    outcome = {"defer": "deferred-rcpt", "reject": "rejected-rcpt", "pass": without, "no-relay": "relay-closed"}[wanted["action"]]
    return Row(f"{scene}/{kind}/{family}/{door}", scene, f"{kind} over {family}", "policyd", family,
               [Mail(route, family, plan.SMTP_DOORS[bare], without, **how)],
               [Mail(route, family, plan.SMTP_DOORS[door], outcome, wanted, **how)])


def scene_5b(family, _size):
    """Where HAProxy's peer address is kept, a stranger on the same port is told apart from it."""
    yield stranger_row("5b", "stranger", family, claim("mynetworks", "v2", plan.NODE2), UNTRUSTED)
    yield stranger_row("5b", "stranger-local", family, says_truth(clients.proxy_local, plan.NODE2), MISSING, without="delivered")
    yield stranger_row("5b", "stranger-truth", family, says_truth(clients.Claim("v1", None), plan.NODE2), MISSING, without="delivered")


def scene_7(family, size):
    for name, version in (("mynetworks", "v1"), ("mynetworks", "v2"), ("loopback", "v1"), ("loopback", "v2"), ("mapped", "v1"),
                          ("mapped", "v2"), ("proxy", "v2"), ("webmail", "v1")):
        yield stranger_row("7", f"{version}-{name}", family, claim(name, version), UNTRUSTED)
    yield stranger_row("7", "v2-random", family, claim("random", "v2"), UNTRUSTED, without="delivered")
    for name, version in (("mynetworks", "v1"), ("loopback", "v2")):
        yield stranger_row("7", f"{version}-{name}", family, claim(name, version), UNTRUSTED, "policyd-postscreen", "bare-postscreen")
    yield stranger_row("7", "starttls", family, claim("mynetworks", "v1"), UNTRUSTED, tls=True)
    yield stranger_row("7", "starttls", family, claim("mynetworks", "v2"), UNTRUSTED, "policyd-postscreen", "bare-postscreen", tls=True)
    yield stranger_row("7", "v2-mynetworks", family, claim("mynetworks", "v2"), verdict("proxy-untrusted", "reject"), "policyd-proxied-reject")
    for instance in ("sidecar", "nopidfd"):
        yield stranger_row("7", "v2-mynetworks", family, claim("mynetworks", "v2"), UNTRUSTED, f"policyd-proxied-{instance}")
    yield stranger_row("7", "local", family, says_truth(clients.proxy_local), MISSING, without="delivered")
    yield stranger_row("7", "truth", family, says_truth(clients.Claim("v2", None)), MISSING, without="delivered")
    if family == V4:        # both families at once
        yield from (forgeries_row(*each) for each in (("proxied", "", size.forgeries, 12), ("postscreen", "", size.forgeries // 5, 40),
                                                      ("proxied", "-sidecar", size.forgeries // 5, 12),
                                                      ("proxied", "-nopidfd", size.forgeries // 5, 12)))


def forgeries_row(door, instance, count, threads):
    name = f"policyd-{door}{instance}"
    return Row(f"7/{count}-forgeries/both/{name}", "7", f"{count} forgeries", "policyd", V4,
               [Forgeries(plan.SMTP_DOORS[f"bare-{door}"], 20, 20)], [Forgeries(plan.SMTP_DOORS[name], count, threads)])


SCENES = {"5b": scene_5b, "7": scene_7}
