"""Terraform's kubernetes provider: which arguments and blocks each resource has, and which Kubernetes object comes of one.

The schema is read out of the provider's bindings for CDKTF, which are made of it: for each block a function NAMEToTerraform that lists its arguments in the
provider's spelling, and names the function of each block inside."""
import glob
import os
import re

FUNCTION = re.compile(r'^function (\w+)ToTerraform\(struct\) \{.*?^    return \{(.*?)^    \};?$', re.M | re.S)
FIELD = re.compile(r'^        (\w+): (.*),$', re.M)
INNER = re.compile(r'(\w+)ToTerraform\b')
RESOURCE = re.compile(r'synthesizeAttributes\(\) \{\s*return \{(.*?)^        \};', re.M | re.S)


class Provider:
    def __init__(self, place):
        self.place = os.path.join(place, 'node_modules/@cdktf/provider-kubernetes/lib')
        self.known = {}

    def _schema(self, kind):
        """(fields of the resource, {block: fields}), fields being {argument: block or None}."""
        if kind not in self.known:
            folder = os.path.join(self.place, kind.removeprefix('kubernetes_').replace('_', '-'))
            text = ''
            for path in sorted(glob.glob(os.path.join(folder, '**/*.js'), recursive=True)):
                with open(path, encoding='utf-8') as file:
                    text += file.read()
            blocks = {found[1]: self._fields(found[2]) for found in FUNCTION.finditer(text)}
            resource = RESOURCE.search(text)
            if resource is None:
                raise RuntimeError(f'the provider knows no {kind}')
            self.known[kind] = (self._fields(re.sub(r'^    ', '', resource[1], flags=re.M)), blocks)
        return self.known[kind]

    @staticmethod
    def _fields(text):
        fields = {}
        for name, value in FIELD.findall(text):
            inner = [each.rsplit('.', 1)[-1] for each in INNER.findall(value)]
            fields[name] = next((each for each in inner if f'cdktf.{each}ToTerraform' not in value), None)
        return fields

    def problems(self, kind, body):
        """What this resource says that the provider does not know."""
        fields, blocks = self._schema(kind)
        return self._look({**fields, 'depends_on': None}, blocks, body, kind)

    def _look(self, fields, blocks, body, place):
        problems = []
        for name, value in body.items():
            if name not in fields:
                problems.append(f'{place}: no {name}')
            elif fields[name] is not None:
                for each in value if isinstance(value, list) else [value]:
                    problems += self._look(blocks[fields[name]], blocks, each, f'{place}.{name}')
            elif isinstance(value, list) and value and isinstance(value[0], dict): # what stands in a manifest is a map
                problems.append(f'{place}: {name} is no block')
        return problems


# ---- the object ------------------------------------------------------------------------------------------------------

KINDS = {
    'kubernetes_namespace_v1': ('v1', 'Namespace'), 'kubernetes_service_account_v1': ('v1', 'ServiceAccount'),
    'kubernetes_cluster_role_v1': ('rbac.authorization.k8s.io/v1', 'ClusterRole'),
    'kubernetes_cluster_role_binding_v1': ('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'),
    'kubernetes_config_map_v1': ('v1', 'ConfigMap'), 'kubernetes_persistent_volume_claim_v1': ('v1', 'PersistentVolumeClaim'),
    'kubernetes_service_v1': ('v1', 'Service'), 'kubernetes_deployment_v1': ('apps/v1', 'Deployment'),
}
# Terraform's own, of which the cluster hears nothing.
OWN = {'wait_for_rollout', 'wait_until_bound', 'depends_on'}
# Blocks that may be repeated, and what the list is called.
LISTS = {'container': 'containers', 'init_container': 'initContainers', 'volume': 'volumes', 'volume_mount': 'volumeMounts', 'port': 'ports', 'env': 'env',
         'env_from': 'envFrom', 'sources': 'sources', 'items': 'items', 'rule': 'rules', 'subject': 'subjects'}
NUMBERS = {'run_as_user', 'run_as_group'}
NAMES = {'downward_api': 'downwardAPI'}


def camel(name):
    first, *rest = name.split('_')
    return first + ''.join(word.capitalize() for word in rest)


def converted(body):
    made = {}
    for name, value in body.items():
        if name in OWN:
            continue
        key = NAMES.get(name, camel(name))
        if isinstance(value, dict): # a map, as labels; blocks are lists
            made[key] = value
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            made[LISTS.get(name, key)] = [converted(each) for each in value] if name in LISTS else converted(value[0])
        elif name in NUMBERS:
            made[key] = int(value)
        elif name == 'default_mode':
            made[key] = int(value, 8)
        else:
            made[key] = value
    return made


def object_of(kind, body):
    """The Kubernetes object that this resource makes; its expressions are worked out."""
    if kind == 'kubernetes_manifest':
        return body['manifest']
    version, name = KINDS[kind]
    return {'apiVersion': version, 'kind': name, **converted(body)}
