"""Lists of Kubernetes' nodes, and the two ways in which such a file is changed on a real machine."""
import json
import os
import shutil
import time


def node_list(*addresses):
    """As `kubectl get nodes -o json` prints it, as far as we read it."""
    items = [{'kind': 'Node', 'metadata': {'name': f'n-{address}'}, 'status': {'addresses': [{'type': 'InternalIP', 'address': address}]}}
             for address in addresses]
    return json.dumps({'apiVersion': 'v1', 'items': items, 'kind': 'List'}, indent=1)


class Renamed:
    """A new file takes the old one's name."""

    def __init__(self, folder, name='nodes.json'):
        self.path = os.path.join(folder, name)

    def write(self, text):
        with open(self.path + '.new', 'w', encoding='ascii') as file:
            file.write(text)
        os.rename(self.path + '.new', self.path)

    def cut(self, size):
        os.truncate(self.path, size)

    def delete(self):
        os.unlink(self.path)


class ConfigMap:
    """A volume as the kubelet keeps it: the file is a link through `..data`, a link to a folder, which is renamed over the old one."""

    def __init__(self, folder, name='nodes.json'):
        self.volume, self.name = os.path.join(folder, 'volume'), name
        self.path = os.path.join(self.volume, name)

    def write(self, text):
        self._swap(text)
        if not os.path.islink(self.path):
            os.symlink(os.path.join('..data', self.name), self.path)

    def cut(self, size):
        with open(self.path, encoding='ascii') as file:
            text = file.read(size)
        self._swap(text)

    def delete(self):
        self._swap(None)
        os.unlink(self.path)

    def _swap(self, text):
        version, data = f'..{time.monotonic_ns()}', os.path.join(self.volume, '..data')
        os.makedirs(os.path.join(self.volume, version))
        if text is not None:
            with open(os.path.join(self.volume, version, self.name), 'w', encoding='ascii') as file:
                file.write(text)
        old = os.path.realpath(data) if os.path.islink(data) else None
        os.symlink(version, data + '_tmp')
        os.rename(data + '_tmp', data)
        if old:
            shutil.rmtree(old)
