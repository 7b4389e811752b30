"""Reads the files of tests/vectors for the tests written in Python; README.md tells the format."""
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
LETTERS = {'r': '\r', 'n': '\n', 't': '\t', '0': '\0', '"': '"', '\\': '\\'}


class Vector:
    def __init__(self, name, file):
        self.name, self.file, self.bytes, self.lines = name, file, b'', {}
        self.about = ''     # what it shows, in words


def text_bytes(text):
    def meant(found):
        return chr(int(found[1], 16)) if found[1] else LETTERS[found[2]]
    return re.sub(r'\\(?:x([0-9a-f]{2})|(.))', meant, text, flags=re.I).encode('latin-1')


def line_bytes(line):
    out, at = b'', 0
    for found in re.finditer(r'"((?:[^"\\]|\\.)*)"|\* *(\d+)|([0-9a-fA-F]+)|(#.*)|\s+', line):
        if found.start() != at:
            raise ValueError(f'what is {line[at:]!r}?')
        at = found.end()
        if found[1] is not None:
            out += text_bytes(found[1])
        elif found[2]:
            out = out[:-1] + out[-1:] * int(found[2])
        elif found[3]:
            out += bytes.fromhex(found[3])
    if at != len(line):
        raise ValueError(f'what is {line[at:]!r}?')
    return out


def read(folder, file):
    """The vectors of one file, in order."""
    vectors = []
    with open(os.path.join(HERE, folder, file), encoding='ascii') as lines:
        for line in lines:
            line = line.rstrip('\n')
            if not line or line.startswith('#'):
                if line and vectors and not vectors[-1].bytes and not vectors[-1].about:
                    vectors[-1].about = line[1:].strip()
                continue
            word, _, rest = line.partition(' ')
            if not word:
                vectors[-1].bytes += line_bytes(rest)
            elif word == 'vector':
                vectors.append(Vector(rest, f'{folder}/{file}'))
            else:
                vectors[-1].lines[word] = rest
    return vectors


def read_all(folder):
    return [vector for file in sorted(os.listdir(os.path.join(HERE, folder))) for vector in read(folder, file)]
