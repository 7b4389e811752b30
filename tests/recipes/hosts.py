"""The hosts of the recipes, and a cluster that does what a Service says.

    outside 203.0.113.0/24  2001:db8:1::/64   client .7, stranger .66, node1 .11, node2 .12, proxy .13, Docker's host .20, server .25
    nodes   10.0.20.0/24    fd00:20::/64      node1 .11, node2 .12, proxy .13, server .50
    pods    10.244.2.25     fd00:244:2::25    the mail pod, on node2
            10.244.1.13     fd00:244:1::13    a proxy's pod, on node1
    The LoadBalancer address of a Service is what its annotation of MetalLB says; node1 announces it until a page moves it.

Each page has its mail server at one of: server (a machine of its own), pod, container (behind Docker's bridge)."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
import net  # noqa: E402
from plan import Address, node, outside  # noqa: E402

CLIENT, STRANGER, DOCKER = outside(7), outside(66), outside(20)
NODES = {"node1": node(11), "node2": node(12)}
NODES_OUT = {"node1": outside(11), "node2": outside(12)}
PROXY, PROXY_OUT, SERVER, SERVER_OUT = node(13), outside(13), node(50), outside(25)
POD, POD_GATEWAY = Address("10.244.2.25", "fd00:244:2::25"), Address("10.244.2.1", "fd00:244:2::1")
PROXY_POD, PROXY_POD_GATEWAY = Address("10.244.1.13", "fd00:244:1::13"), Address("10.244.1.1", "fd00:244:1::1")
NETS = {"node1": Address("10.244.1.0/24", "fd00:244:1::/64"), "node2": Address("10.244.2.0/24", "fd00:244:2::/64")}
METALLB = "metallb.universe.tf/loadBalancerIPs", "metallb.io/loadBalancerIPs"
PODS = {"mail": POD, "haproxy": PROXY_POD}      # by the selector's app


class Hosts:
    """One attribute for each host."""

    def __init__(self):
        for name in ("switch", "client", "stranger", "node1", "node2", "proxy", "server", "pod", "proxypod", "docker", "container"):
            setattr(self, name, net.Namespace(name))
        self._cables()
        self._addresses()
        self.services, self.announcer = {}, "node1"
        self.home = {"mail": "node2", "haproxy": "node1"}       # which node has the pod

    def _cables(self):
        self.switch.ip(*(f"link add {bridge} type bridge" for bridge in ("outside", "nodes")), "link set outside up", "link set nodes up")
        legs = [(name, "outside") for name in ("client", "stranger", "node1", "node2", "proxy", "server", "docker")]
        legs += [(name, "nodes") for name in ("node1", "node2", "proxy", "server")]
        for name, bridge in legs:
            port = f"{bridge[0]}-{name}"
            net.cable(self.switch, port, getattr(self, name), bridge)
            self.switch.ip(f"link set {port} master {bridge}")
        net.cable(self.node2, "cni0", self.pod, "eth0")
        net.cable(self.node1, "cni0", self.proxypod, "eth0")
        net.cable(self.docker, "docker0", self.container, "eth0")

    def _addresses(self):
        for name, role in {"client": CLIENT, "stranger": STRANGER, "proxy": PROXY_OUT, "server": SERVER_OUT, "docker": DOCKER, **NODES_OUT}.items():
            net.addresses(getattr(self, name), "outside", role)
        for name, role in {"proxy": PROXY, "server": SERVER, **NODES}.items():
            net.addresses(getattr(self, name), "nodes", role)
        for at, there, gateway, pod in (("node2", "pod", POD_GATEWAY, POD), ("node1", "proxypod", PROXY_POD_GATEWAY, PROXY_POD)):
            net.addresses(getattr(self, at), "cni0", gateway)
            net.addresses(getattr(self, there), "eth0", pod)
            self.default(there, gateway)
        for at, there in (("node1", "node2"), ("node2", "node1")):
            net.routes(getattr(self, at), NETS[there], NODES[there])
        # Inside of the data centre all pods are reached, and a stranger who is there, too, is what a network policy is against.
        for name, way in (("proxy", NODES), ("stranger", NODES_OUT)):
            for at in NETS:
                net.routes(getattr(self, name), NETS[at], way[at])
        self.default("client", NODES_OUT["node1"])
        self.default("stranger", NODES_OUT["node1"])

    def default(self, name, gateway):
        getattr(self, name).ip(*(f"route replace default via {address}" for address in gateway.both()))

    # ---- Docker ------------------------------------------------------------------------------------------------------
    def bridge(self, gateway, container):
        """Docker's network; both with their bits, as 172.22.1.1/24. What Docker does with a port is publish()."""
        self.docker.ip(f"addr add {gateway} dev docker0")
        self.container.ip(f"addr add {container} dev eth0", f"route add default via {gateway.partition('/')[0]}")

    def publish(self, container, ports):
        """As `ports:` of Compose, by rules of the firewall. Where there are none docker-proxy is left, a program (see docker.py)."""
        family, host, to = ("ip6", DOCKER.v6, f"[{container}]") if ":" in container else ("ip", DOCKER.v4, container)
        rules = "\n".join(f"{family} daddr {host} tcp dport {port} dnat to {to}:{port}" for port in ports)
        self.docker.nft(f"table {family} docker {{\nchain prerouting {{\ntype nat hook prerouting priority -100;\n{rules}\n}}\n}}\n")

    # ---- Kubernetes ----------------------------------------------------------------------------------------------------
    def apply(self, service):
        """A Service, as a page has it: kube-proxy and MetalLB do what it says."""
        self.services[service["metadata"]["name"]] = service
        for name in NODES:
            getattr(self, name).nft(self._kube_proxy(name))
        self.announce(self.announcer)

    def withdraw(self, name):
        """The Service is deleted."""
        del self.services[name]
        for node_name in NODES:
            getattr(self, node_name).nft(self._kube_proxy(node_name))

    def announce(self, name):
        """The balancer's addresses are answered for by this node now."""
        self.announcer = name
        for service in self.services.values():
            for address in _balanced(service):
                family = Address(None, address) if ":" in address else Address(address)
                for host in (self.client, self.stranger, self.proxy):
                    host.ip(*(f"route replace {address} via {NODES_OUT[name].of('v6' if ':' in address else 'v4')}" for address in family.both()))

    def move_mail_to_node1(self):
        """The mail pod is started anew on the other node, and keeps its address here."""
        net.cable(self.node1, "mail", self.pod, "eth1")
        self.pod.ip("link set eth0 down")
        net.addresses(self.node1, "mail", POD_GATEWAY)
        net.addresses(self.pod, "eth1", POD)
        self.default("pod", POD_GATEWAY)
        self.node1.ip(*(f"route replace {address}/{bits} dev mail" for address, bits in zip(POD.both(), (32, 128))))
        self.node2.ip(*(f"route replace {address}/{bits} via {way}" for address, bits, way in zip(POD.both(), (32, 128), NODES["node1"].both())))
        self.home["mail"] = "node1"
        for name in NODES:
            getattr(self, name).nft(self._kube_proxy(name))

    def direct_return(self, address):
        """Packets for this address reach the pod as they were sent, and it answers by itself."""
        self.pod.ip(f"addr add {address}/32 dev lo")
        self.client.ip(f"route replace {address} via {NODES_OUT['node1'].v4}")
        self.node1.ip(f"route replace {address} via {NODES['node2'].v4}")
        self.node2.ip(f"route replace {address} via {POD.v4}")

    def _kube_proxy(self, at):
        nat, drops = [], []
        for service in self.services.values():
            app = service["spec"]["selector"]["app"]
            home, pod = self.home[app], PODS[app]
            local = service["spec"].get("externalTrafficPolicy", "Cluster") == "Local"
            for address, port, target in _entrances(service, at):
                family = "ip6" if ":" in address else "ip"
                match = f"{family} daddr {address} tcp dport {port}"
                to = f"[{pod.v6}]:{target}" if family == "ip6" else f"{pod.v4}:{target}"
                if local and at != home:
                    drops.append(f"{match} drop")
                else:
                    nat.append(f"{match} {'' if local else 'meta mark set 0x4000'} dnat {family} to {to}")
        lines = "\n".join
        return f"""table inet kube
delete table inet kube
table inet kube {{
  chain drops {{
    type filter hook prerouting priority -150;
    {lines(drops)}
  }}
  chain prerouting {{
    type nat hook prerouting priority -100;
    {lines(nat)}
  }}
  chain output {{
    type nat hook output priority -100;
    {lines(nat)}
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    meta mark 0x4000 masquerade
  }}
}}
"""


def _balanced(service):
    if service["spec"].get("type") != "LoadBalancer":
        return []
    notes = service["metadata"].get("annotations", {})
    addresses = next((notes[key] for key in METALLB if key in notes), "").split(",")
    return [address for address in map(str.strip, addresses) if address and (":" not in address or _dual(service))]


def _dual(service):
    return service["spec"].get("ipFamilyPolicy", "SingleStack") != "SingleStack"


def _entrances(service, at):
    """(address, port, the pod's port) of all ways that lead into this Service at this node. A NodePort stands open on every address of the node."""
    for port in service["spec"]["ports"]:
        target = port.get("targetPort", port["port"])
        for address in _balanced(service):
            yield address, port["port"], target
        if "nodePort" in port:
            for role in (NODES[at], NODES_OUT[at]):
                for address in role.both() if _dual(service) else [role.v4]:
                    yield address, port["nodePort"], target
