"""The scenes with strangers in them: they reach the ports that are meant for proxies, and say whatever they like.

Only the policy server knows who is really connected, so only its doors are here."""

import clients
import nginx
import plan
from crowds import Bursts, Forgeries, ShutDoor
from faults import FAULTS, Fault
from plan import V4
from scenes import REAL, Row, Route, verdict
from steps import Mail

TITLES = {
    "7": "a stranger's own PROXY header",
    "10": "nginx's mail proxy with XCLIENT",
    "11": "one burst, and gone before it is judged",
    "fault": "the policy server is in trouble, and mail goes on",
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


def stranger_row(scene, kind, family, route, wanted, door="policyd-proxied", bare="bare-proxied", without="relayed", nginx=False, **how):
    outcome = {"defer": "deferred-rcpt", "reject": "rejected-rcpt", "pass": without, "no-relay": "relay-closed"}[wanted["action"]]
    return Row(f"{scene}/{kind}/{family}/{door}", scene, f"{kind} over {family}", "policyd", family,
               [Mail(route, family, plan.SMTP_DOORS[bare], without, **how)],
               [Mail(route, family, plan.SMTP_DOORS[door], outcome, wanted, **how)], nginx)


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
        yield from (forgeries_row(*each) for each in (("proxied", "", size.forgeries, 12), ("postscreen", "", size.forgeries // 5, 64),
                                                      ("proxied", "-sidecar", size.forgeries // 5, 12),
                                                      ("proxied", "-nopidfd", size.forgeries // 5, 12)))


    if family == V4 and size.forgeries >= 1000:
        door = plan.SMTP_DOORS["bare-spare"]
        yield Row("7/local-resets/v4/bare", "7", "LOCAL, reset", "postfix", V4, [ShutDoor(door, V4)], [], crowd=True)


def forgeries_row(door, instance, count, threads):
    name = f"policyd-{door}{instance}"
    return Row(f"7/{count}-forgeries/both/{name}", "7", f"{count} forgeries", "policyd", V4,
               [Forgeries(plan.SMTP_DOORS[f"bare-{door}"], 20, 20)], [Forgeries(plan.SMTP_DOORS[name], count, threads)], crowd=True)


def xclient(shown, family, login=False):
    """An XCLIENT command that names this address and, where asked for, somebody who logged in elsewhere."""
    address = shown.of(family)
    return "ADDR=" + ("IPV6:" if ":" in address else "") + address + (" LOGIN=ceo" if login else "")


def scene_10(family, _size):
    """XCLIENT supplies an address as PROXY does: from nginx on a listed host, on one that is not, and by hand."""
    def through(name, peer):
        return Route("client", nginx.HOSTS[name], plan.CLIENT, peer=peer)

    doors = {"door": "policyd-xclient", "bare": "bare-xclient"}
    listed, unlisted = through("proxy", plan.PROXY), through("stranger", plan.STRANGER)
    yield stranger_row("10", "listed", family, listed, REAL, without="delivered", nginx=True, **doors)
    yield stranger_row("10", "unlisted", family, unlisted, UNTRUSTED, without="delivered", nginx=True, **doors)
    # Postfix lets the stranger's host say XCLIENT, as one forgotten line in main.cf would: all is its to choose, a login too.
    claimed = {kind: Route("stranger", plan.POD, role, peer=plan.STRANGER) for kind, role in CLAIMS.items()}
    yield stranger_row("10", "xclient-mynetworks", family, claimed["mynetworks"], UNTRUSTED,
                       xclient=xclient(CLAIMS["mynetworks"], family), **doors)
    forged_login = {"xclient": xclient(CLAIMS["random"], family, login=True), "forged_login": True}
    yield stranger_row("10", "xclient-login", family, claimed["random"], UNTRUSTED, **forged_login, **doors)
    # Closing relays spares who logged in with a password; a login that XCLIENT tells of is none.
    yield stranger_row("10", "xclient-login", family, claimed["random"], verdict("proxy-untrusted", "defer", "no-relay"), **forged_login,
                       door="policyd-xclient-protect", bare="bare-xclient")
    # A forged PROXY header names a host that may say XCLIENT, and XCLIENT the rest: the true peer shows through both.
    chained = Route("stranger", plan.POD, CLAIMS["mynetworks"], peer=plan.STRANGER, header=clients.Claim("v2", plan.XCLIENT_NOBODY))
    yield stranger_row("10", "chained", family, chained, UNTRUSTED, "policyd-chained", "bare-chained",
                       xclient=xclient(CLAIMS["mynetworks"], family))
    chained = Route("stranger", plan.POD, CLAIMS["random"], peer=plan.STRANGER, header=clients.Claim("v1", plan.XCLIENT_NOBODY))
    yield stranger_row("10", "chained-login", family, chained, UNTRUSTED, "policyd-chained", "bare-chained", **forged_login)


def scene_11(family, size):
    for door in ("proxied", "postscreen"):
        for reset in (True, False):
            yield bursts_row(family, door, "", size.bursts, reset)
    for instance in ("sidecar", "nopidfd"):
        yield bursts_row(family, "proxied", "-" + instance, size.bursts // 4, True)


def bursts_row(family, door, instance, count, reset):
    name, kind = f"policyd-{door}{instance}", "resets" if reset else "ends"
    return Row(f"11/{count}-{kind}/{family}/{name}", "11", f"{count} {kind} over {family}", "policyd", family,
               [Bursts(plan.SMTP_DOORS[f"bare-{door}"], family, count, reset)], [Bursts(plan.SMTP_DOORS[name], family, count, reset)],
               crowd=True)


def scene_fault(family, size):
    door = plan.SMTP_DOORS["policyd-proxied-fault"]
    if family == V4:        # both families at once
        for kind in FAULTS:
            # Only who is stopped for longer than Postfix's patience is seen to be missed.
            seconds = size.fault_seconds if kind == "stopped" else size.fault_seconds / 2
            yield Row(f"fault/{kind}/both/policyd", "fault", kind, "policyd", family, [], [Fault(kind, door, seconds)], crowd=True)
        monitor = Fault("killed", plan.SMTP_DOORS["policyd-proxied-monitor"], size.fault_seconds)
        yield Row("fault/killed/both/policyd-monitor", "fault", "killed", "policyd", family, [], [monitor], crowd=True)


SCENES = {"5b": scene_5b, "7": scene_7, "10": scene_10, "11": scene_11, "fault": scene_fault}
