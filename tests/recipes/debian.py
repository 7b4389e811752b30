"""Recipes for a machine with Debian's own packages."""

import os

import clients
import hosts
import page
from player import OUTAGE, Check, Imap, Mail, Recipe

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "recipes")
SERVER = hosts.SERVER_OUT.v4


def debian(machine, mynetworks="127.0.0.0/8 [::1]/128 10.0.20.0/24"):
    machine.start_postfix(mynetworks=mynetworks)
    machine.start_dovecot()
    machine.start_realip()


def submission(machine):
    return machine.shell("postconf -P submission/inet/*", machine.mail)[0]


def plain(machine):
    """Its submission has no smtpd_client_restrictions of its own; the booted Debian of tests/packages has an empty one, as Debian's."""
    debian(machine)
    machine.before = submission(machine)


def submission_is_as_it_was(machine):
    now = submission(machine)
    return "" if now == machine.before and "syslog_name" in now else f"{now}-- and before the page\n{machine.before}"


INSIDE = hosts.SERVER.v4


def watched(machine):
    """As plain-debian leaves it after its step 4: its own lines, read from that page."""
    debian(machine)
    for block in page.read(os.path.join(PAGES, "plain-debian.md")):
        if isinstance(block, page.Block) and block.options.get("dovecot", machine.dovecot) == machine.dovecot:
            if block.options.get("file", "").startswith("/etc/dovecot/"):
                machine.write(block.options["file"], block.text)
            elif block.kind == "sh" and "DUNNO" in block.text:
                machine.shell(block.text, machine.mail)
    machine.shell("systemctl restart dovecot", machine.mail)


def behind_nginx(machine):
    debian(machine, "127.0.0.0/8 [::1]/128")
    machine.nginx()
    for block in page.read(os.path.join(PAGES, "plain-debian.md")):
        if isinstance(block, page.Block) and block.options.get("dovecot") == machine.dovecot:
            machine.write(block.options["file"], block.text)


XCLIENT = "ADDR=198.51.100.99"

def without_modules(machine):
    machine.start_postfix(mynetworks="127.0.0.0/8 [::1]/128")
    machine.start_dovecot()


def told(_connection):
    """What HAProxy says of the client."""
    return clients.proxy_v2(hosts.CLIENT.v4, hosts.PROXY.v4)


def chosen(_connection):
    return clients.proxy_v2("198.51.100.99", hosts.PROXY.v4)


def a_node(_connection):
    return clients.proxy_v2(hosts.NODES["node1"].v4, hosts.PROXY.v4)


def behind_traefik(machine):
    """With the modules in Dovecot, as plain-debian has them."""
    behind_nginx(machine)


def read_traefik(_machine, document):
    if "entryPoints" in document:
        assert set(document["entryPoints"]) == {"smtp", "imap"}, document
        return
    tcp = document["tcp"]
    for name, port in (("smtp", 2525), ("imap", 10143)):
        service = tcp["services"][tcp["routers"][name]["service"]]["loadBalancer"]
        assert service["servers"] == [{"address": f"{INSIDE}:{port}"}], service
        assert tcp["serversTransports"][service["serversTransport"]]["proxyProtocol"]["version"] == 2, tcp


RECIPES = {
    "cloud-load-balancers": Recipe("server", {
        "a client, box off, to port 25": Mail("proxy", INSIDE),
        "a client, box off, to port 2525": Mail("proxy", INSIDE, 2525),
        "a client, box on, to port 2525": Mail("proxy", INSIDE, 2525, told),
        "a client, box on, to port 25": Mail("proxy", INSIDE, 25, told),
        "a health check with a header that names nobody": Check("proxy", INSIDE, 2525, clients.proxy_local),
        "a stranger who reaches port 2525": Mail("stranger", SERVER, 2525, chosen),
    }, lambda machine: debian(machine, "127.0.0.0/8 [::1]/128")),
    "traefik": Recipe("server", {
        "a client, through Traefik": Mail("proxy", INSIDE, 2525, told),
        "a client who reads his mail, through Traefik": Imap("proxy", INSIDE, 10143, told),
        "a client, when Traefik itself lost him (a node's address in the header)": Mail("proxy", INSIDE, 2525, a_node),
        "a stranger who reaches port 2525": Mail("stranger", SERVER, 2525, chosen),
    }, behind_traefik, on_yaml=read_traefik, needs=("dovecot",)),
    "auth-policy": Recipe("server", {
        "a client": Imap("client", SERVER),
        "a client, through HAProxy": Imap("proxy", INSIDE, 10143, told),
        "somebody behind a gateway": Imap("node1", INSIDE),
    }, without_modules, needs=("dovecot", "openssl")),
    "nginx-xclient": Recipe("server", {
        "a client, through nginx": Mail("client", hosts.PROXY_OUT.v4),
        "a client over IPv6, through nginx": Mail("client", hosts.PROXY_OUT.v6),
        "a client who reads his mail, through nginx": Imap("client", hosts.PROXY_OUT.v4),
        "another host of 10.0.20.0/24, which says XCLIENT": Mail("node1", INSIDE, 2525, xclient=XCLIENT),
        "another host, which says that it is a user (`LOGIN=ceo`)": Mail("node1", INSIDE, 2525, foreign=True, xclient=XCLIENT + " LOGIN=ceo"),
        "somebody who comes without nginx": Mail("stranger", SERVER, 2525),
    }, behind_nginx, needs=("dovecot", "nginx")),
    "monitor-protect-enforce": Recipe("server", {
        "a client writes to you": Mail("client", SERVER),
        "somebody behind the gateway relays": Mail("node1", INSIDE, foreign=True),
        "somebody behind the gateway writes to you": Mail("node1", INSIDE),
        "the webmail sends for a user": Mail("proxy", INSIDE, 587, foreign=True, user="somebody"),
        "a user behind the gateway sends, with his password": Mail("node1", INSIDE, 587, foreign=True, user="somebody"),
        "a user behind the gateway reads his mail": Imap("node1", INSIDE),
        "a client reads his mail": Imap("client", SERVER),
        "somebody behind the gateway relays, while mail-realip is not there": Mail("node1", INSIDE, foreign=True),
        "somebody behind the gateway writes to you, while mail-realip is not there": Mail("node1", INSIDE),
        "a client writes to you, while mail-realip is not there": Mail("client", SERVER),
        "a user sends, while mail-realip is not there": Mail("client", SERVER, 587, foreign=True, user="somebody"),
    }, watched, needs=("dovecot",), events=OUTAGE),
    "plain-debian": Recipe("server", {
        "a client writes to you": Mail("client", SERVER),
        "a client reads his mail": Imap("client", SERVER),
        "somebody whom 10.0.20.11 hides writes to you": Mail("node1", hosts.SERVER.v4),
        "he wants to relay": Mail("node1", hosts.SERVER.v4, foreign=True),
        "he reads his mail": Imap("node1", hosts.SERVER.v4),
    }, plain, needs=("dovecot",), events={"submission is as it was": submission_is_as_it_was}),
}
