"""Recipes for a mail server in a container behind Docker's bridge."""

import clients
import hosts
from player import Imap, Mail, Recipe

DOCKER, DOCKER6 = hosts.DOCKER.v4, hosts.DOCKER.v6


class Compose:
    """Does with a compose file what Docker does: a bridge, rules for what is published, and docker-proxy where there are none."""

    def __init__(self):
        self.relay, self.is_up = None, False

    def apply(self, machine, document):
        (service,), (network,) = document["services"].values(), document["networks"].values()
        (place,) = service["networks"].values()
        ports = [int(each.split(":")[0]) for each in service["ports"]]
        first, *others = network["ipam"]["config"]
        if not self.is_up:
            bits = first["subnet"].partition("/")[2]
            machine.hosts.bridge(f"{first['gateway']}/{bits}", f"{place['ipv4_address']}/{bits}")
            machine.hosts.publish(place["ipv4_address"], ports)
            self.is_up = True
        if network.get("enable_ipv6"):
            self._stop(machine)
            gateway, container = others[0]["gateway"], place["ipv6_address"]
            machine.hosts.docker.ip(f"addr add {gateway}/64 dev docker0 nodad")
            machine.hosts.container.ip(f"addr add {container}/64 dev eth0 nodad", f"route add default via {gateway}")
            machine.hosts.publish(container, ports)
        elif not self.relay:
            self._start(machine, place["ipv4_address"], ports)

    def _start(self, machine, container, ports):
        """docker-proxy is a bare relay on the host."""
        binds = "".join(f"listen port{port}\n    bind [{DOCKER6}]:{port}\n    server container {container}:{port}\n" for port in ports)
        machine.write("/run/home/docker-proxy.cfg", "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n" + binds)
        self.relay = machine.processes.start("docker-proxy", ["haproxy", "-db", "-f", "/run/home/docker-proxy.cfg"], machine.hosts.docker)

    def _stop(self, machine):
        if self.relay:
            machine.processes.running.remove(self.relay)
            self.relay.kill()
            self.relay.wait(5)
            self.relay = None


def permit_docker(machine):
    machine.environment["container"] = "docker"
    machine.start_postfix("smtp inet n - n - - smtpd\n", mynetworks="127.0.0.0/8 [::1]/128 172.18.0.0/16")
    machine.start_dovecot()


def published(machine, gateway, container, ports):
    """A container whose network has no IPv6."""
    machine.environment["container"] = "docker"
    machine.write("/etc/hosts", f"{container} realip\n", add=True)
    Compose().apply(machine, {"services": {"mail": {"ports": [f"{port}:{port}" for port in ports], "networks": {"mail": {"ipv4_address": container}}}},
                              "networks": {"mail": {"ipam": {"config": [{"subnet": gateway + "/24", "gateway": gateway}]}}}})


def mailcow(machine):
    published(machine, "172.22.1.1", "172.22.1.253", (25, 143, 10025))
    machine.start_setup("mailcow")
    machine.start_dovecot()


def mailu(machine):
    published(machine, "192.168.203.1", "192.168.203.5", (80,))
    for address in (FRONT, OTHER):
        machine.hosts.docker.ip(f"addr add {address}/24 dev docker0")
    machine.start_setup("mailu")
    machine.write("/etc/dovecot/conf.d/05-mailu.conf", "login_trusted_networks = 192.168.203.0/24\n")
    machine.start_dovecot()


def shares_the_socket(_machine, document):
    """What the pages' compose files must have: one folder for the socket, and the capability."""
    services = document["services"]
    postfix = services.get("postfix-mailcow") or services["smtp"]
    assert set(postfix["volumes"]) <= set(services["realip"]["volumes"]) and "SYS_PTRACE" in services["realip"]["cap_add"], document


def starts(postfix, dovecot):
    def run(machine):
        machine.shell(f"cat {postfix} >>/etc/postfix/main.cf; postfix reload; cp {dovecot} /etc/dovecot/local.conf; systemctl restart dovecot", machine.mail)
    return run


def forged(_connection):
    return clients.proxy_v2("172.22.1.7", DOCKER)


def told(_connection):
    return clients.proxy_v2(hosts.CLIENT.v4, DOCKER)


FRONT, OTHER, POSTFIX = "192.168.203.4", "192.168.203.9", "192.168.203.5"

RECIPES = {
    "mailcow": Recipe("container", {
        "a client over IPv4": Mail("client", DOCKER),
        "a client over IPv6, which Docker hides": Mail("client", DOCKER6),
        "a spammer over IPv6, whom Docker hides": Mail("stranger", DOCKER6, foreign=True),
        "HAProxy, for a client": Mail("proxy", DOCKER, 10025, told),
        "a stranger at the PROXY port": Mail("stranger", DOCKER, 10025, forged, foreign=True),
        "a client who reads his mail": Imap("client", DOCKER),
        "a user over IPv6, whom Docker hides, reads his mail": Imap("client", DOCKER6),
    }, mailcow, on_yaml=shares_the_socket, needs=("dovecot", "haproxy"), events={"mailcow starts": starts("extra.cf", "extra.conf")}),
    "mailu": Recipe("container", {
        "the front, for a client": Mail("docker", POSTFIX, source=FRONT, xclient=f"ADDR={hosts.CLIENT.v4}"),
        "the front, for a client whom Docker hid from it, who relays": Mail("docker", POSTFIX, source=FRONT, xclient="ADDR=192.168.203.1", foreign=True),
        "another container, which says XCLIENT": Mail("docker", POSTFIX, source=OTHER, xclient="ADDR=198.51.100.99"),
        "the front, for a client who reads his mail": Imap("docker", POSTFIX, source=FRONT, identity=hosts.CLIENT.v4),
        "another container, which says ID and reads mail": Imap("docker", POSTFIX, source=OTHER, identity="198.51.100.99"),
    }, mailu, on_yaml=shares_the_socket, needs=("dovecot", "haproxy"), events={"Mailu starts": starts("postfix.cf", "dovecot.conf")}),
    "docker-compose-ipv6": Recipe("container", {
        "a client over IPv4": Mail("client", DOCKER),
        "a client over IPv6": Mail("client", DOCKER6),
        "a spammer over IPv6": Mail("stranger", DOCKER6, foreign=True),
        "a host of Docker's network, which is the gateway": Mail("docker", "172.18.0.5"),
    }, permit_docker, on_yaml=Compose().apply, needs=("dovecot", "haproxy")),
}
