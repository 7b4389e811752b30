"""The scenes, and the rows made of them. A row has two sides, each a list of steps: without mail-realip and with it.

A route says how a client reaches the mail pod; `Route.shown` is the address that the mail server then takes for the client's."""

import dataclasses

import clients
import plan
from plan import V4
from silence import Vanished
from steps import Check, Login, Mail, Probe

TITLES = {
    "1": "LoadBalancer, externalTrafficPolicy Local",
    "2": "LoadBalancer, Cluster: kube-proxy masquerades",
    "3": "HAProxy with PROXY v2",
    "4": "HAProxy behind a masquerading Service",
    "5": "HAProxy to a masquerading NodePort",
    "5b": "HAProxy to a NodePort with Local",
    "8": "health checks",
    "9": "webmail and fetchmail inside",
    "12": "Docker: IPv6 through its IPv4 gateway",
    "13": "direct server return",
    "15": "the announcing node has no pod: nothing arrives",
}


@dataclasses.dataclass(frozen=True)
class Route:
    """From a host to an address, in one family."""
    host: str
    to: plan.Address
    shown: plan.Address
    source: plan.Address = None
    header: object = None       # what the client says first: makes bytes of its connection
    peer: plan.Address = None   # who then is at the other end of the TCP connection, where a row asks for that


ROUTES = {
    "1": Route("client", plan.SERVICE_LOCAL, plan.CLIENT),
    "2": Route("client", plan.SERVICE_CLUSTER, plan.NODE1),
    "3": Route("client", plan.PROXY_OUT, plan.CLIENT),
    "4": Route("client", plan.SERVICE_PROXY, plan.NODE1),
    "5": Route("client", plan.PROXY_NODEPORT, plan.CLIENT),
    "5b": Route("client", plan.PROXY_NODEPORT_LOCAL, plan.CLIENT),
    "8-plain": Route("node2", plan.POD, plan.POD_GATEWAY),
    "8-smtpchk": Route("proxy", plan.POD, plan.PROXY),
    "8-local": Route("proxy", plan.POD, plan.PROXY, header=clients.proxy_local),
    "9-webmail": Route("web", plan.POD, plan.WEBMAIL, plan.WEBMAIL),
    "9-fetchmail": Route("web", plan.POD, plan.FETCHMAIL, plan.FETCHMAIL),
    "12": Route("client", plan.DOCKER_OUT, plan.Address(plan.CLIENT.v4, plan.DOCKER_GATEWAY.v4)),
    "13": Route("client", plan.SERVICE_DSR, plan.CLIENT),
}


@dataclasses.dataclass
class Row:
    id: str
    scene: str
    tried: str
    guard: str                  # policyd, milter or dovecot
    family: str
    without: list
    with_it: list
    needs_nginx: bool = False
    needs_promtool: bool = False
    crowd: bool = False         # made of many sessions: --size tells how many
    whole: bool = False         # left out unless asked for: --dovecot, --scenes, --rows

    def needs_dovecot(self):
        """As guard, or to check the passwords of submission."""
        return self.guard == "dovecot" or any(isinstance(step, Mail) and (step.door.login or step.door.xclient) for step in self.with_it)


def verdict(reason, wanted, action=None):
    return {"reason": reason, "wanted": wanted, "action": action or wanted}


REAL, INTERNAL = verdict("real", "pass"), verdict("internal", "pass")


def refused(reason):
    return verdict(reason, "defer")


def _guard_suffix(guard, mode):
    return guard if mode == "enforce" else f"{guard}-{mode}"


