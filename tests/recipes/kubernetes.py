"""Recipes for a mail server in a cluster. The cluster is nftables: Services do what kube-proxy and MetalLB do with them."""

import clients
import hosts
from player import OUTAGE, Imap, Mail, Recipe, Silence

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


def docker_mailserver(machine):
    machine.environment["KUBERNETES_SERVICE_HOST"] = "10.96.0.1"
    machine.containers(postfix=101)
    machine.start_setup("docker-mailserver")
    machine.start_dovecot()
    machine.haproxy()


def container_starts(machine):
    """docker-mailserver's own start: it takes dovecot.cf, and runs user-patches.sh last."""
    machine.shell("cp dovecot.cf /etc/dovecot/local.conf; bash -eu user-patches.sh; postfix reload; systemctl restart dovecot", machine.mail)


BALANCER = "198.51.100.25"
DOCKER_MAILSERVER = Recipe("pod", {
    "a client, to the balancer": Mail("client", BALANCER),
    "a client, to the balancer, whose address is announced elsewhere": Silence("client", BALANCER),
    "a user who sends, to the balancer": Mail("client", BALANCER, 587, foreign=True, user="somebody"),
    "a client, to the balancer, masqueraded by node1": Mail("client", BALANCER),
    "a client over IPv6, masqueraded by node1": Mail("client", "2001:db8:51::25"),
    "a client, through HAProxy": Mail("client", V4),
    "a client who reads his mail, through HAProxy": Imap("client", V4),
    "a stranger at node1's port, with an address of his choice": Mail("stranger", NODE1, 30025, chosen),
    "a stranger at node1's port, behind the firewall": Silence("stranger", NODE1, 30025),
    "a stranger at node1's port, after node1 started anew": Silence("stranger", NODE1, 30025),
    "a client, through HAProxy, while nobody answers Postfix": Mail("client", V4),
    "a pod that reaches the PROXY port of the mail pod itself": Mail("proxypod", hosts.POD.v4, 12525, chosen),
    "a user who sends, through HAProxy": Mail("client", V4, 587, foreign=True, user="somebody"),
    "a pod that reaches the PROXY port for submission, with a user's password": Mail("proxypod", hosts.POD.v4, 10587, chosen, foreign=True, user="somebody"),
    "a pod that sends by port 25": Mail("proxypod", hosts.POD.v4),
    "somebody behind a node, at port 25": Mail("node1", hosts.POD.v4),
    "a user behind a node, at port 587": Mail("node1", hosts.POD.v4, 587, foreign=True, user="somebody"),
}, docker_mailserver, needs=("dovecot", "haproxy", "curl"), events={
    "node1 announces the address": lambda machine: machine.hosts.announce("node1"),
    "node2 announces the address": lambda machine: machine.hosts.announce("node2"),
    "node2 announces the address again": lambda machine: machine.hosts.announce("node2"),
    "node1 announces the address of Cluster": lambda machine: machine.hosts.announce("node1"),
    "the container starts": container_starts,
    "the container starts again": container_starts,
    "the container starts again, to refuse": container_starts,
    "the container starts again, to refuse at each door": container_starts,
    "the nodes start anew": lambda machine: machine.boot(machine.hosts.node1, machine.hosts.node2),
    **OUTAGE,
})

def haproxy_at(name):
    def run(machine):
        machine.place["haproxy"] = getattr(machine.hosts, name)
        machine.shell("systemctl restart haproxy", machine.mail)
    return run


DSR = "198.51.100.27"
WHICH_WAY = Recipe("pod", {
    "a client, while the announcing node has the pod": Mail("client", BALANCER),
    "a client, while another node announces": Silence("client", BALANCER),
    "a client, with Cluster": Mail("client", BALANCER),
    "a client, through the sidecar": Mail("client", BALANCER),
    "a client, through the node's HAProxy": Mail("client", "198.51.100.26"),
    "somebody on a node, who says PROXY himself": Mail("node1", hosts.POD.v4, 10025, chosen),
    "a client, with DSR": Mail("client", DSR),
    "a client, through HAProxy outside": Mail("client", V4),
}, pod, needs=("haproxy", "curl"), events={
    "the node of the pod announces": lambda machine: machine.hosts.announce("node2"),
    "another node announces": lambda machine: machine.hosts.announce("node1"),
    "HAProxy runs in the mail pod": haproxy_at("pod"),
    "HAProxy runs in a pod of the announcing node": haproxy_at("proxypod"),
    "HAProxy runs on a machine outside": haproxy_at("proxy"),
    f"Cilium answers for {DSR} with DSR": lambda machine: machine.hosts.direct_return(DSR),
})


class Pinned:
    """What a scheduler and MetalLB make of labels: node2 alone has the one of the page."""

    LABELS = {"node2": {"mail": "here"}}

    def nodes(self, wanted):
        return [name for name in hosts.NODES if wanted.items() <= self.LABELS.get(name, {}).items()]

    def apply(self, machine, document):
        spec, there = document["spec"], machine.hosts
        if document["kind"] == "Deployment":
            assert self.nodes(spec["template"]["spec"]["nodeSelector"]) == [there.home["mail"]], "the pod would run elsewhere"
        elif document["kind"] == "L2Advertisement":
            announcers = [name for one in spec.get("nodeSelectors", [{"matchLabels": {}}]) for name in self.nodes(one["matchLabels"])]
            there.announce(announcers[0])
        else:
            assert document["kind"] == "IPAddressPool", document["kind"]

    def cluster(self, machine):
        service = machine.hosts.services["mail"]
        machine.hosts.apply(service | {"spec": service["spec"] | {"externalTrafficPolicy": "Cluster"}})

    def anywhere(self, machine):
        service = machine.hosts.services["mail"]
        machine.hosts.apply(service | {"spec": service["spec"] | {"externalTrafficPolicy": "Local"}})
        self.apply(machine, {"kind": "L2Advertisement", "spec": {}})


PINNED = Recipe("pod", {
    "a client": Mail("client", BALANCER),
    "a client over IPv6": Mail("client", "2001:db8:51::25"),
    "a client, after somebody set Cluster": Mail("client", BALANCER),
    "a client, after another node announces": Silence("client", BALANCER),
}, pod, on_yaml=Pinned().apply, events={"somebody sets Cluster": Pinned().cluster, "somebody takes nodeSelectors away": Pinned().anywhere})

RECIPES = {
    "which-way": WHICH_WAY,
    "pinned-pod": PINNED,
    "docker-mailserver-metallb": DOCKER_MAILSERVER,
    "haproxy-nodeports": Recipe("pod", {
        "a client, through HAProxy": Mail("client", V4),
        "a client over IPv6, through HAProxy": Mail("client", V6),
        "a client who reads his mail, through HAProxy": Imap("client", V4),
        "a stranger at node2's port, who says PROXY with an address of his choice": Mail("stranger", NODE2, 30025, chosen),
        "a stranger at node2's port, who says PROXY with his own address": Mail("stranger", NODE2, 30025, own),
        "a stranger at node2's port for IMAP": Imap("stranger", NODE2, 30143, chosen),
        "a client, to the old Service": Mail("client", BALANCER),
        "a client, to the old Service, which is gone": Silence("client", BALANCER),
        "somebody behind a node, at port 25": Mail("node1", hosts.POD.v4),
    }, pod, needs=("dovecot", "haproxy"), events={
        "the old Service is gone": lambda machine: machine.hosts.withdraw("mail"),
        "the pod moves to node1": lambda machine: machine.hosts.move_mail_to_node1(),
    }),
}
