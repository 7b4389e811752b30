"""How each program's file is written and read, apart from how realipctl does it: what `realipctl export` writes is read here, and what
it must compare is written here. Networks are ipaddress's."""
import ipaddress
import re

NEVER_BANNED = ('infrastructure', 'proxies', 'internal', 'probers', 'relays')
PORTS = {2525, 2526, 10143}
LISTENERS = '''listener smtp { proxy = forbidden ports = { 25 } }
listener smtp-proxied { proxy = required ports = { 2526, 2525 } }
listener imap-proxied { proxy = required ports = { 10143 } }
'''


def config(sets, listeners=LISTENERS, mode='enforce'):
    """mail-realip.conf: `sets` names lists of networks."""
    text = f'mode = {mode}\n'
    for name, networks in sets.items():
        quoted = ', '.join(f'"{network}"' for network in networks)
        text += f'networks {name} {{ cidr = {{ {quoted} }} }}\n'
    return text + listeners


def ranges(networks):
    """Sorted disjoint ranges of numbers, by family."""
    merged = []
    for network in sorted(networks, key=lambda one: (one.version, int(one.network_address), one.prefixlen)):
        row = [network.version, int(network.network_address), int(network.broadcast_address)]
        if merged and merged[-1][0] == row[0] and row[1] <= merged[-1][2] + 1:
            merged[-1][2] = max(merged[-1][2], row[2])
        else:
            merged.append(row)
    return merged


def as_networks(rows):
    """The fewest networks that make up ranges."""
    found = []
    for version, first, last in rows:
        kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        found += ipaddress.summarize_address_range(kind(first), kind(last))
    return found


def subtract(one, other):
    """What is in `one` and not in `other`, as the fewest networks."""
    rest = []
    taken = ranges(other)
    for version, first, last in ranges(one):
        for other_version, begin, end in taken:
            if other_version != version or end < first or begin > last:
                continue
            if begin > first:
                rest.append([version, first, begin - 1])
            first = end + 1
        if first <= last:
            rest.append([version, first, last])
    return as_networks(rest)


def same(one, other):
    return ranges(one) == ranges(other)


# ---- what is read ---------------------------------------------------------------------------------------------------
def network(word):
    return ipaddress.ip_network(word.strip('[]') if '/' not in word else word.replace('[', '').replace(']', ''))


def lines_of(text):
    return [line for line in text.splitlines() if line.strip() and not line.startswith('#')]


def read_lines(text):
    return [network(line.split()[0]) for line in lines_of(text)]


def read_patterns(text, sign):
    words = lines_of(text)
    assert all(word.startswith('!') == bool(sign) for word in words), words
    return [network(word.lstrip('!')) for word in words]


def read_dovecot(text):
    values = [line.split('=', 1) for line in lines_of(text)]
    assert [key.strip() for key, _ in values] == ['haproxy_trusted_networks'], text
    return [network(word) for word in values[0][1].split()]


def read_fail2ban(text):
    found = dict(line.split(' =', 1) for line in lines_of(text) if '=' in line)
    assert lines_of(text)[0] == '[DEFAULT]' and '%(mail_realip)s' in found['ignoreip'], text
    return [network(word) for word in found['mail_realip'].split()]


def read_crowdsec(text):
    tree = parse_yaml(text)
    assert set(tree) == {'name', 'description', 'whitelist'} and set(tree['whitelist']) - {'expression'} == {'reason', 'ip', 'cidr'}, tree
    nobody = not tree['whitelist']['ip'] + tree['whitelist']['cidr']
    assert tree['whitelist'].get('expression') == (['false'] if nobody else None), tree
    assert all('/' not in host for host in tree['whitelist']['ip']) and all('/' in host for host in tree['whitelist']['cidr']), tree
    return [network(word) for word in tree['whitelist']['ip'] + tree['whitelist']['cidr']]


def read_nftables(text):
    found = []
    for name in ('allowed4', 'allowed6'):
        body = re.search(rf'set {name} \{{(.*?)\n    \}}', text, re.S)[1]
        elements = re.search(r'elements = \{(.*?)\}', body, re.S)
        assert elements is None or elements[1].strip(), 'elements with nothing in it'
        found += [network(word) for word in re.split(r'[,\s]+', elements[1]) if word] if elements else []
    return found


def read_spamassassin(text):
    return [network(line.split()[1]) for line in lines_of(text) if line.startswith('realip_networks') and '!' not in line]


# ---- YAML, as much as the exports need: blocks, lists, quoted and plain words ---------------------------------------
def parse_yaml(text):
    rows = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith('#'):
            rows.append((len(line) - len(line.lstrip(' ')), line.strip()))
    tree, rest = parse_block(rows, rows[0][0])
    assert not rest, f'not understood: {rest[0]}'
    return tree


