"""`python -m web.worker_process`: a background worker that ends with whoever holds its standard input.

A closed pipe tells it of every end of the server, a killed one too; a signal could not.
"""

import os
import signal
import sys
import threading

from django.core.management import execute_from_command_line

ARGUMENTS = ["db_worker", "--queue-name", "*", "--no-reload", "--no-startup-delay"]


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)  # the worker then finishes its task


if __name__ == "__main__":
    # Whatever a worker that was killed has left: before this one can be killed, it stands in the queue again.
    execute_from_command_line(["manage.py", "send_due_mail", "--later", "--verbosity", "0"])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    execute_from_command_line(["manage.py", *ARGUMENTS])
