"""Small servers for the probe's tests, each on a port of its own: right ones of each protocol, odd ones, hostile ones.

A server is a function of one Session; Server runs it for each connection in a thread and keeps what it was told."""
import contextlib
import ipaddress
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
HEADER_SECONDS = 2      # how long a proxied one waits for a header


def make_certificate(path):
    """A file with key and certificate, or None where that can't be made."""
    if not shutil.which('openssl'):
        return None
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=probe.test', '-days', '2',
                    '-keyout', path, '-out', path + '.cert'], check=True, capture_output=True, timeout=30)
    with open(path, 'a') as whole, open(path + '.cert') as certificate:
        whole.write(certificate.read())
    return path


class Server:
    def __init__(self, work, host='127.0.0.1', certificate=None):
        self.work, self.certificate = work, certificate
        self.commands, self.headers, self.resets, self.count, self.running = [], [], 0, 0, []
        self.stopped = threading.Event()
        self.listener = socket.create_server((host, 0), family=socket.AF_INET6 if ':' in host else socket.AF_INET, backlog=64)
        port = self.listener.getsockname()[1]
        self.target = f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
        self.listener.settimeout(0.2)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while not self.stopped.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                connection, _ = self.listener.accept()
                self.count += 1
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self.running.append(thread)
                thread.start()

    def _serve(self, connection):
        connection.settimeout(8)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(self, connection)
        try:
            self.work(session)
            session.end()
        except ConnectionResetError:
            self.resets += 1
        except (OSError, EOFError, ValueError):
            pass
        finally:
            session.socket.close()

    def wait_ends(self):
        for thread in self.running:
            thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.listener.close()
        self.thread.join(2)


class Session:
    def __init__(self, server, connection):
        self.server, self.socket, self.rest = server, connection, b''
        self.peer = connection.getpeername()[0]
        self.client = self.peer      # until a header tells another

    def fill(self, most=65536):
        data = self.socket.recv(most)
        if not data:
            raise EOFError
        self.rest += data

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        while b'\n' not in self.rest:
            self.fill()
        line, self.rest = self.rest.split(b'\n', 1)
        line = line.rstrip(b'\r').decode(errors='replace')
        self.server.commands.append(line)
        return line

    def header(self):
        """The PROXY header that begins the connection: its words, or None when other bytes or none came in time."""
        self.socket.settimeout(HEADER_SECONDS)
        try:
            while len(self.rest) < 16 and not self.rest.startswith(b'PROXY '):
                self.fill(16 - len(self.rest))  # what follows may be TLS, which reads the socket itself
        except TimeoutError:
            pass
        except EOFError:
            return None
        self.socket.settimeout(8)
        if self.rest.startswith(b'PROXY '):
            while b'\n' not in self.rest:
                self.fill(1)
            words = self.line().split()
            self.server.commands.pop()
            return self._heard('v1', words[2])
        if not self.rest.startswith(SIGNATURE):
            self.server.headers.append('none')
            return None
        size, = struct.unpack('!H', self.rest[14:16])
        while len(self.rest) < 16 + size:
            self.fill(16 + size - len(self.rest))
        local, family, body = self.rest[12] == 0x20, self.rest[13], self.rest[16:16 + size]
        self.rest = self.rest[16 + size:]
        if local:
            return self._heard('v2', None)
        return self._heard('v2', str(ipaddress.ip_address(body[:4] if family == 0x11 else body[:16])))

    def _heard(self, version, address):
        text = f'{version} {address or "local"}'
        self.server.headers.append(text)
        self.client = address or self.peer
        return text

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server.certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True, suppress_ragged_eofs=True)
        self.rest = b''

    def end(self):
        """Ends our side and waits for the other's: a reset shows here."""
        with contextlib.suppress(OSError, ValueError):
            if isinstance(self.socket, ssl.SSLSocket):
                self.socket = self.socket.unwrap()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            pass


