"""realip-policyd with a status page, and questions to it."""
import http.client
import json
import os
import socket

from harness import Daemon, PolicyClient, request

# What strangers may say of themselves: each must be shown as it is, and do nothing.
HOSTILE = (b'<script>document.title="ran"</script>', b'"><img src=x onerror="document.title=1">', b'</td></table></script><h1>here</h1>', b'\'-alert(1)-\'', b'{{7*7}}${7*7}',
           b'javascript:alert(1)', b'<svg/onload=alert(1)>', b'\xff\xfe\x80\xc0', b'\x1b[31mred', 'b\u00fccher.example'.encode(), b'\xe2\x80\xaegnp.exe', b'x' * 900)

CONFIG = '''mode = enforce  attest = off
networks infrastructure {{ cidr = {{ "10.0.20.0/24" }} files = {{ "{folder}/nodes.cidr" }} }}
networks proxies {{ cidr = {{ "10.0.20.13" }} }}
networks internal {{ cidr = {{ "10.244.7.0/24" }} }}
listener smtp {{ ports = {{ 25 }} }}
listener submission {{ names = {{ "smtps" }} ports = {{ 465, 587 }} proxy = required }}
listener "smtp-monitored" {{ mode = monitor }}
{more}
policyd {{ listen = "unix:{folder}/policy" http = "{http}" {policyd} }}
'''


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


class Server:
    """The daemon with one configuration at a place of HTTP; `policyd` and `more` go into the configuration."""

    def __init__(self, build, folder, place=None, policyd='', more=''):
        self.build, self.folder = build, folder
        self.place = place or f'127.0.0.1:{free_port()}'
        self.policyd, self.more = policyd, more
        folder.write('nodes.cidr', '10.0.30.0/24\n10.0.31.7\n')
        self.config = self.configure()
        self.daemon = Daemon([os.path.join(build, 'policyd/realip-policyd'), '-c', self.config], folder.path('log'))
        self.policy = PolicyClient(folder.path('policy'))

    def configure(self, change=lambda text: text):
        text = CONFIG.format(folder=self.folder.path('').rstrip('/'), http=self.place, policyd=self.policyd, more=self.more)
        return self.folder.write('test.conf', change(text))

    def reload(self, line):
        """SIGHUP; waits for one more such line in the log."""
        seen = self.daemon.log().count(line)
        self.daemon.send_signal(1)
        self.daemon.await_log(line, count=seen + 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.policy.close()
        self.daemon.stop()

    def ask(self, text=None, **attributes):
        """A policy request; `text` (bytes) is told as HELO and as the user."""
        data = request(**{'policy_context': 'smtp', **attributes})
        if text is not None:
            data = data.rstrip(b'\n') + b'\nhelo_name=' + text + b'\nsasl_method=plain\nsasl_username=' + text + b'\n\n'
        self.policy.send(data)
        return self.policy.reply()

    def get(self, path, headers=None, method='GET'):
        """(status, text, headers)"""
        if self.place.startswith('unix:'):
            connection = UnixConnection(self.place[5:])
        else:
            connection = http.client.HTTPConnection('127.0.0.1', int(self.place.rsplit(':', 1)[1]), timeout=10)
        connection.request(method, path, headers=headers or {})
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        return reply.status, text, reply.headers

    def status(self, question=''):
        status, text, _ = self.get('/status.json' + question)
        if status != 200:
            raise RuntimeError(f'{question}: {status} {text!r}')
        return json.loads(text)
