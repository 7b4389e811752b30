"""What the tests of deploy/kubernetes and deploy/terraform share: kubectl, which renders; the published schemas, which judge; the pod, taken apart."""
import importlib.util
import json
import os
import shutil
import subprocess

from harness import ROOT

KUBERNETES = os.path.join(ROOT, 'deploy/kubernetes')
TERRAFORM = os.path.join(ROOT, 'deploy/terraform')
SCHEMAS = os.path.join(ROOT, 'tests/deploy/schemas')

# Custom kinds for which no schema can be had from a registry: the fields of MetalLB's v1beta1, as its documentation lists them.
METALLB = {
    'IPAddressPool': {'addresses', 'autoAssign', 'avoidBuggyIPs', 'serviceAllocation'},
    'L2Advertisement': {'interfaces', 'ipAddressPoolSelectors', 'ipAddressPools', 'nodeSelectors'},
}
METALLB_VERSION = 'metallb.io/v1beta1'


def yaml():
    """The module, or None where Debian's python3-yaml is missing."""
    return importlib.import_module('yaml') if importlib.util.find_spec('yaml') else None


def kubectl(build, folder):
    """A kubectl's path: the machine's own, or Debian's out of build/debs, unpacked into `folder`; None where there is none."""
    found = shutil.which('kubectl', path='/usr/bin:/bin:/usr/local/bin')
    debs = os.path.join(build, 'debs')
    # Debian 13 has it in a package of its own
    packages = sorted(name for name in (os.listdir(debs) if os.path.isdir(debs) else []) if name.startswith(('kubectl_', 'kubernetes-client_')))[:1]
    if found is None and packages:
        subprocess.run(['dpkg-deb', '-x', os.path.join(debs, packages[0]), folder.path('root')], check=True, timeout=60)
        found = folder.path('root/usr/bin/kubectl')
    return found if found and os.access(found, os.X_OK) else None


def run(*command, text=None, environment=None):
    return subprocess.run(command, input=text or '', capture_output=True, text=True, timeout=100, check=False, env=environment)


def knows_components(program, folder):
    """Debian 12's kubectl (1.20) has a kustomize that is older than components."""
    done = run(program, 'version', '--client', '-o', 'json', environment={'PATH': '/usr/bin:/bin', 'HOME': folder.path('')})
    try:
        version = json.loads(done.stdout)['clientVersion']
        return (int(version['major']), int(version['minor'].rstrip('+'))) >= (1, 21)
    except (ValueError, KeyError):
        return False


def kustomize(program, folder, place):
    """The objects that this kustomization makes; RuntimeError with kubectl's words where it makes none."""
    done = run(program, 'kustomize', place, environment={'PATH': '/usr/bin:/bin', 'HOME': folder.path('')})
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [each for each in yaml().safe_load_all(done.stdout) if each]


class Judge:
    """The published schemas and HashiCorp's HCL parser, from the packages that quickstart puts into build/npm."""

    def __init__(self, build):
        self.place = os.path.join(build, 'npm')
        self.node = shutil.which('node', path='/usr/bin:/bin:/usr/local/bin')
        self.missing = None
        if self.node is None:
            self.missing = 'node is not installed'
        elif not os.path.exists(os.path.join(self.place, 'node_modules/kubernetes-models/package.json')):
            self.missing = f'{self.place} has not the packages of tests/deploy/schemas (quickstart check fetches them where npm is)'
        else:
            shutil.copy(os.path.join(SCHEMAS, 'judge.mjs'), self.place)

    def _run(self, *words, text=None):
        done = run(self.node, os.path.join(self.place, 'judge.mjs'), *words, text=text)
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-1500:])
        return json.loads(done.stdout)

    def objects(self, objects):
        """For each of these, what is wrong with it, in words; an empty list where nothing is."""
        known = [each for each in objects if each['apiVersion'] != METALLB_VERSION]
        problems = iter(self._run('objects', text=json.dumps(known)) if known else [])
        return [metallb_problems(each) if each['apiVersion'] == METALLB_VERSION else next(problems) for each in objects]

    def hcl(self, *files):
        """{file: tree}; RuntimeError with the parser's words."""
        return self._run('hcl', *files)


def metallb_problems(thing):
    fields = METALLB.get(thing['kind'])
    if fields is None:
        return [f'{thing["kind"]}: MetalLB has no such kind that we know']
    wrong = sorted(set(thing['spec']) - fields) + sorted(set(thing) - {'apiVersion', 'kind', 'metadata', 'spec'})
    return [f'{thing["kind"]} {thing["metadata"]["name"]}: no field {name}' for name in wrong]


def one(objects, kind, name):
    found = [each for each in objects if each['kind'] == kind and each['metadata']['name'] == name]
    if len(found) != 1:
        raise RuntimeError(f'{len(found)} objects {kind} {name}')
    return found[0]


def containers(pod):
    return pod.get('initContainers', []) + pod['containers']
