"""Servers for the store that several policyds share: a real Redis or Valkey, and one that lies, which no real one does on demand."""
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

PROGRAM = shutil.which('redis-server') or shutil.which('valkey-server')
QUARTER = 3600 // 4  # of the window that is the default


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait(what, seconds=10):
    """True as soon as it is; False after a while."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Redis:
    """A private server, Redis or Valkey; nothing of it is written to a disk."""

    def __init__(self, folder, *options, port=None):
        self.port = port or free_port()
        self.folder, self.options = folder, options
        self.start()

    def start(self):
        self.process = subprocess.Popen([PROGRAM, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no', '--dir',
                                         self.folder.path(''), *(() if '--port' in self.options else ('--port', str(self.port))), *self.options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not wait(self.is_open):
            raise RuntimeError(f'{PROGRAM} does not listen')

    def is_open(self):
        try:
            socket.create_connection(('127.0.0.1', self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def ask(self, database, command):
        """The answers to choosing the database and to the command, as they come."""
        with socket.create_connection(('127.0.0.1', self.port), timeout=5) as link:
            link.sendall(f'SELECT {database}\r\n{command}\r\nQUIT\r\n'.encode())
            answer = b''
            while part := link.recv(65536):
                answer += part
            return answer.decode(errors='replace')

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.kill()


HONEST = {'PING': b'+PONG\r\n', 'MULTI': b'+OK\r\n', 'PFADD': b'+QUEUED\r\n', 'EXPIRE': b'+QUEUED\r\n', 'ZADD': b'+QUEUED\r\n', 'EXEC': b'*2\r\n:1\r\n:1\r\n',
          'PFCOUNT': b':1\r\n', 'ZREVRANGE': b'*0\r\n'}


class Liar(threading.Thread):
    """A server that answers each command as a function says. A real one can't be made to lie, so this is no stand-in for one: it is the attacker."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer, self.links = answer, []
        self.server = socket.create_server(('127.0.0.1', 0))
        self.port = self.server.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        try:
            with link, link.makefile('rb') as lines:
                while True:
                    head = lines.readline()
                    if not head.startswith(b'*'):
                        return
                    words = []
                    for _ in range(int(head[1:])):
                        size = int(lines.readline()[1:])
                        words.append(lines.read(size + 2)[:-2].decode())
                    link.sendall(self.answer(words))
        except OSError:
            pass

    def close(self):
        """It listens no more, and ends all connections."""
        for one in (self.server, *self.links):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.join(10)
        self.server.close()


class Cutter(threading.Thread):
    """Stands before a real server, and ends the first connections as soon as the bytes `before` come: the server sees all that was in front of them."""

    def __init__(self, port, before, times):
        super().__init__(daemon=True)
        self.to, self.before, self.times = port, before, times
        self.cuts = 0
        self.server = socket.create_server(('127.0.0.1', 0))
        self.port = self.server.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    @staticmethod
    def answer(link, onward):
        try:
            while part := onward.recv(65536):
                link.sendall(part)
        except OSError:
            pass

    def serve(self, link):
        with link, socket.create_connection(('127.0.0.1', self.to), timeout=10) as onward:
            answers = threading.Thread(target=self.answer, args=(link, onward), daemon=True)
            answers.start()
            try:
                self.pass_on(link, onward)
                onward.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            answers.join(10)

    def pass_on(self, link, onward):
        while part := link.recv(65536):
            if self.cuts < self.times and self.before in part:
                self.cuts += 1
                onward.sendall(part[:part.index(self.before)])
                return
            onward.sendall(part)

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.join(10)
        self.server.close()
