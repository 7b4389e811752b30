"""The scenes at Dovecot's doors: each protocol, refused before its greeting (`login`) or at the password (`passdb`); Postfix's submission, which
asks Dovecot for passwords; and LMTP, which is never judged."""

import dataclasses
import functools

import clients
import plan
from dovecot_steps import Checked, Delivery, Events, Pieces, Sasl, Session
from mailboxes import Manner
from plan import V4, V6
from scenes import INTERNAL, REAL, ROUTES, Route, Row, refused, verdict

TITLES = {
    "headers": "Dovecot: LOCAL, UNKNOWN, UNSPEC, pieces, strangers",
    "supplied": "Dovecot: an address by ID or XCLIENT",
    "tls": "Dovecot: TLS, and clients that do not wait",
    "events": "Dovecot: its metrics count what was logged",
}

# Who is at the other end of the TCP connection where it is not who is shown.
PEERS = {"3": plan.PROXY, "4": plan.PROXY, "5": plan.NODE3, "5b": plan.PROXY}

PROBE = verdict("probe", "pass")
REFUSALS, FOR_GOOD = ("defer", "reject"), verdict("infrastructure", "reject")
UNTRUSTED, MISSING, INSIDE, SHOWN = (refused(reason) for reason in ("proxy-untrusted", "proxy-missing", "inside-asserted", "proxy-shown"))


def line(source, wanted, client, peer, service, user=None):
    return wanted | {"source": "dovecot-" + source, "client": client, "peer": peer, "service": service} | ({"user": user} if user else {})


def _lines(instance, wanted, client, peer, protocol, at_connect, at_login=None, name="{user}"):
    """What each module says in its turn; who refuses is the last. `at_connect`: what the login module says before the client is
    known by name; None where it leaves that to the login."""
    said = []
    if "login" in instance.modules and at_connect:
        said.append(line("login", at_connect, client, peer, protocol))
        if at_connect["action"] in REFUSALS:
            return said
    if "auth" in instance.modules:
        said.append(line("auth", wanted, client, peer, protocol, name))
    if wanted["action"] not in REFUSALS:
        said.append(line("mail", wanted, client, peer, protocol, name))
        if "login" in instance.modules and not at_connect:
            said.append(line("login", wanted, client, peer, protocol))
    return said


def door_row(scene, family, protocol, name, wanted, route, peer=None, at_connect="the same", door="plain", kind=None, manner=Manner(),
             bare="bare", shown=None):
    """A session without our modules, and with those of the instance of this name."""
    instance, client = plan.DOVECOT_INSTANCES[name], (shown or route.shown).of(family)
    at_connect = wanted if at_connect == "the same" else at_connect
    lines = _lines(instance, wanted, client, (peer or route.shown).of(family), protocol, at_connect)
    refuses = lines[-1]["action"] in REFUSALS
    outcome = "opens" if not refuses else "refused-connect" if lines[-1]["source"] == "dovecot-login" else "refused-login"
    route = dataclasses.replace(route, shown=shown or route.shown)
    # Only who is refused at connect can be asked not to wait.
    patient = dataclasses.replace(manner, ahead=False)
    without = Session(route, family, protocol, bare, door, "opens", manner=patient)
    with_it = Session(route, family, protocol, name, door, outcome, tuple(lines), manner)
    return Row(f"{scene}/{kind or protocol}/{family}/{name}", scene, f"{protocol} over {family}", "dovecot", family, [without], [with_it])


GUARDS = ("login", "passdb")


def _doors(scene, family, wanted, door="plain", route=None, kind="{}", at_connect="the same", instances=GUARDS):
    """In each protocol, by each module that refuses."""
    for protocol in plan.LOGIN_PROTOCOLS:
        for name in instances:
            yield door_row(scene, family, protocol, name, wanted, ROUTES[route or scene], PEERS.get(scene), at_connect, door,
                           kind.format(protocol))


