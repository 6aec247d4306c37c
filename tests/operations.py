"""The program's own table of operations, as tests read it, and which of the tests' accounts is whose."""

import functools
import re
import subprocess

from pond import binary

ACCOUNT = "000000000000"


def listed():
    """Every operation that the program lists, with its service."""
    text = subprocess.run([binary(), "services"], capture_output=True, text=True, check=True).stdout
    found, service = [], None
    for line in text.splitlines():
        if head := re.match(r"(\w+) \(", line):
            service = head.group(1)
        elif line.strip():
            found.append((service, line.strip()))
    return found


@functools.cache
def permissions():
    """What the program says that each operation asks for: (service, operation) to the action, or None."""
    text = subprocess.run(
        [binary(), "services", "--format", "markdown"], capture_output=True, text=True, check=True
    ).stdout
    found, service = {}, None
    for line in text.splitlines():
        if head := re.fullmatch(r"## (\w+)", line):
            service = head.group(1)
        elif service and (row := re.fullmatch(r"\| (\w+) \| (.*) \|", line)) and row.group(1) != "operation":
            action = re.search(r"`(\w+:\w+)`", row.group(2))
            found[service, row.group(1)] = action.group(1) if action else None
    return found
