"""Headless Chromium for tests: pages opened, measured, pictured; what the console said, and which places were asked for."""
import base64
import json
import os
import select
import subprocess
import time


class Browser:
    """Chromium over the DevTools protocol: JSON messages that end with a NUL, on descriptors 3 and 4."""

    def __init__(self, program, folder):
        theirs_in, self.out = os.pipe()
        self.inward, theirs_out = os.pipe()

        def place():
            low_in, low_out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(low_in, 3)
            os.dup2(low_out, 4)

        command = [program, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
                   '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-extensions', '--hide-scrollbars', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
                   '--remote-debugging-pipe', f'--user-data-dir={folder.path("profile")}', 'about:blank']
        self.log = open(folder.path('chromium.log'), 'wb')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, close_fds=False, preexec_fn=place,
                                        env={**os.environ, 'HOME': folder.held.name})
        os.close(theirs_in)
        os.close(theirs_out)
        self.rest, self.number, self.events, self.local = b'', 0, [], ()
        self.session = None
        target = self.ask('Target.createTarget', url='about:blank')['targetId']
        self.session = self.ask('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.ask(f'{domain}.enable')

    def message(self, end):
        while b'\0' not in self.rest:
            ready, _, _ = select.select([self.inward], [], [], max(0, end - time.monotonic()))
            got = os.read(self.inward, 1 << 20) if ready else b''
            if not got:
                raise RuntimeError('Chromium does not answer')
            self.rest += got
        text, self.rest = self.rest.split(b'\0', 1)
        return json.loads(text)

    def ask(self, method, **parameters):
        self.number += 1
        question = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            question['sessionId'] = self.session
        os.write(self.out, json.dumps(question).encode() + b'\0')
        end = time.monotonic() + 40
        while True:
            message = self.message(end)
            if message.get('id') == self.number:
                if 'error' in message:
                    raise RuntimeError(f'{method}: {message["error"]}')
                return message['result']
            self.events.append(message)

    def open(self, url, width, scheme, local=('file:', 'data:', 'about:')):
        """Opens a page as a window of this width and colour scheme shows it; what was said and asked before is forgotten."""
        self.local = local
        self.ask('Emulation.setDeviceMetricsOverride', width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.ask('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        self.go('about:blank')
        self.go(url)

    def go(self, url):
        self.events.clear()
        self.ask('Page.navigate', url=url)
        end = time.monotonic() + 30
        while not any(event.get('method') == 'Page.loadEventFired' for event in self.events):
            self.events.append(self.message(end))
        # That event may be that of the page before.
        while url != 'about:blank' and not self.value('location.href != "about:blank" && document.readyState == "complete"'):
            if time.monotonic() > end:
                raise RuntimeError(f'{url} is not shown')
            time.sleep(0.02)

    def value(self, expression):
        """What an expression of JavaScript is, as JSON can tell it."""
        answer = self.ask('Runtime.evaluate', expression=f'JSON.stringify({expression})', awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(f'{expression}: {answer["exceptionDetails"]}')
        return json.loads(answer['result']['value']) if 'value' in answer['result'] else None

    def wait(self, expression, seconds):
        """Waits until an expression holds; returns how many seconds that took, or None."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            if self.value(f'Boolean({expression})'):
                return time.monotonic() - begin
            time.sleep(0.05)
        return None

    def said(self):
        """What the console had to say so far: messages, errors, what a policy forbade."""
        return [json.dumps(event['params'])[:300] for event in self.events
                if event.get('method') in ('Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Log.entryAdded')]

    def asked(self):
        """Which places outside of the page's own were asked for so far."""
        urls = [event['params']['request']['url'] for event in self.events if event.get('method') == 'Network.requestWillBeSent']
        return [url for url in urls if not url.startswith(self.local)]

    def picture(self, path):
        size = self.ask('Page.getLayoutMetrics')['cssContentSize']
        clip = {'x': 0, 'y': 0, 'width': size['width'], 'height': size['height'], 'scale': 1}
        data = self.ask('Page.captureScreenshot', format='png', captureBeyondViewport=True, clip=clip)['data']
        with open(path, 'wb') as file:
            file.write(base64.b64decode(data))
        return os.path.getsize(path)

    def close(self):
        try:
            self.ask('Browser.close')
            self.process.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(10)
        self.log.close()