def sasl_row(scene, family, wanted, route=None, proxied=False, kind="sasl", door="sasl"):
    """Postfix tells Dovecot the address, and nobody who supplied it: who names a node is judged as one that shows it."""
    path, suffix = ROUTES[route or scene], "-proxied" if proxied else ""
    passes = wanted["action"] not in REFUSALS
    lines = [line("auth", wanted, path.shown.of(family), "-", "smtp")]
    without = Sasl(path, family, plan.SMTP_DOORS["bare-submission" + suffix], True)
    with_it = Sasl(path, family, plan.SMTP_DOORS[door + suffix], passes, tuple(lines))
    return Row(f"{scene}/{kind}/{family}/{plan.SMTP_DOORS[door].passwords}", scene, f"Postfix's AUTH over {family}", "dovecot", family,
               [without], [with_it])


def lmtp_row(scene, family, route=None, door="plain", kind="lmtp"):
    path = ROUTES[route or scene]
    return Row(f"{scene}/{kind}/{family}/login", scene, f"LMTP over {family}", "dovecot", family,
               [Delivery(path, family, "bare", door)], [Delivery(path, family, "login", door)])


def checked_row(family, protocol):
    """Health checks are green while who comes from there is refused at the password."""
    at_password = door_row("8", family, protocol, "reject", FOR_GOOD, ROUTES["8-plain"], at_connect=PROBE)
    return Row(f"8/checks-{protocol}/{family}/reject", "8", f"HAProxy's checks of {protocol}", "dovecot", family,
               [Checked(family, protocol, "bare")], [Checked(family, protocol, "reject"), *at_password.with_it])


def scene_1(family):
    yield from _doors("1", family, REAL)
    yield sasl_row("1", family, REAL)
    yield lmtp_row("1", family)


def scene_2(family):
    yield from _doors("2", family, refused("infrastructure"))
    yield from _doors("2", family, verdict("infrastructure", "defer", "pass"), instances=("dovecot-monitor",), kind="{}-whole")
    yield sasl_row("2", family, refused("infrastructure"))
    yield sasl_row("2", family, verdict("infrastructure", "defer", "pass"), door="sasl-monitor")
    # Refused for good: before the greeting, and at the password.
    yield from _doors("2", family, FOR_GOOD, instances=("reject",))
    yield sasl_row("2", family, FOR_GOOD, door="sasl-reject")
    yield lmtp_row("2", family)


def told_by_a_proxy(scene, family):
    """Scenes 3, 5 and 5b: whoever is connected is a listed proxy, and its header names the client."""
    yield from _doors(scene, family, REAL, "proxied")
    yield sasl_row(scene, family, REAL, proxied=True)
    yield lmtp_row(scene, family, door="proxied")


def scene_4(family):
    yield from _doors("4", family, INSIDE, "proxied")
    yield sasl_row("4", family, refused("infrastructure"), proxied=True)
    yield lmtp_row("4", family, door="proxied")


def scene_8(family):
    """A prober is greeted, and can't log in."""
    yield from _doors("8", family, refused("infrastructure"), route="8-plain", kind="plain-{}", at_connect=PROBE)
    yield from _doors("8", family, FOR_GOOD, route="8-plain", kind="plain-{}", at_connect=PROBE, instances=("reject",))
    for protocol in plan.LOGIN_PROTOCOLS:
        yield checked_row(family, protocol)
    yield from _doors("8", family, SHOWN, "proxied", route="8-local", kind="local-{}", at_connect=PROBE)
    yield sasl_row("8", family, refused("infrastructure"), route="8-plain", kind="plain-sasl")
    yield lmtp_row("8", family, route="8-plain", kind="plain-lmtp")


def scene_9(family):
    for who in ("webmail", "fetchmail"):
        yield from _doors("9", family, INTERNAL, route="9-" + who, kind=who + "-{}", instances=("dovecot-internal",))
        yield from _doors("9", family, refused("infrastructure"), route="9-" + who, kind=who + "-{}-elsewhere")
    yield sasl_row("9", family, refused("infrastructure"), route="9-webmail", kind="webmail-sasl-elsewhere")
    yield lmtp_row("9", family, route="9-webmail", kind="webmail-lmtp")


def scene_12(family):
    wanted = REAL if family == V4 else refused("infrastructure")
    yield from _doors("12", family, wanted)
    yield sasl_row("12", family, wanted)
    yield lmtp_row("12", family)


