"""The address plan and the doors: who stands where, and which port of the mail pod is guarded how.

    outside  203.0.113.0/24  2001:db8:1::/64     clients, the public side of nodes, proxy and Docker host
    services 198.51.100.0/24 2001:db8:51::/64    LoadBalancer addresses
    nodes    10.0.20.0/24    fd00:20::/64        node1 .11, node2 .12 (has the mail pod), proxy .13, node3 .14
    pods     10.244.2.25     fd00:244:2::25      the mail pod (Postfix, Dovecot, mail-realip)
             10.244.7.5, .6  fd00:244:7::5, ::6  webmail, fetchmail
    docker   172.17.0.1, .2                      Docker's gateway and the same mail server as its container
    router   10.0.30.9       fd00:30::9          masquerades the office, and nobody told mail-realip
    office   192.168.50.0/24 fd00:50::/64        behind the router's address
    campus   10.40.0.0/21    fd00:40::/64        behind the router too, each host by its own address
"""

import ipaddress

V4, V6 = "v4", "v6"
FAMILIES = (V4, V6)


class Address:
    """One role's address in both families."""

    def __init__(self, v4, v6=None, bits=(24, 64)):
        self.v4, self.v6, self.bits = v4, v6, bits

    def of(self, family):
        return self.v4 if family == V4 else self.v6

    def both(self):
        return [address for address in (self.v4, self.v6) if address]

    def with_bits(self):
        return [f"{address}/{bits}" for address, bits in zip((self.v4, self.v6), self.bits) if address]


def outside(last):
    return Address(f"203.0.113.{last}", f"2001:db8:1::{last}")


def service(last):
    return Address(f"198.51.100.{last}", f"2001:db8:51::{last}", (32, 128))


def node(last):
    return Address(f"10.0.20.{last}", f"fd00:20::{last}")


CLIENT, STRANGER = outside(7), outside(66)
NODE1, NODE2, PROXY, NODE3 = node(11), node(12), node(13), node(14)
NODE1_OUT, NODE2_OUT, NODE3_OUT = outside(11), outside(12), outside(14)
PROXY_OUT = outside(13)             # straight to the pod (scene 3)
PROXY_NODEPORT = outside(15)        # to node3's NodePort, masqueraded (scene 5)
PROXY_NODEPORT_LOCAL = outside(16)  # to whichever node has the pod, not masqueraded (scene 5b)
DOCKER_OUT = outside(20)
SERVICE_LOCAL, SERVICE_CLUSTER, SERVICE_PROXY, SERVICE_DSR = service(1), service(2), service(4), service(13)
POD, POD_GATEWAY = Address("10.244.2.25", "fd00:244:2::25"), Address("10.244.2.1", "fd00:244:2::1")
WEBMAIL, FETCHMAIL = Address("10.244.7.5", "fd00:244:7::5"), Address("10.244.7.6", "fd00:244:7::6")
WEB_GATEWAY = Address("10.244.7.1", "fd00:244:7::1")
DOCKER_GATEWAY, CONTAINER = Address("172.17.0.1", bits=(16, 64)), Address("172.17.0.2", bits=(16, 64))

# An office and a campus behind a router that masquerades the office alone; one link for each family between router and hosts.
ROUTER, ROUTER_GATEWAY = Address("10.0.30.9", "fd00:30::9"), Address("10.0.30.1", "fd00:30::1")
ROUTER_INSIDE, OFFICE_GATEWAY = Address("192.168.49.1", "fd00:49::1"), Address("192.168.49.2", "fd00:49::2")
OFFICE_NETS, CAMPUS_NETS = Address("192.168.50.0/24", "fd00:50::/64"), Address("10.40.0.0/21", "fd00:40::/64")


def host_of(networks, number):
    """The address of one host in such a pair of networks; the first is number 1."""
    return Address(*(str(ipaddress.ip_network(network)[number]) for network in networks.both()))


POD_NETS = Address("10.244.0.0/16", "fd00:244::/32")

