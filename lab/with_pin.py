"""with_pin.py PIN COMMAND...: runs COMMAND on a terminal of its own, and types
PIN whenever it asks for one. Ends with its exit code."""

import os
import pty
import sys
import time

pin = sys.argv[1].encode() + b"\n"


def read(fd):
    said = os.read(fd, 4096)
    if b" PIN" in said and said.rstrip().endswith((b":", b"(press TAB for no echo)")):
        time.sleep(0.5)  # what is typed before the echo is off may be dropped
        os.write(fd, pin)
    return said


sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], read)))