# ---- SMTP -------------------------------------------------------------------------------------------------------------
def converse_smtp(session, hello='mx.test', rcpt='554 5.7.1 <{0}>: Relay access denied', offers=('PIPELINING',), starttls=False, mail='250 2.1.0 Ok',
                  greeting='220 mx.test ESMTP', ehlo='EHLO'):
    """From the greeting to QUIT. Whatever is no command gets 500; after ten of them it is over. `mail` is the answer to MAIL, in plain text."""
    session.send(greeting + '\r\n')
    wrong = 0
    while wrong < 10:
        said = session.line()
        word = said.upper().split(' ')[0]
        if word == ehlo:
            lines = [hello, *offers]
            session.send(''.join(f"250{'-' if i + 1 < len(lines) else ' '}{text}\r\n" for i, text in enumerate(lines)))
        elif word == 'QUIT':
            session.send('221 2.0.0 Bye\r\n')
            return
        elif word == 'STARTTLS' and starttls:
            session.send('220 2.0.0 Ready\r\n')
            session.start_tls()
        elif word == 'MAIL' and not isinstance(session.socket, ssl.SSLSocket):
            session.send(mail + '\r\n')
        elif word in ('MAIL', 'RSET', 'NOOP'):
            session.send('250 2.1.0 Ok\r\n')
        elif word == 'RCPT':
            session.send(rcpt.format(said.partition('<')[2].partition('>')[0]) + '\r\n')
        else:
            wrong += 1
            session.send('500 5.5.2 Error: command not recognized\r\n')


def plain_smtp(session):
    session.server.headers.append('none')
    converse_smtp(session)


def relaying_smtp(session):
    converse_smtp(session, rcpt='250 2.1.5 Ok')


def refusing_smtp(session):
    session.server.headers.append('none')
    session.send('554 5.3.2 mx.test closed today\r\n')


def fast_smtp(session):
    session.header()
    converse_smtp(session)


def _proxied(session, believes=True, takes=('v1', 'v2'), families=(4, 6), **keywords):
    header = session.header()
    version = ipaddress.ip_address(session.client).version
    if not header or header[:2] not in takes or ('local' not in header and version not in families):
        session.send('421 4.3.0 mx.test Server local error\r\n')
        return None
    if not believes:
        session.client = session.peer
    converse_smtp(session, **{name: value.replace('CLIENT', session.client) if isinstance(value, str) else value for name, value in keywords.items()})
    return header


def proxied_smtp(session):
    _proxied(session)


def v1_smtp(session):
    _proxied(session, takes=('v1',))


def ipv4_smtp(session):
    _proxied(session, families=(4,))


def xclient_smtp(session):
    _proxied(session, offers=('XCLIENT NAME ADDR LOGIN',))


def believing_smtp(session):
    _proxied(session, hello='mx.test Hello probe [CLIENT], pleased to meet you')


def doubting_smtp(session):
    _proxied(session, believes=False, hello='mx.test Hello probe [CLIENT]')


def policed_smtp(session):
    """As Postfix with realip-policyd answers a stranger."""
    _proxied(session, rcpt='450 4.7.1 <unknown[CLIENT]>: Client host rejected: realip proxy-untrusted: your host may not speak for other clients')


NEEDS_TLS = {'mail': '530 5.7.0 Must issue a STARTTLS command first', 'offers': ('PIPELINING', 'STARTTLS')}


def submission_smtp(session):
    """As Postfix's port for submission, with realip-policyd behind MAIL."""
    _proxied(session, rcpt='450 4.7.1 <unknown[CLIENT]>: Client host rejected: realip proxy-untrusted: your host may not speak for other clients', starttls=True,
             **NEEDS_TLS)


def open_submission_smtp(session):
    _proxied(session, starttls=True, **NEEDS_TLS)


def broken_submission_smtp(session):
    """Its certificate is missing: STARTTLS is offered, and fails."""
    _proxied(session, **NEEDS_TLS)


def login_smtp(session):
    """Who has not logged in comes no further than MAIL."""
    _proxied(session, mail='530 5.7.0 Authentication required')


def slow_smtp(session):
    """As postscreen: greets when the default time of a health check is over."""
    session.header()
    time.sleep(5.5)
    converse_smtp(session)


# ---- LMTP: RFC 2033 ---------------------------------------------------------------------------------------------------
def plain_lmtp(session):
    converse_smtp(session, greeting='220 mx.test ready.', ehlo='LHLO')


def telling_lmtp(session):
    converse_smtp(session, greeting='220 mx.test LMTP ready.', ehlo='LHLO')


def proxied_lmtp(session):
    _proxied(session, greeting='220 mx.test ready.', ehlo='LHLO')


def old_smtp(session):
    """Knows neither EHLO nor LHLO: RFC 821."""
    converse_smtp(session, ehlo='HELO')


def optional_smtp(session):
    """Takes a header and does without; nothing waits, as nothing is due."""
    session.socket.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        session.fill()
    session.socket.settimeout(8)
    if session.rest:
        session.header()
    converse_smtp(session)


def tls_proxied_smtp(session):
    if session.header():
        session.start_tls()
        converse_smtp(session)


def starttls_smtp(session):
    converse_smtp(session, offers=('STARTTLS',), starttls=True)


