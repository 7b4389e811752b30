"""A policy server and a milter with metrics, traffic for both, and the names that they tell."""
import json
import os
import re
import socket
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'support'), os.path.join(HERE, '..', 'milter')]
from harness import Daemon, PolicyClient  # noqa: E402
from milter_client import Client  # noqa: E402

# All that has metrics of its own: attestation, a store (which need not be there), the auth policy endpoint, sources; listeners in each mode.
RULES = '''networks infrastructure {{ cidr = {{ "10.0.20.0/24" }} files = {{ "{nodes}" }} }}
networks probers {{ cidr = {{ "10.0.9.1" }} }}
networks proxies {{ cidr = {{ "10.0.20.13" }} }}
'''
POLICYD = RULES + '''mode = enforce
listener smtp {{ attest = off }}
listener watched {{ attest = off mode = monitor }}
listener attested {{ attest = available mode = monitor }}
listener imap {{ }}
policyd {{ listen = "unix:{socket}" http = "127.0.0.1:{http}" auth-policy = "127.0.0.1:{auth}" }}
suspicion {{ store = "redis://127.0.0.1:{store}" }}
'''
MILTER = RULES + '''mode = enforce
listener smtp {{ }}
milter {{ listen = "unix:{socket}" http = "127.0.0.1:{http}" }}
'''


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Site:
    """Both daemons, while it is entered."""

    def __init__(self, build, folder, store=None):
        """`store`: the port of a Redis; else one where nobody listens."""
        self.build, self.folder, self.daemons = build, folder, []
        self.ports = {'policyd': free_port(), 'milter': free_port(), 'auth': free_port(), 'store': store or free_port()}
        self.nodes = folder.write('nodes.cidr', '10.0.21.0/24\n')

    def start(self, name, text, **places):
        path = self.folder.write(f'{name}.conf', text.format(nodes=self.nodes, socket=self.folder.path(name),
                                                             http=self.ports[name], **places))
        program = os.path.join(self.build, name if name == 'milter' else 'policyd', f'realip-{name}')
        self.daemons.append(Daemon([program, '-c', path], self.folder.path(f'{name}.log')))

    def __enter__(self):
        try:
            self.start('policyd', POLICYD, auth=self.ports['auth'], store=self.ports['store'])
            self.start('milter', MILTER)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for daemon in self.daemons:
            daemon.stop()

    def metrics(self, name):
        with urllib.request.urlopen(f'http://127.0.0.1:{self.ports[name]}/metrics', timeout=10) as reply:
            return reply.read().decode()

    def ask(self, client, count=1):
        """So many requests of each kind."""
        for _ in range(count):
            for address, listener in (('203.0.113.7', 'smtp'), ('10.0.20.5', 'smtp'), ('10.0.9.1', 'smtp'), ('10.0.20.5', 'watched'),
                                      ('203.0.113.7', 'attested'), ('203.0.113.7', None)):
                state = 'CONNECT' if address == '10.0.9.1' else 'RCPT'
                client.ask(protocol_state=state, client_address=address, policy_context=listener)
            client.ask(client_address='192.168.9.9', helo_name='mx.example', policy_context='smtp')  # whom suspicion counts

    def send_mail(self):
        for address in ('203.0.113.7', '10.0.20.5'):
            with Client(self.folder.path('milter')) as client:
                client.negotiate()
                if client.connect(address, listener='smtp')[0] == b'c' and client.mail()[0] == b'c':
                    client.message()

    def log_in(self):
        """A stranger at Dovecot's door with an address of his choice."""
        login = {'login': 'bob', 'protocol': 'imap', 'remote': '203.0.113.7', 'real_remote': '203.0.113.66', 'session_id': 'abc'}
        request = urllib.request.Request(f'http://127.0.0.1:{self.ports["auth"]}/?command=allow', json.dumps(login).encode(),
                                         {'Content-Type': 'application/json'})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)['status']

    def traffic(self, count=1):
        with PolicyClient(self.folder.path('policyd')) as client:
            self.ask(client, count)
        for _ in range(count):
            self.send_mail()
            self.log_in()


def families(text):
    """Name and type of each metric."""
    return dict(re.findall(r'^# TYPE (\S+) (\S+)$', text, re.M))


def documented(path):
    """Name, type and daemons of each metric that the tables of docs/METRICS.md have."""
    with open(path, encoding='utf-8') as file:
        rows = re.findall(r'^\| `([a-z_]+)(?:\{[^}]*\})?` \| (counter|gauge|histogram) \| (both|policyd|milter) \|', file.read(), re.M)
    return {name: (kind, who) for name, kind, who in rows}


def names_in(expression):
    """The metrics of an expression, without the endings of histograms."""
    found = re.findall(r'\b((?:realip|process)_[a-z_]+)\b', re.sub(r'"[^"]*"', '', expression))
    return {re.sub(r'_(bucket|sum|count)$', '', name) for name in found}
