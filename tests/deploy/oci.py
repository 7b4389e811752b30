"""A container of the manifest, run by crun as a kubelet would have it run: its securityContext made an OCI configuration."""
import itertools
import json
import os
import shutil
import subprocess
import time

PROFILE = '/usr/share/containers/seccomp.json'
PTRACE_CALLS = {'pidfd_getfd', 'ptrace', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'process_madvise'}
counter = itertools.count(1)


def image_settings(inspected):
    return inspected['Docker']['config']


def seccomp(capabilities):
    """podman's profile for these capabilities; what Docker and containerd give for CAP_SYS_PTRACE alone is taken out without it."""
    with open(PROFILE, encoding='utf-8') as file:
        profile = json.load(file)
    rules = []
    for rule in profile['syscalls']:
        needs, without = rule.get('includes') or {}, rule.get('excludes') or {}
        if set(needs.get('caps', ())) - set(capabilities) or set(without.get('caps', ())) & set(capabilities) or ('arches' in needs and 'amd64' not in needs['arches']):
            continue
        names = [name for name in rule['names'] if 'CAP_SYS_PTRACE' in capabilities or name not in PTRACE_CALLS]
        made = {'names': names, 'action': rule['action']}
        if rule['action'] == 'SCMP_ACT_ERRNO':
            made['errnoRet'] = rule.get('errnoRet', 1)
        if rule.get('args'):
            made['args'] = rule['args']
        if names:
            rules.append(made)
    return {'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 1, 'architectures': ['SCMP_ARCH_X86_64'], 'syscalls': rules}


def configuration(root, spec, volumes, changes):
    context = spec['securityContext']
    kept = [f'CAP_{name}' for name in changes.get('capabilities', context['capabilities'].get('add', []))]
    given = kept if changes.get('given', True) else []
    mounts = [{'destination': '/proc', 'type': 'proc', 'source': 'proc'},
              {'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['nosuid', 'strictatime', 'mode=755', 'size=65536k']},
              {'destination': '/dev/shm', 'type': 'tmpfs', 'source': 'shm', 'options': ['nosuid', 'noexec', 'nodev', 'mode=1777']}]
    mounts += [{'destination': each['mountPath'], 'type': 'bind', 'source': volumes[each['name']], 'options': ['rbind', 'ro' if each.get('readOnly') else 'rw']}
               for each in spec['volumeMounts']]
    return {
        'ociVersion': '1.0.0',
        'process': {
            'terminal': False, 'cwd': '/', 'args': spec['command'],
            'user': {'uid': context['runAsUser'], 'gid': context.get('runAsGroup', 0)},
            'env': ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', *(f'{key}={value}' for key, value in changes.get('environment', {}).items())],
            'capabilities': {'bounding': kept, 'effective': given, 'permitted': given},
            'noNewPrivileges': not changes.get('escalation', context['allowPrivilegeEscalation']),
        },
        'root': {'path': root, 'readonly': context['readOnlyRootFilesystem']},
        'mounts': mounts,
        'linux': {
            'namespaces': [{'type': name} for name in ['mount', 'ipc', 'uts'] + ([] if changes.get('shared_processes') else ['pid'])],
            'maskedPaths': ['/proc/kcore', '/proc/keys', '/proc/timer_list'], 'readonlyPaths': ['/proc/sys', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/sysrq-trigger'],
            'seccomp': seccomp(kept),
        },
    }


class Container:
    """Runs from the start of the `with` to its end. Changes to the manifest: `capabilities`; `given`: False where a runtime only lets an ordinary user get
    them; `escalation`; `environment`; `shared_processes`."""

    def __init__(self, bundles, root, spec, volumes, **changes):
        self.name = f'realip-test-{os.getpid()}-{next(counter)}'
        self.bundle = os.path.join(bundles, self.name)
        self.state = os.path.join(bundles, 'state')
        os.makedirs(self.bundle)
        with open(os.path.join(self.bundle, 'config.json'), 'w', encoding='utf-8') as file:
            json.dump(configuration(root, spec, volumes, changes), file)

    def _crun(self, *words):
        return ['crun', '--root', self.state, '--cgroup-manager=disabled', *words]

    def __enter__(self):
        with open(os.path.join(self.bundle, 'log'), 'wb') as log:
            self.process = subprocess.Popen(self._crun('run', '--bundle', self.bundle, self.name), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        subprocess.run(self._crun('delete', '--force', self.name), stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
        shutil.rmtree(self.bundle)

    def log(self):
        with open(os.path.join(self.bundle, 'log'), encoding='utf-8', errors='replace') as file:
            return file.read()

    def wait(self, seconds):
        """The exit status."""
        return self.process.wait(seconds)

    def stop(self):
        """SIGTERM to the first process, as a kubelet does; the exit status."""
        subprocess.run(self._crun('kill', self.name, 'TERM'), stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            subprocess.run(self._crun('kill', self.name, 'KILL'), stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
            self.process.wait(10)
            return -1

    def execute(self, *command):
        """A command inside, as an exec probe's."""
        return subprocess.run(self._crun('exec', self.name, *command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)

    def status(self):
        """/proc/PID/status of the first process."""
        end = time.monotonic() + 5
        while True:
            done = subprocess.run(self._crun('state', self.name), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
            if done.returncode == 0 or time.monotonic() > end:
                break
        with open(f'/proc/{json.loads(done.stdout)["pid"]}/status', encoding='ascii') as file:
            return {line.split(':', 1)[0]: line.split(':', 1)[1].strip() for line in file}
