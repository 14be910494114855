"""person.py PIN COMMAND...: runs COMMAND on a terminal of its own, before which
a person sits who says yes and knows the PIN. What they see goes to standard
output. Told to end, it tells COMMAND, and ends with its exit code."""

import os
import pty
import signal
import sys
import time

ANSWERS = {
    b"(not shown): ": sys.argv[1].encode(),
    b"The same again: ": sys.argv[1].encode(),
    b" left] ": b"y",
    b" left: ": b"erase",
    b"Press Enter: ": b"",
}

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
question = b""
while True:
    try:
        said = os.read(terminal, 4096)
    except OSError:  # the last program on it has ended
        break
    if not said:
        break
    os.write(1, said)
    question = (question + said)[-200:]
    for end, answer in ANSWERS.items():
        if question.endswith(end):
            time.sleep(0.3)  # as people do
            os.write(terminal, answer + b"\r")
            question = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