# Who may say XCLIENT: nginx on the proxy host (a listed proxy) and on the stranger's (not listed), and an address that is nobody's.
XCLIENT_NOBODY = outside(99)
XCLIENT_HOSTS = [address if ":" not in address else f"[{address}]" for role in (PROXY, STRANGER, XCLIENT_NOBODY) for address in role.both()]

# What the administrator of such a cluster writes into mynetworks, as many documents tell them to.
MYNETWORKS = ["127.0.0.0/8", "[::1]/128", "10.0.20.0/24", "[fd00:20::]/64", "10.244.0.0/16", "[fd00:244::]/32", "172.17.0.0/16"]

OWN_DOMAIN, OTHER_DOMAIN = "px.test", "elsewhere.test"

# node3 alone is a listed proxy: with its header lost, a node that is both would show as `proxy-shown`, not `infrastructure`,
# and scene 2 shall show the plain case.
INFRASTRUCTURE = ["10.0.20.0/24", "fd00:20::/64", "10.244.2.1", "fd00:244:2::1", "172.17.0.0/16"]
PROXIES = PROXY.both() + NODE3.both()
INTERNAL = ["10.244.7.0/24", "fd00:244:7::/64"]
PROBERS = ["10.0.20.0/24", "fd00:20::/64", "10.244.2.1", "fd00:244:2::1"]


class Door:
    """One listening port of the mail pod."""

    def __init__(self, name, port, guard=None, mode="enforce", proxied=False, postscreen=False, internal=False,
                 login=False, xclient=False, reject=False, instance=None, passwords="bare"):
        self.name, self.port, self.guard, self.mode = name, port, guard, mode
        self.proxied, self.postscreen, self.internal = proxied, postscreen, internal
        self.login = login          # submission: relays for those who log in, and for nobody else
        self.xclient = xclient      # lets the nginx hosts and one more address say XCLIENT
        self.reject = reject        # a stranger's address gets 5xx
        self.passwords = passwords  # the Dovecot that smtpd asks for them
        self.instance = instance    # of the policy server, which runs in several ways (POLICY_INSTANCES)
        # What master.cf calls this door towards mail-realip; the same name for both guards, as on a real server.
        self.listener = "smtp" + name.removeprefix(guard) if guard else None


def _smtp_doors():
    doors = [Door("bare", 2500), Door("bare-proxied", 2520, proxied=True),
             Door("bare-postscreen", 2530, proxied=True, postscreen=True), Door("bare-submission", 2540, login=True)]
    for offset, guard in ((1, "policyd"), (11, "milter")):
        doors += [Door(f"{guard}", 2500 + offset, guard),
                  Door(f"{guard}-monitor", 2501 + offset, guard, "monitor"),
                  Door(f"{guard}-protect", 2502 + offset, guard, "protect"),
                  Door(f"{guard}-internal", 2503 + offset, guard, internal=True)]
    for offset, guard in ((1, "policyd"), (2, "milter")):
        doors += [Door(f"{guard}-proxied", 2520 + offset, guard, proxied=True),
                  Door(f"{guard}-postscreen", 2530 + offset, guard, proxied=True, postscreen=True)]
    for offset, guard in ((1, "policyd"), (3, "milter")):
        doors += [Door(f"{guard}-submission", 2540 + offset, guard, login=True),
                  Door(f"{guard}-submission-protect", 2541 + offset, guard, "protect", login=True)]
    doors += [Door("bare-spare", 2535, proxied=True)]       # for who shuts doors
    doors += [Door("policyd-proxied-reject", 2523, "policyd", proxied=True, reject=True),
              Door("policyd-proxied-monitor", 2527, "policyd", "monitor", proxied=True, instance="fault")]
    for offset, instance in enumerate(POLICY_INSTANCES):
        doors.append(Door(f"policyd-proxied-{instance}", 2524 + offset, "policyd", proxied=True, instance=instance))
    doors += [Door("bare-xclient", 2550, xclient=True), Door("policyd-xclient", 2551, "policyd", xclient=True),
              Door("policyd-xclient-protect", 2552, "policyd", "protect", xclient=True),
              Door("bare-chained", 2528, proxied=True, xclient=True),
              Door("policyd-chained", 2529, "policyd", proxied=True, xclient=True)]
    doors += [Door("bare-submission-proxied", 2533, proxied=True, login=True),
              Door("sasl-proxied", 2534, proxied=True, login=True, passwords="passdb"),
              Door("sasl", 2560, login=True, passwords="passdb"), Door("sasl-monitor", 2561, login=True, passwords="dovecot-monitor"),
              Door("sasl-reject", 2562, login=True, passwords="reject")]
    return {door.name: door for door in doors}