def parse_word(word):
    if word.startswith('"'):
        assert word.endswith('"') and len(word) > 1 and '\\' not in word, word
        return word[1:-1]
    assert ': ' not in word and not word.startswith(('[', '{', '&', '*', '!')) or word == '[]', word
    return [] if word == '[]' else int(word) if word.isdigit() else word


def parse_block(rows, indent):
    found = None
    while rows and rows[0][0] == indent:
        text = rows[0][1]
        if text.startswith('- '):
            found = [] if found is None else found
            rows = [(indent + 2, text[2:]), *rows[1:]]
            if re.match(r'[A-Za-z]+:( |$)', text[2:]):
                item, rows = parse_block(rows, indent + 2)
            else:
                item, rows = parse_word(text[2:]), rows[1:]
            found.append(item)
            continue
        key, value = re.fullmatch(r'([A-Za-z][\w./-]*):(?: (.*))?', text).groups()
        found = {} if found is None else found
        assert key not in found, f'{key} stands there twice'
        rows = rows[1:]
        if value is not None:
            found[key] = parse_word(value)
        else:
            deeper = rows[0][0] if rows else indent
            assert deeper > indent or (deeper == indent and rows[0][1].startswith('- ')), f'{key} has no value'
            found[key], rows = parse_block(rows, deeper)
    return found, rows


# ---- what is written ------------------------------------------------------------------------------------------------
def write_lines(networks):
    return ''.join(f'{one}\n' for one in networks)


def pattern(one):
    return f'[{one.network_address}]/{one.prefixlen}' if one.version == 6 else str(one)


def write_nftables(networks):
    """As nft lists a table: ranges where they are no networks, hosts without a prefix, numbers in the counter."""
    text = 'table inet mail_realip {\n'
    for version in (4, 6):
        words = []
        for family, first, last in ranges([one for one in networks if one.version == version]):
            kind = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
            whole = list(ipaddress.summarize_address_range(kind(first), kind(last)))
            words.append(str(whole[0]).removesuffix('/32').removesuffix('/128') if len(whole) == 1 else f'{kind(first)}-{kind(last)}')
        text += f'\tset allowed{version} {{\n\t\ttype ipv{version}_addr\n\t\tflags interval\n\t\tauto-merge\n'
        text += '\t\telements = { ' + ',\n\t\t\t     '.join(words) + ' }\n' if words else ''
        text += '\t}\n\n'
    return text + '''\tset ports {
\t\ttype inet_service
\t\tflags interval
\t\tauto-merge
\t\telements = { 2525-2526, 10143 }
\t}

\tchain input {
\t\ttype filter hook input priority filter - 5; policy accept;
\t\ttcp dport != @ports accept
\t\tct state established,related accept
\t\tip saddr @allowed4 accept
\t\tip6 saddr @allowed6 accept
\t\tmeta l4proto tcp counter packets 12 bytes 720 reject with tcp reset
\t}
}
'''


def policy_tree(networks):
    """One rule for each port, the ports that are open to all in one."""
    tree = {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy', 'metadata': {'name': 'x', 'uid': '1'},
            'spec': {'podSelector': {'matchLabels': {'app': 'mail'}}, 'policyTypes': ['Ingress'], 'ingress': []}}
    for port in sorted(PORTS) if networks else ():
        tree['spec']['ingress'].append({'from': [{'ipBlock': {'cidr': str(one)}} for one in networks], 'ports': [{'port': port}]})
    others = [(1, 2524), (2527, 10142), (10144, 30000), (30001, 65535)]
    tree['spec']['ingress'].append({'ports': [{'protocol': 'TCP', 'port': first, 'endPort': last} for first, last in others]})
    return tree


def write_yaml(tree, indent=0):
    pad = ' ' * indent
    text = ''
    for item in tree.items() if isinstance(tree, dict) else [(None, item) for item in tree]:
        key, value = item
        head = f'{pad}{key}:' if key is not None else f'{pad}-'
        if isinstance(value, (dict, list)) and value:
            text += f'{head}\n{write_yaml(value, indent + 2)}'
        elif isinstance(value, (dict, list)):
            text += f'{head} []\n'
        else:
            text += f'{head} {value}\n' if isinstance(value, int) else f"{head} '{value}'\n"
    return text


def first_line_that_fits(text, address):
    """What a cidr: table says of an address; None: nothing."""
    for line in lines_of(text):
        word, action = line.split(None, 1)
        if ipaddress.ip_address(address) in network(word):
            return action
    return None
