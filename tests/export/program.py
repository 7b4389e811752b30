"""realipctl export as the tests call it, and which programs there are."""
import os
import shutil
import subprocess


class Program:
    def __init__(self, build, folder):
        self.path, self.folder = os.path.join(build, 'cli/realipctl'), folder

    def run(self, config, *words, text=None):
        path = self.folder.write('mail-realip.conf', config)
        return subprocess.run([self.path, '-c', path, 'export', *words], input=text, capture_output=True, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL if text is None else None)

    def write(self, config, form, *words):
        """What it wrote: {file: text}."""
        place = self.folder.path(f'to-{form}')
        shutil.rmtree(place, ignore_errors=True)
        os.mkdir(place)
        done = self.run(config, form, '--to', place, *words)
        found = {}
        for name in sorted(os.listdir(place)):
            with open(os.path.join(place, name), encoding='utf-8') as file:
                found[name] = file.read()
        return done, found, place


def in_path(program):
    return shutil.which(program, path='/usr/sbin:/usr/bin:/sbin:/bin')


def dovecot_head():
    if not in_path('dovecot'):
        return ''
    version = subprocess.run([in_path('dovecot'), '--version'], capture_output=True, text=True, timeout=20, check=True).stdout.split()[0].split('-')[0]
    return f'dovecot_config_version = {version}\ndovecot_storage_version = {version}\n' if version.startswith('2.4') else ''
