"""Recipes for a mail server in a cluster. The cluster is nftables: Services do what kube-proxy and MetalLB do with them."""

import clients
import hosts
from player import Imap, Mail, Recipe, Silence

V4, V6 = hosts.PROXY_OUT.v4, hosts.PROXY_OUT.v6
NODE1, NODE2 = hosts.NODES_OUT["node1"].v4, hosts.NODES_OUT["node2"].v4
CHOSEN = "198.51.100.99"        # an address of nobody


def chosen(_connection):
    return clients.proxy_v2(CHOSEN, V4)


def own(connection):
    here, there = connection.getsockname(), connection.getpeername()
    return clients.proxy_v1(here[0], there[0], here[1], there[1])


def pod(machine):
    machine.environment["KUBERNETES_SERVICE_HOST"] = "10.96.0.1"
    machine.start_postfix()
    machine.start_dovecot()
    machine.haproxy()


RECIPES = {
    "haproxy-nodeports": Recipe("pod", {
        "a client, through HAProxy": Mail("client", V4),
        "a client over IPv6, through HAProxy": Mail("client", V6),
        "a client who reads his mail, through HAProxy": Imap("client", V4),
        "a stranger at node2's port, who says PROXY with an address of his choice": Mail("stranger", NODE2, 30025, chosen),
        "a stranger at node2's port, who says PROXY with his own address": Mail("stranger", NODE2, 30025, own),
        "a stranger at node2's port for IMAP": Imap("stranger", NODE2, 30143, chosen),
    }, pod, needs=("dovecot", "haproxy"), events={"the pod moves to node1": lambda machine: machine.hosts.move_mail_to_node1()}),
}
