#!/usr/bin/env python3
"""names.py PROGRAM FOLDER - what realipctl does where a nameserver swallows questions, and an address connections; tests/probe/run starts it in a host of its own
(unshare --mount --net); exit status 77: such a host can't be made here. Prints one JSON object: for each command [exit status, seconds, standard output, standard error]."""
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

PROGRAM, FOLDER = sys.argv[1:]
DEAD, ALIVE = '2001:db8:9::9', '198.51.100.1'
FILES = {'resolv.conf': f'nameserver {ALIVE}\n', 'hosts': f'{DEAD} two.test\n{ALIVE} two.test\n', 'nsswitch.conf': 'hosts: files dns\n'}


def system(*words):
    subprocess.run(words, check=True, capture_output=True)


def make_host():
    system('ip', 'link', 'set', 'lo', 'up')
    system('ip', 'address', 'add', f'{ALIVE}/32', 'dev', 'lo')
    system('ip', 'link', 'add', 'hole', 'type', 'veth', 'peer', 'name', 'bottom')    # nobody has an address there
    for name in ('hole', 'bottom'):
        system('ip', 'link', 'set', name, 'up')
    system('ip', 'address', 'add', '2001:db8:9::1/64', 'dev', 'hole', 'nodad')
    system('ip', 'neighbour', 'add', DEAD, 'lladdr', '02:00:00:00:00:09', 'dev', 'hole')
    for name, text in FILES.items():
        with open(os.path.join(FOLDER, name), 'w') as file:
            file.write(text)
        system('mount', '--bind', os.path.join(FOLDER, name), '/etc/' + name)


def greet(listener):
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            connection.sendall(b'220 mx.test ESMTP\r\n')
            connection.recv(100)
            connection.sendall(b'221 2.0.0 Bye\r\n')


def main():
    try:
        make_host()
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, getattr(error, 'stderr', b''), file=sys.stderr)
        sys.exit(77)
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind((ALIVE, 53))
    listener = socket.create_server((ALIVE, 0))
    port = listener.getsockname()[1]
    threading.Thread(target=greet, args=(listener,), daemon=True).start()
    found = {'order': [each[4][0] for each in socket.getaddrinfo('two.test', port, type=socket.SOCK_STREAM)]}
    for title, words in (('check', ('healthcheck', '--timeout', '1', 'slow.test:25')), ('four', ('healthcheck', '--timeout', '1', 'x', '1', 'slow.test', '25')),
                         ('probe', ('probe', '--timeout', '1', 'slow.test:25')), ('total', ('probe', '--total', '1', 'slow.test:25', 'slower.test:25')),
                         ('explain', ('explain', '--recent', '192.0.2.1', '--http', 'slow.test:80')),
                         ('two', ('healthcheck', '--proxy', 'none', '--timeout', '4', f'two.test:{port}'))):
        began = time.monotonic()
        done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60, check=False)
        found[title] = [done.returncode, time.monotonic() - began, done.stdout, done.stderr]
    hole.close()
    print(json.dumps(found))


main()
