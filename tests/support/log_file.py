"""Reading a log that a program is writing: a line can be seen before its end is there."""


def read_lines(path, mark=0):
    """What stands in the file from byte `mark` to the end of its last whole line (bytes); nothing where no file is."""
    try:
        with open(path, 'rb') as log:
            log.seek(mark)
            text = log.read()
    except FileNotFoundError:
        return b''
    return text[:text.rfind(b'\n') + 1]