def smtp_row(scene, family, guard, wanted, mode="enforce", route=None, kind="smtp", door="", bare="bare", forged=False):
    """One message to an own and to a stranger's domain. `door` is the guarded door's suffix, `bare` the unguarded one."""
    path = ROUTES[route or scene]
    suffix = door + ("" if mode == "enforce" else f"-{mode}")
    # The bare server relays where the address shown lies in mynetworks, and for those who logged in.
    trusted = wanted["reason"] != "real" or plan.SMTP_DOORS[bare].login
    without = Mail(path, family, plan.SMTP_DOORS[bare], "relayed" if trusted else "delivered", forged=forged)
    with_it = Mail(path, family, plan.SMTP_DOORS[guard + suffix], _mail_outcome(guard, wanted, trusted), wanted, forged=forged)
    tried = f"{kind.removesuffix('-elsewhere')} over {family}"
    return Row(f"{scene}/{kind}/{family}/{_guard_suffix(guard, mode)}", scene, tried, guard, family, [without], [with_it])


def _mail_outcome(guard, wanted, trusted):
    if wanted["action"] == "defer":
        return "deferred-rcpt" if guard == "policyd" else "deferred-mail"
    if wanted["action"] == "no-relay":
        return "relay-closed"
    return "relayed" if trusted else "delivered"


def login_row(scene, family, protocol, wanted, mode="enforce", route=None, proxied=False, kind=None, instance=None):
    path = ROUTES[route or scene]
    instance = instance or _guard_suffix("dovecot", mode)
    opens = wanted["action"] != "defer"
    without = Login(path, family, protocol, "bare", proxied, True)
    with_it = Login(path, family, protocol, instance, proxied, opens, wanted)
    return Row(f"{scene}/{kind or protocol}/{family}/{_guard_suffix('dovecot', mode)}", scene, f"{protocol} over {family}", "dovecot",
               family, [without], [with_it])


PROTOCOLS, GUARDS = ("imap", "pop3"), ("policyd", "milter")


def _direct(scene, family, wanted):
    """A scene without PROXY, in every guard."""
    yield from (smtp_row(scene, family, guard, wanted) for guard in GUARDS)
    yield from (login_row(scene, family, protocol, wanted) for protocol in PROTOCOLS)


def submission_row(scene, family, guard, wanted, mode="enforce"):
    return smtp_row(scene, family, guard, wanted, mode, kind="submission", door="-submission", bare="bare-submission")


def _proxied(scene, family, wanted, postscreen=False):
    """The same behind PROXY; wanted may differ by guard."""
    for guard in GUARDS:
        yield smtp_row(scene, family, guard, wanted[guard], door="-proxied", bare="bare-proxied")
        if postscreen:
            yield smtp_row(scene, family, guard, wanted[guard], door="-postscreen", bare="bare-postscreen", kind="postscreen")
    yield from (login_row(scene, family, protocol, wanted["dovecot"], proxied=True) for protocol in PROTOCOLS)


def _everywhere(wanted):
    return dict.fromkeys((*GUARDS, "dovecot"), wanted)


def scene_1(family, _attested):
    yield from _direct("1", family, REAL)
    yield from (submission_row("1", family, guard, REAL) for guard in GUARDS)
    yield smtp_row("1", family, "milter", REAL, kind="forged-header", forged=True)


def scene_2(family, _attested):
    yield from _direct("2", family, refused("infrastructure"))
    monitored = verdict("infrastructure", "defer", "pass")
    yield from (smtp_row("2", family, guard, monitored, "monitor") for guard in GUARDS)
    yield from (login_row("2", family, protocol, monitored, "monitor") for protocol in PROTOCOLS)
    yield smtp_row("2", family, "policyd", verdict("infrastructure", "defer", "no-relay"), "protect")
    # Only the policy server can close relaying alone; in the milter that is a flag.
    flagged = verdict("infrastructure", "defer", "flag")
    yield smtp_row("2", family, "milter", flagged, "protect")
    yield from (submission_row("2", family, guard, refused("infrastructure")) for guard in GUARDS)
    # Closing relays spares those who logged in with a password.
    yield from (submission_row("2", family, guard, flagged, "protect") for guard in GUARDS)


def scene_3(family, _attested):
    yield from _proxied("3", family, _everywhere(REAL), postscreen=True)


