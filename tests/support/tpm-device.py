"""A device file in front of a swtpm: a terminal without a discipline, whose path is the first line that this prints.

usage: tpm-device.py SOCKET

Each command that is written to it goes to the swtpm at SOCKET, which answers on a connection of its own, so
that tpm2-tools reach the same swtpm in between. A line `hold CODE before|after` on standard input has the next
command of that code, in hex, go no further, before or after the swtpm did it: this prints `held` then, the
command gets no answer, and what comes later goes on.
"""

import os
import select
import socket
import sys
import tty

controller, line = os.openpty()
tty.setraw(line)  # it stays open: a terminal that nobody has open is at its end
print(os.ttyname(line), flush=True)
hold = None


def whole(read):
    """A command or an answer: the bytes 2 to 5 say how long it is."""
    got = b""
    while len(got) < 6 or len(got) < int.from_bytes(got[2:6], "big"):
        more = read(4096)
        if not more:
            sys.exit("the swtpm is gone")
        got += more
    return got


while True:
    ready, _, _ = select.select([controller, 0], [], [])
    if 0 in ready:
        words = os.read(0, 4096).decode().split()
        if not words:
            break
        hold = (int(words[1], 16), words[2])
    if controller not in ready:
        continue
    command = whole(lambda most: os.read(controller, most))
    held = hold is not None and int.from_bytes(command[6:10], "big") == hold[0]
    if not held or hold[1] == "after":
        with socket.socket(socket.AF_UNIX) as tpm:
            tpm.connect(sys.argv[1])
            tpm.sendall(command)
            answer = whole(tpm.recv)
        if not held:
            os.write(controller, answer)
    if held:
        hold = None
        print("held", flush=True)
