"""HAProxy and nginx as readers of PROXY headers, as one of them behind another. realipctl tells nothing of them: what they do is compared with what
they were seen to do before (seen.py).

A fate is `client` (they go on with the header's addresses, as the specification reads them), `client@ADDRESS` (with another, or where the
specification takes none), `peer`, `greets` (and ends before it tells whom it takes for the client), `refuses` or `waits`."""
import contextlib
import http.server
import os
import queue
import re
import shutil
import socket
import socketserver
import subprocess
import threading
import time

PEER = '127.0.0.2'
PATIENCE = 3    # seconds that they wait for the rest of a header
HAPROXY = '''global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client {patience}s
    timeout server 5s
listen proxied
    bind 127.0.0.1:{port} accept-proxy
    server greeter 127.0.0.1:{behind} send-proxy
'''
NGINX_MODULE = '/usr/lib/nginx/modules/ngx_mail_module.so'
NGINX = '''daemon off;
load_module {module};
pid {folder}/nginx.pid;
error_log {folder}/nginx.log info;
worker_processes 1;
events {{ worker_connections 256; }}
mail {{
    server_name nginx.test;
    auth_http 127.0.0.1:{behind}/;
    smtp_auth none;
    timeout {patience}s;
    server {{
        listen 127.0.0.1:{port} proxy_protocol;
        set_real_ip_from {peer};
        protocol smtp;
    }}
}}
'''


class Greeter(socketserver.StreamRequestHandler):
    """What stands behind HAProxy: says whom that calls the client, and who is the peer when it names none."""

    def handle(self):
        with contextlib.suppress(OSError):
            words = self.rfile.readline(200).split()
            self.wfile.write(b'220 ' + (words[2] + b' ' + words[4] if len(words) == 6 else b'unknown') + b'\r\n')


def asked_by_nginx(questions):
    class Handler(http.server.BaseHTTPRequestHandler):
        """nginx asks for each letter where it goes; nobody's goes anywhere."""

        def do_GET(self):   # pylint: disable=invalid-name
            questions.put((self.headers.get('Client-IP'), self.headers.get('Proxy-Protocol-Port') or None))
            self.send_response(200)
            self.send_header('Auth-Status', 'not now')
            self.send_header('Auth-Error-Code', '450 4.7.1')
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler


def first_line(connection):
    """It, or b'' when the host has hung up."""
    got = b''
    with contextlib.suppress(OSError):
        while b'\n' not in got:
            more = connection.recv(4096)
            if not more:
                break
            got += more
    return got.partition(b'\n')[0]


class Relay:
    def __init__(self, name, port, client_of):
        """`client_of(connection, greeting)`: address and port, either of which may be None."""
        self.name, self.port, self.client_of = name, port, client_of

    def send(self, data, expected, same_address):
        """The fate of the bytes; `expected`: `ADDRESS PORT` of the client, or None where the specification takes none."""
        start = time.monotonic()
        with socket.create_connection(('127.0.0.1', self.port), timeout=10, source_address=(PEER, 0)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if data:
                connection.sendall(data)
            greeting = first_line(connection)
            if not greeting.startswith(b'220 '):
                return 'waits' if time.monotonic() - start > PATIENCE * 0.9 else 'refuses'
            address, port = self.client_of(connection, greeting)
        if address is None:
            return 'greets'
        client = f'{same_address(address)} {port}'
        if same_address(address) == PEER:
            return 'peer'
        known = expected and port is None and same_address(address) == expected.split()[0]     # some don't tell the port
        return 'client' if known or client == expected else f'client@{same_address(address)}'


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def running(command, port, log):
    with open(log, 'wb') as file, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file) as process:
        try:
            end = time.monotonic() + 15
            while True:
                with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), timeout=5):
                    break
                if process.poll() is not None or time.monotonic() > end:
                    with open(log, encoding='utf-8', errors='replace') as text:
                        raise RuntimeError(f'{command[0]} did not start: {text.read()[-500:]}')
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def haproxy_hosts(folder):
    with serving(socketserver.ThreadingTCPServer(('127.0.0.1', 0), Greeter)) as behind:
        config = os.path.join(folder, 'haproxy.cfg')
        with open(config, 'w', encoding='ascii') as file:
            file.write(HAPROXY.format(patience=PATIENCE, port=2530, behind=behind))

        def client_of(_, greeting):
            words = greeting.decode('ascii', 'replace').split()[1:]
            return words if len(words) == 2 else (PEER, None)

        with running(['haproxy', '-db', '-f', config], 2530, os.path.join(folder, 'haproxy.log')):
            yield [Relay('haproxy', 2530, client_of)]


@contextlib.contextmanager
def nginx_hosts(folder):
    questions = queue.Queue()
    with serving(http.server.ThreadingHTTPServer(('127.0.0.1', 0), asked_by_nginx(questions))) as behind:
        config, log = (os.path.join(folder, name) for name in ('nginx.conf', 'nginx.log'))
        with open(config, 'w', encoding='ascii') as file:
            file.write(NGINX.format(module=NGINX_MODULE, folder=folder, patience=PATIENCE, port=2531, behind=behind, peer=PEER))

        def client_of(connection, _):
            while not questions.empty():
                questions.get()
            with contextlib.suppress(OSError, queue.Empty):
                connection.settimeout(8)
                connection.sendall(b'\r\nHELO client.test\r\n')
                connection.recv(4096)
                connection.sendall(b'RSET\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@own.test>\r\n')
                return questions.get(timeout=8)
            return None, None

        with running(['nginx', '-c', config, '-p', folder, '-e', log], 2531, os.path.join(folder, 'nginx.out')):
            yield [Relay('nginx', 2531, client_of)]


def version(host):
    done = subprocess.run([host, '-v'], capture_output=True, text=True, timeout=20, check=True)
    return re.search(r'(\d+\.\d+\.\d+)', done.stdout + done.stderr)[1]


def why_not(host):
    if not shutil.which(host):
        return f'{host} is not installed'
    return None if host == 'haproxy' or os.path.exists(NGINX_MODULE) else "nginx's mail module is not installed"
