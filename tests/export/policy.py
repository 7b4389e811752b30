"""NetworkPolicy as Kubernetes' API reference tells it (networking.k8s.io/v1): is it one, and whom does it let in? No cluster is asked:
this is an evaluator of its own."""
import ipaddress
import re

NAME = re.compile(r'[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?')
LABEL_KEY = re.compile(r'([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?')
LABEL_VALUE = re.compile(r'([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?')


def need(condition, text):
    if not condition:
        raise ValueError(text)


def keys(tree, where, required, optional=()):
    need(isinstance(tree, dict), f'{where} is no object')
    need(set(required) <= set(tree) <= set(required) | set(optional), f'{where} has the fields {sorted(tree)}')


def check_port(entry, where):
    keys(entry, where, (), ('protocol', 'port', 'endPort'))
    need(entry.get('protocol', 'TCP') in ('TCP', 'UDP', 'SCTP'), f'{where}.protocol')
    for name in ('port', 'endPort'):
        need(name not in entry or (isinstance(entry[name], int) and 1 <= entry[name] <= 65535), f'{where}.{name}')
    need('endPort' not in entry or ('port' in entry and entry['endPort'] >= entry['port']), f'{where}.endPort without or below port')


def check_peer(peer, where):
    keys(peer, where, ('ipBlock',))
    keys(peer['ipBlock'], f'{where}.ipBlock', ('cidr',), ('except',))
    whole = ipaddress.ip_network(peer['ipBlock']['cidr'])
    for part in peer['ipBlock'].get('except', []):
        need(ipaddress.ip_network(part).subnet_of(whole), f'{where}: except outside of cidr')


def check(tree):
    """Raises ValueError where an API server would refuse it, or where it is not of our shape."""
    keys(tree, 'top', ('apiVersion', 'kind', 'metadata', 'spec'))
    need((tree['apiVersion'], tree['kind']) == ('networking.k8s.io/v1', 'NetworkPolicy'), 'apiVersion and kind')
    keys(tree['metadata'], 'metadata', ('name',), ('namespace',))
    need(all(NAME.fullmatch(name) for name in tree['metadata'].values()), 'metadata: a name')
    spec = tree['spec']
    keys(spec, 'spec', ('podSelector', 'policyTypes', 'ingress'))
    keys(spec['podSelector'], 'podSelector', ('matchLabels',))
    need(spec['podSelector']['matchLabels'], 'podSelector selects everything')
    for key, value in spec['podSelector']['matchLabels'].items():
        need(LABEL_KEY.fullmatch(key) and isinstance(value, str) and LABEL_VALUE.fullmatch(value), f'label {key}={value}')
    need(spec['policyTypes'] == ['Ingress'], 'policyTypes')
    for number, rule in enumerate(spec['ingress']):
        keys(rule, f'ingress[{number}]', (), ('from', 'ports'))
        need('from' not in rule or rule['from'], f'ingress[{number}].from is empty: that is everybody')
        for peer in rule.get('from', []):
            check_peer(peer, f'ingress[{number}].from')
        for entry in rule.get('ports', []):
            check_port(entry, f'ingress[{number}].ports')


def names_port(rule, port, protocol):
    for entry in rule.get('ports') or [{'port': 1, 'endPort': 65535, 'protocol': protocol}]:
        if entry.get('protocol', 'TCP') == protocol and entry['port'] <= port <= entry.get('endPort', entry['port']):
            return True
    return False


def names_source(rule, source):
    if not rule.get('from'):
        return True
    address = ipaddress.ip_address(source)
    for peer in rule['from']:
        block = peer['ipBlock']
        if address in ipaddress.ip_network(block['cidr']) and not any(address in ipaddress.ip_network(part) for part in block.get('except', [])):
            return True
    return False


def lets_in(tree, source, port, protocol='TCP'):
    return any(names_port(rule, port, protocol) and names_source(rule, source) for rule in tree['spec']['ingress'])
