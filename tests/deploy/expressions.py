"""The few expressions of deploy/terraform, worked out with the variables' defaults: templates, var, local, path.module, the name of another resource, and
the functions below. Whatever else stands there is an error, so that nobody believes that it was looked at."""
import os
import re

TEMPLATE = re.compile(r'\$\{')


class Module:
    """A folder of Terraform, as hcl2json tells it."""

    def __init__(self, trees, folder, yaml):
        self.folder, self.yaml = folder, yaml
        self.tree = {}
        for tree in trees.values():
            for block, body in tree.items():
                if isinstance(body, dict):
                    for label, inner in body.items():
                        known = self.tree.setdefault(block, {})
                        known[label] = {**known[label], **inner} if isinstance(inner, dict) and label in known else inner
                else:
                    self.tree.setdefault(block, []).extend(body)
        self.variables = {name: body[0].get('default') for name, body in self.tree['variable'].items()}
        self.locals = {name: text for block in self.tree.get('locals', []) for name, text in block.items()}

    def resources(self):
        """(kind, name, body) of each."""
        return [(kind, name, body[0]) for kind, named in self.tree['resource'].items() for name, body in named.items()]

    def value(self, thing):
        """A tree with all its expressions worked out."""
        if isinstance(thing, dict):
            return {key: self.value(value) for key, value in thing.items() if key != 'depends_on'}
        if isinstance(thing, list):
            return [self.value(each) for each in thing]
        return self._text(thing) if isinstance(thing, str) and '${' in thing else thing

    def _text(self, text):
        parts, place = [], 0
        while (found := TEMPLATE.search(text, place)) is not None:
            end = closing(text, found.end(), '{', '}')
            parts += [text[place:found.start()], self._expression(text[found.end():end])]
            place = end + 1
        parts.append(text[place:])
        parts = [each for each in parts if each != '']
        return parts[0] if len(parts) == 1 else ''.join(str(each) for each in parts)

    def _expression(self, text):
        text = text.strip()
        if re.fullmatch(r'".*"', text, re.S):
            return self._text(text[1:-1])
        if found := re.fullmatch(r'var\.(\w+)', text):
            return self.variables[found[1]]
        if found := re.fullmatch(r'local\.(\w+)', text):
            return self.value(self.locals[found[1]])
        if text == 'path.module':
            return self.folder
        if found := re.fullmatch(r'(\w+)\.(\w+)\.metadata\[0\]\.name', text):
            return self.value(self.tree['resource'][found[1]][found[2]][0]['metadata'][0]['name'])
        if found := re.fullmatch(r'(file|yamldecode|coalesce)\((.*)\)', text, re.S):
            return self._call(found[1], [self._expression(each) for each in arguments(found[2])])
        raise ValueError(f'tests/deploy/expressions.py does not know this expression: {text}')

    def _call(self, name, words):
        if name == 'file':
            with open(os.path.normpath(words[0]), encoding='utf-8') as file:
                return file.read()
        if name == 'yamldecode':
            return self.yaml.safe_load(words[0])
        return next(each for each in words if each not in (None, ''))


def closing(text, start, opening, end):
    """Where what is open at `start` ends."""
    depth = 1
    for i in range(start, len(text)):
        depth += (text[i] == opening) - (text[i] == end)
        if depth == 0:
            return i
    raise ValueError(f'{text}: nothing ends it')


def arguments(text):
    """The arguments of a call: split at commas that stand in no quotes, braces or parentheses."""
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text):
        quoted ^= c == '"' and depth == 0
        depth += (c in '({') - (c in ')}')
        if c == ',' and depth == 0 and not quoted:
            parts.append(text[start:i])
            start = i + 1
    return parts + [text[start:]]
