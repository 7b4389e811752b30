"""Recipes for a mail server in a container behind Docker's bridge."""

import hosts
from player import Mail, Recipe

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


RECIPES = {
    "docker-compose-ipv6": Recipe("container", {
        "a client over IPv4": Mail("client", DOCKER),
        "a client over IPv6": Mail("client", DOCKER6),
        "a spammer over IPv6": Mail("stranger", DOCKER6, foreign=True),
        "a host of Docker's network, which is the gateway": Mail("docker", "172.18.0.5"),
    }, permit_docker, on_yaml=Compose().apply, needs=("dovecot", "haproxy")),
}
