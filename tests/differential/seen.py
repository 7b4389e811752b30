"""What tests/differential/run saw the hosts do: a file for each host and Debian in tests/differential/seen, which `run --record` writes anew.

Its first line is `HOST VERSION DEBIAN`, each further one a fate, a colon and the names of the vectors that met it there, as realipctl had told. A
vector that is not named was not sent there, or was treated in another way than told."""
import collections
import os
import textwrap

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'seen')


class Seen:
    """One file: host, version, Debian (as 12), and {vector: fate}."""

    def __init__(self, host, version, debian, fates):
        self.host, self.version, self.debian, self.fates = host, version, debian, fates


def _debian():
    with open('/etc/os-release', encoding='utf-8') as file:
        values = dict(line.rstrip('\n').split('=', 1) for line in file if '=' in line)
    return values.get('VERSION_ID', '?').strip('"')


def write(host, version, fates):
    by_fate = collections.defaultdict(list)
    for vector, fate in fates.items():
        if fate:
            by_fate[fate].append(vector)
    debian = _debian()
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, f'{host}.debian-{debian}'), 'w', encoding='ascii') as file:
        file.write(f'{host} {version} {debian}\n')
        for fate, names in sorted(by_fate.items()):
            file.write('\n'.join(textwrap.wrap(f'{fate}: {" ".join(sorted(names))}', 150, subsequent_indent='  ', break_on_hyphens=False)) + '\n')


def _read(path):
    with open(path, encoding='ascii') as file:
        host, version, debian = file.readline().split()
        text = file.read().replace('\n  ', ' ')
    fates = {name: line.partition(': ')[0] for line in text.splitlines() for name in line.partition(': ')[2].split()}
    return Seen(host, version, debian, fates)


def of_this_debian(host):
    """{vector: fate}; empty where nothing is known."""
    path = os.path.join(FOLDER, f'{host}.debian-{_debian()}')
    return _read(path).fates if os.path.exists(path) else {}


def read_all():
    """In the order of their names."""
    return [_read(os.path.join(FOLDER, name)) for name in sorted(os.listdir(FOLDER))]