# The policy server in a PID namespace beside Postfix's, with one capability; without SO_PEERPIDFD; and one to be tormented.
POLICY_INSTANCES = ("sidecar", "nopidfd", "fault")

SMTP_DOORS = _smtp_doors()

# Where the guards tell their metrics, in the pod.
HTTP_PORTS = {"policyd": 9168, "milter": 9169}

# Dovecot's protocols, in the order of their ports; LMTP has no login and is never judged.
DOVECOT_PROTOCOLS = ("imap", "pop3", "submission", "sieve", "lmtp")
LOGIN_PROTOCOLS = DOVECOT_PROTOCOLS[:4]

# As a client connects, behind a PROXY header, and behind a header with TLS at once.
DOVECOT_KINDS = ("plain", "proxied", "tls")


class Instance:
    """One Dovecot: which of our modules it loads (login, auth, mail), and what its rules say."""

    def __init__(self, *modules, mode="enforce", internal=False, wide=False, rejects=False):
        self.modules, self.mode, self.internal = modules, mode, internal
        self.rejects = rejects  # refuses for good; HAProxy checks its health meanwhile
        self.wide = wide        # Dovecot itself believes headers of anybody, and ID and XCLIENT of the proxy host and the stranger's


WHOLE = ("login", "auth", "mail")

DOVECOT_INSTANCES = {
    "bare": Instance(),
    "bare-wide": Instance(wide=True),
    "dovecot": Instance("mail"),
    "dovecot-monitor": Instance(*WHOLE, mode="monitor"),
    "dovecot-internal": Instance(*WHOLE, internal=True),
    "login": Instance(*WHOLE),                  # who is refused is refused at connect
    "passdb": Instance("auth", "mail"),         # at the password
    "wide": Instance(*WHOLE, wide=True),
    "reject": Instance(*WHOLE, rejects=True),
}

# Here nodes have no probes of their own: one that connects is refused before it is greeted.
DOVECOT_PROBERS = PROXY.both() + POD_GATEWAY.both()

# Whom Dovecot lets say ID and XCLIENT where it is wide: a listed proxy, and a host that is not listed.
SPEAKERS = PROXY.both() + STRANGER.both()

DOVECOT_FIRST_PORT, PORTS_OF_A_KIND = 2000, 20


def dovecot_port(instance, protocol, kind="plain"):
    row = len(DOVECOT_KINDS) * DOVECOT_PROTOCOLS.index(protocol) + DOVECOT_KINDS.index(kind)
    return DOVECOT_FIRST_PORT + PORTS_OF_A_KIND * row + list(DOVECOT_INSTANCES).index(instance)


def metrics_port(instance):
    return 2400 + list(DOVECOT_INSTANCES).index(instance)


def _dovecot_ports(kind):
    return [f"{dovecot_port('bare', protocol, kind)}-{dovecot_port(list(DOVECOT_INSTANCES)[-1], protocol, kind)}" for protocol in DOVECOT_PROTOCOLS]


# Ports with PROXY, which HAProxy passes on; those of the mail pod that Docker publishes.
PROXIED_PORTS = (*_dovecot_ports("proxied"), *_dovecot_ports("tls"), "2520-2529", "2530-2534")
DOCKER_PORTS = (*_dovecot_ports("plain"), "2500-2569")
