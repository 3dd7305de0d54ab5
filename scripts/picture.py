"""Draws what a command prints on a terminal of 80 columns as an SVG.

picture.py FILE LINES COMMAND…: the first LINES lines; 0 is all of them.
"""

import os
import pty
import re
import struct
import subprocess
import sys
from fcntl import ioctl
from termios import TIOCSWINSZ

from rich.console import Console
from rich.text import Text

file, lines, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
master, slave = pty.openpty()
ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
process = subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL)
os.close(slave)
output = b""
while True:
    try:
        output += os.read(master, 1 << 16)
    except OSError:  # the command has ended
        break
if process.wait() != 0:
    sys.exit(f"{' '.join(command)} has failed:\n{output.decode()}")
printed = output.decode().replace("\r\n", "\n").split("\n")
if lines:
    printed = printed[:lines]
console = Console(record=True, width=80, file=open(os.devnull, "w"))
console.print(Text("$ " + " ".join(command), style="bold"))
console.print(Text.from_ansi("\n".join(printed)))
svg = console.export_svg(title="exporter")
with open(file, "w") as f:
    f.write(re.sub(r"@font-face {.*?}", "", svg, flags=re.S))  # nothing is fetched to show it