def scene_13(family):
    yield from _doors("13", family, REAL)
    yield sasl_row("13", family, REAL)
    yield lmtp_row("13", family)


def _from(host, role, header):
    return Route(host, plan.POD, role, header=header)


def scene_headers(family):
    # A listed proxy that tells nobody's address: Dovecot goes on with the proxy's own.
    for what, header in (("local", clients.proxy_local), ("unknown", clients.proxy_unknown), ("unspec", clients.proxy_unspec)):
        route = _from("node3", plan.NODE3, header)
        for protocol in plan.LOGIN_PROTOCOLS:
            for name in GUARDS:
                yield door_row("headers", family, protocol, name, SHOWN, route, plan.NODE3, door="proxied", kind=f"{what}-{protocol}")
    for protocol in plan.LOGIN_PROTOCOLS:
        yield from _strangers(family, protocol)
        yield _pieces(family, protocol)


def _strangers(family, protocol):
    chosen = plan.Address("192.0.2.77", "2001:db8:77::77")
    header = clients.Claim("v2", chosen)
    # Dovecot's own list keeps a stranger off, and lets the proxies in.
    dropped = _from("stranger", chosen, header)
    honest = ROUTES["3"]
    lines = _lines(plan.DOVECOT_INSTANCES["login"], REAL, plan.CLIENT.of(family), plan.PROXY.of(family), protocol, REAL)
    yield Row(f"headers/stranger-{protocol}/{family}/login", "headers", f"a stranger's {protocol}", "dovecot", family,
              [Session(dropped, family, protocol, "bare", "proxied", "dropped"), Session(honest, family, protocol, "bare", "proxied", "opens")],
              [Session(dropped, family, protocol, "login", "proxied", "dropped"),
               Session(honest, family, protocol, "login", "proxied", "opens", tuple(lines))])
    # Where that list is too wide, we do.
    yield door_row("headers", family, protocol, "wide", UNTRUSTED, _from("stranger", chosen, header), plan.STRANGER, door="proxied",
                   kind=f"stranger-{protocol}", bare="bare-wide")
    yield door_row("headers", family, protocol, "wide", UNTRUSTED, _from("stranger", plan.WEBMAIL, clients.Claim("v1", plan.WEBMAIL)),
                   plan.STRANGER, door="proxied", kind=f"stranger-webmail-{protocol}", bare="bare-wide")
    # Who says nothing of others can't be told from one who came without a header.
    for what, header in (("local", clients.proxy_local), ("truth", clients.Claim("v1", None))):
        yield door_row("headers", family, protocol, "wide", MISSING, Route("client", plan.SERVICE_LOCAL, plan.CLIENT, header=header), plan.CLIENT,
                       door="proxied", kind=f"missing-{what}-{protocol}", bare="bare-wide")


def _pieces(family, protocol):
    route, header = _from("node3", plan.NODE1, None), clients.Claim("v2", plan.NODE1)
    lines = _lines(plan.DOVECOT_INSTANCES["login"], REAL, plan.CLIENT.of(family), plan.PROXY.of(family), protocol, REAL)
    return Row(f"headers/pieces-{protocol}/{family}/login", "headers", f"{protocol}, a header in pieces", "dovecot", family,
               [Pieces(route, family, protocol, "bare", header)],
               [Pieces(route, family, protocol, "login", header),
                Session(ROUTES["3"], family, protocol, "login", "proxied", "opens", tuple(lines))])


def scene_supplied(family):
    outside, inside = plan.CLIENT, plan.NODE1
    for protocol in plan.LOGIN_PROTOCOLS:
        for who, host, role, named, wanted in (("listed", "proxy", plan.PROXY, outside, REAL), ("listed-node", "proxy", plan.PROXY, inside, INSIDE),
                                               ("unlisted", "stranger", plan.STRANGER, outside, UNTRUSTED)):
            yield door_row("supplied", family, protocol, "wide", wanted, _from(host, named, None), role, None, kind=f"{who}-{protocol}",
                           manner=Manner(supplied=named.of(family)), bare="bare-wide")


