"""Runs a program on a pseudo-terminal that is no emulator: a bare serial line.

usage: serial-line.py (ctty | no-ctty | console) PROGRAM [ARGUMENT...]

What comes on standard input is typed byte by byte; the end of standard input hangs the line up. What
the program writes goes to standard output. The exit status is the program's, or 128 and the signal.

ctty     the line is its stdin, stdout, stderr and controlling terminal
no-ctty  the same without a controlling terminal: a hang-up sends no signal
console  only its path is given, as the last argument, as of /dev/console
"""

import os
import select
import signal
import subprocess
import sys
import termios
import time

BYTES_PER_SECOND = 960  # 9600 baud, 8N1


def main() -> int:
    mode, *command = sys.argv[1:]
    master, slave = os.openpty()
    if mode == "console":
        line = {"stdin": subprocess.DEVNULL, "stdout": None, "stderr": None}
        command.append(os.ttyname(slave))
    else:
        line = {"stdin": slave, "stdout": slave, "stderr": slave}

    def take_terminal() -> None:
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if mode == "ctty":
            import fcntl

            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(command, preexec_fn=take_terminal, **line)
    if mode != "console":
        os.close(slave)
    keyboard = sys.stdin.fileno()
    open_ends = [keyboard, master]
    while child.poll() is None:
        ready, _, _ = select.select(open_ends, [], [], 0.05)
        if master in ready:
            try:
                os.write(1, os.read(master, 4096))
            except OSError:  # nobody has it open any more
                open_ends.remove(master)
        if keyboard in ready:
            byte = os.read(keyboard, 1)
            if byte:
                os.write(master, byte)
                time.sleep(1 / BYTES_PER_SECOND)
            else:
                if mode == "console":
                    os.close(slave)
                os.close(master)
                open_ends = []
    # What it wrote last, just before it ended.
    while master in open_ends and select.select([master], [], [], 0)[0]:
        try:
            os.write(1, os.read(master, 4096))
        except OSError:  # all was read
            break
    status = child.returncode
    return status if status >= 0 else 128 - status


sys.exit(main())