# ---- IMAP, POP3, ManageSieve ------------------------------------------------------------------------------------------
def plain_imap(session, greeting='* OK [CAPABILITY IMAP4rev1 STARTTLS] ready.\r\n'):
    if not session.server.headers:
        session.server.headers.append('none')
    session.send(greeting)
    while True:
        tag, _, rest = session.line().partition(' ')
        word = rest.upper().split(' ')[0]
        if word == 'CAPABILITY':
            session.send(f'* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done\r\n')
        elif word == 'STARTTLS' and session.server.certificate:
            session.send(f'{tag} OK go\r\n')
            session.start_tls()
        elif word == 'LOGOUT':
            session.send(f'* BYE\r\n{tag} OK out\r\n')
            return
        else:
            session.send(f"{tag or '*'} BAD Error in IMAP command\r\n")


def plain_pop3(session):
    if not session.server.headers:
        session.server.headers.append('none')
    session.send('+OK ready.\r\n')
    while True:
        word = session.line().upper()
        if word == 'CAPA':
            session.send('+OK\r\nTOP\r\nSTLS\r\n.\r\n')
        elif word == 'STLS' and session.server.certificate:
            session.send('+OK go\r\n')
            session.start_tls()
        elif word == 'QUIT':
            session.send('+OK out\r\n')
            return
        else:
            session.send('-ERR Unknown command.\r\n')


def plain_sieve(session):
    if not session.server.headers:
        session.server.headers.append('none')
    capabilities = '"IMPLEMENTATION" "test"\r\n"SIEVE" "fileinto"\r\n"STARTTLS"\r\nOK "ready."\r\n'
    session.send(capabilities)
    while True:
        word = session.line().upper()
        if word == 'CAPABILITY':
            session.send(capabilities)
        elif word == 'STARTTLS' and session.server.certificate:
            session.send('OK "go"\r\n')
            session.start_tls()
            session.send(capabilities)
        elif word == 'LOGOUT':
            session.send('OK "out"\r\n')
            return
        else:
            session.send('NO "Error in MANAGESIEVE command."\r\n')


def proxied_imap(session):
    if session.header():
        plain_imap(session)


def proxied_pop3(session):
    if session.header():
        plain_pop3(session)


def proxied_sieve(session):
    if session.header():
        plain_sieve(session)


def tls_imap(session):
    session.start_tls()
    plain_imap(session)


starttls_imap, starttls_pop3, starttls_sieve = plain_imap, plain_pop3, plain_sieve


# ---- hostile ----------------------------------------------------------------------------------------------------------
def _until_gone(session, work, seconds=8):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        work()


def silent(session):
    while True:
        session.fill()


def drip(session):
    _until_gone(session, lambda: (session.send('2'), time.sleep(0.15)))


def endless_line(session):
    _until_gone(session, lambda: session.send(b'2' * 65536))


def endless_greeting(session):
    _until_gone(session, lambda: session.send(b'220-more\r\n' * 1000))


def endless_drip(session):
    _until_gone(session, lambda: (session.send('220-more\r\n'), time.sleep(0.15)))


def garbage(session):
    session.send(bytes(range(256)) * 8 + b'\r\n')
    silent(session)


def reset(session):
    session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    session.socket.close()


def close(session):
    session.socket.close()


def banner_then_silence(session):
    session.send('220 mx.test\r\n')
    silent(session)


def banner_then_reset(session):
    session.send('220 mx.test\r\n')
    time.sleep(0.05)
    reset(session)


def endless_ehlo(session):
    session.send('220 mx.test\r\n')
    session.fill()
    _until_gone(session, lambda: session.send(b'250-X\r\n' * 1000))


def http(session):
    session.fill()
    session.send('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>')


def escapes(session):
    session.send('220 \033[2J\033]0;title\a\x7f\x9b31m mx\r\n')
    while True:
        session.line()
        session.send('250 \033[31mred\r\n')


def nul(session):
    session.send(b'220 a\0b\r\n')
    while True:
        session.line()
        session.send(b'250 \0\0\r\n')


def half_line(session):
    session.send('220 mx.te')
    silent(session)


def never_closes(session):
    """Right in all, but for the end of the connection."""
    with contextlib.suppress(EOFError):
        converse_smtp(session)
        time.sleep(6)


def tls_garbage(session):
    session.fill()
    session.send(b'\x16\x03\x03\x40\x00' + b'\xff' * 16384)
    silent(session)


def many_lines(session):
    session.send(b'220 mx\r\n' * 20000)
    silent(session)