def scene_tls(family):
    implicit, start, ahead = Manner(tls="implicit"), Manner(tls="start"), Manner(ahead=True)
    # Not ManageSieve, which has no TLS but by STARTTLS (RFC 5804 section 2.2): Dovecot's sometimes stands still on such a port, with modules or without.
    for protocol in ("imap", "pop3", "submission"):
        yield door_row("tls", family, protocol, "login", REAL, ROUTES["3"], plan.PROXY, door="tls", kind=f"implicit-{protocol}", manner=implicit)
        for name in GUARDS:
            yield door_row("tls", family, protocol, name, INSIDE, ROUTES["4"], plan.PROXY, door="tls", kind=f"implicit-node-{protocol}",
                           manner=implicit)
    for protocol in plan.LOGIN_PROTOCOLS:
        # A prober gets as far as STARTTLS, and no further than the password.
        for name in GUARDS:
            yield door_row("tls", family, protocol, name, refused("infrastructure"), ROUTES["8-plain"], at_connect=PROBE,
                           kind=f"starttls-{protocol}", manner=start)
        yield door_row("tls", family, protocol, "login", refused("infrastructure"), ROUTES["2"], kind=f"ahead-{protocol}", manner=ahead)
        yield door_row("tls", family, protocol, "login", INSIDE, ROUTES["4"], plan.PROXY, door="proxied", kind=f"ahead-proxied-{protocol}",
                       manner=ahead)
    for protocol in ("imap", "pop3"):       # the others do not offer ANONYMOUS
        yield _anonymous(family, protocol)


def _anonymous(family, protocol):
    """ANONYMOUS meets no passdb: the login module is the one that refuses."""
    route, wanted, manner = ROUTES["8-plain"], refused("infrastructure"), Manner(anonymous=True)
    client = route.shown.of(family)
    lines = (line("login", PROBE, client, client, protocol), line("login", wanted, client, client, protocol))
    return Row(f"tls/anonymous-{protocol}/{family}/login", "tls", f"{protocol} ANONYMOUS", "dovecot", family,
               [Session(route, family, protocol, "bare", "plain", "opens", manner=manner)],
               [Session(route, family, protocol, "login", "plain", "refused-login", lines, manner)])


def scene_events(family):
    """In the end all that each Dovecot has logged; an honest session each, and where it does not depend on others a refused one."""
    if family != V4:
        return
    client, node, wanted = plan.CLIENT.of(family), plan.NODE1.of(family), refused("infrastructure")
    for name, instance in plan.DOVECOT_INSTANCES.items():
        # Without the passdb nobody tells the mail module who is connected.
        peer = client if "auth" in instance.modules else "-"
        steps = [Session(ROUTES["1"], family, "imap", name, "plain", "opens", tuple(_lines(instance, REAL, client, peer, "imap", REAL)))]
        if name in GUARDS:
            steps.append(Session(ROUTES["2"], family, "imap", name, "plain", "refused-connect" if name == "login" else "refused-login",
                                 tuple(_lines(instance, wanted, node, node, "imap", wanted))))
        if instance.modules:
            yield Row(f"events/{name}/both/{name}", "events", f"metrics of {name}", "dovecot", family, [], [*steps, Events(name)])


SCENES = {"1": scene_1, "2": scene_2, "4": scene_4, "8": scene_8, "9": scene_9, "12": scene_12, "13": scene_13,
          **{scene: functools.partial(told_by_a_proxy, scene) for scene in ("3", "5", "5b")},
          "headers": scene_headers, "supplied": scene_supplied, "tls": scene_tls, "events": scene_events}

# The quick lab takes each protocol in one family, and leaves out what differs from another scene for the network alone.
QUICK_FAMILY = {"imap": V4, "submission": V4, "sasl": V4, "pop3": V6, "sieve": V6, "lmtp": V6}
SLOW_SCENES, SLOW_KINDS = ("5", "5b", "13"), ("fetchmail", "unknown", "unspec")


def rows(scene, family):
    for row in SCENES[scene](family):
        what = row.id.split("/")[1]
        in_family = scene == "events" or any(protocol in what and family == quick for protocol, quick in QUICK_FAMILY.items())
        row.whole = not in_family or scene in SLOW_SCENES or any(kind in what for kind in SLOW_KINDS)
        yield row
