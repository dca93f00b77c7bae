"""Functions run in processes of their own: a crash or a hang costs one result."""

import multiprocessing
import os
import sys
import traceback
from pathlib import Path
from threading import Thread

#: Children are forked from a process that has imported much and computed nothing yet:
#: they start quickly, and find neither threads nor memory of an earlier one.
CONTEXT = multiprocessing.get_context("forkserver")


class ChildError(Exception):
    """Why a child has not returned anything."""


def prepare(n_threads, *modules):
    """Set the number of threads of children to come, and what they find imported."""
    for name in ["OMP", "MKL", "OPENBLAS"]:
        os.environ[f"{name}_NUM_THREADS"] = str(n_threads)
    CONTEXT.set_forkserver_preload(list(modules))


def run(function, *arguments, time_limit):
    """What a function returns in a child; raises `ChildError` where it does not."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    child = CONTEXT.Process(target=_send, args=(sender, function, *arguments))
    child.start()
    sender.close()  # or the end of the child would not end the waiting
    try:
        if not receiver.poll(time_limit):
            raise ChildError(f"not done in {time_limit} seconds")
        is_done, result = receiver.recv()
    except EOFError:
        child.join()
        raise ChildError(f"the process ended with {child.exitcode}") from None
    finally:
        child.kill()
        child.join()
    if not is_done:
        raise ChildError(result)
    return result


def _send(sender, function, *arguments):
    """Send what a function returns, or its error."""
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        # Our networks would have one thread, and whoever sets their number all.
        has_several = os.environ.get("OMP_NUM_THREADS", "1") != "1"
        if has_several and "sklearn_snn._threads" in sys.modules:
            raise RuntimeError("modules of a child with threads imported the training")
        result = True, function(*arguments)
    except Exception as error:
        traceback.print_exc()
        result = False, f"{type(error).__name__}: {error}"[:500]
    sender.send(result)


def _end_with_parent():
    """Nobody waits for what a child of a killed process does, but it takes time."""
    multiprocessing.parent_process().join()
    os._exit(1)


class PeakMemory:
    """Context whose `megabytes` say by how much memory grew at most (Linux only)."""

    def __enter__(self):
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        self._before = self._read("VmRSS")
        return self

    def __exit__(self, *error):
        self.megabytes = (self._read("VmHWM") - self._before) / 1024

    def _read(self, name):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))