def scene_4(family, attested):
    """Who knows the true peer sees that the proxy asserted an inside address; the others see a node."""
    yield from _proxied("4", family, {guard: refused("inside-asserted" if guard in attested else "infrastructure")
                                      for guard in (*GUARDS, "dovecot")})


def scene_5(family, _attested):
    yield from _proxied("5", family, _everywhere(REAL))


def scene_5b(family, _attested):
    yield from _proxied("5b", family, _everywhere(REAL))


def scene_8(family, _attested):
    """A prober greets and quits; when it wants more, its address is judged as any other."""
    cases = (("plain", "", "bare", "infrastructure"), ("smtpchk", "", "bare", "proxy-shown"),
             ("local", "-proxied", "bare-proxied", "proxy-shown"))
    for kind, suffix, bare, reason in cases:
        for guard in GUARDS:
            path = ROUTES["8-" + kind]
            row = smtp_row("8", family, guard, refused(reason), route="8-" + kind, kind=kind, door=suffix, bare=bare)
            for side, door in ((row.without, bare), (row.with_it, guard + suffix)):
                side.insert(0, Check(family, plan.SMTP_DOORS[door]) if kind != "plain" else Probe(path, family, plan.SMTP_DOORS[door]))
            row.tried = f"{kind} check over {family}"
            yield row
    for kind, proxied, reason in (("plain", False, "infrastructure"), ("local", True, "proxy-shown")):
        for protocol in PROTOCOLS:
            yield login_row("8", family, protocol, refused(reason), route="8-" + kind, proxied=proxied, kind=f"{kind}-{protocol}")


def scene_9(family, _attested):
    """Inside clients pass on the listener that is meant for them, and on no other."""
    for who in ("webmail", "fetchmail"):
        for guard in GUARDS:
            yield smtp_row("9", family, guard, INTERNAL, route="9-" + who, kind=who, door="-internal")
        for guard in GUARDS:
            yield smtp_row("9", family, guard, refused("infrastructure"), route="9-" + who, kind=who + "-elsewhere")
    for protocol in PROTOCOLS:
        yield login_row("9", family, protocol, INTERNAL, route="9-webmail", kind=f"webmail-{protocol}", instance="dovecot-internal")
        yield login_row("9", family, protocol, refused("infrastructure"), route="9-webmail", kind=f"webmail-{protocol}-elsewhere")


def scene_12(family, _attested):
    """IPv4 clients show themselves, IPv6 ones the IPv4 gateway, at the same time and on the same port."""
    yield from _direct("12", family, REAL if family == V4 else refused("infrastructure"))


def scene_13(family, _attested):
    yield from _direct("13", family, REAL)


def scene_15(family, _attested):
    """Health checks and the way through HAProxy go on; only who comes by the Service's address is gone."""
    for guard in GUARDS:
        door, proxied = plan.SMTP_DOORS[guard], plan.SMTP_DOORS[f"{guard}-proxied"]
        before = {"bare": Mail(ROUTES["1"], family, plan.SMTP_DOORS["bare"], "delivered"), guard: Mail(ROUTES["1"], family, door, "delivered", REAL)}
        others = [Probe(ROUTES["8-plain"], family, door), Mail(ROUTES["3"], family, proxied, "delivered", REAL)]
        for kind in ("silence", "alert") if family == V4 else ("silence",):
            yield Row(f"15/{kind}/{family}/{guard}", "15", f"{kind} over {family}", guard, family,
                      [before["bare"], Vanished(family, plan.SMTP_DOORS["bare"])],
                      [before[guard], Vanished(family, door, others, proxied.listener, kind == "alert")], needs_promtool=kind == "alert")


SCENES = {"1": scene_1, "2": scene_2, "3": scene_3, "4": scene_4, "5": scene_5, "5b": scene_5b, "8": scene_8, "9": scene_9,
          "12": scene_12, "13": scene_13, "15": scene_15}
