"""Stopping without loss: Ctrl-C, SIGTERM and a closed terminal end a run after the current step."""

import signal
import threading

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")     # Windows lacks SIGHUP, the others lack SIGBREAK


class Stopped(Exception):
    """The run was asked to stop and has written its checkpoint."""

    def __init__(self, message, signal_number):
        super().__init__(message)
        self.exit_status = 128 + signal_number

    def _render_traceback_(self):
        """What a notebook shows in place of a traceback: the sentence alone."""
        return [f"Stopped: {self}"]


class StopRequest:
    """Within the block, the first signal of `NAMES` is only noted in `received`; a second Ctrl-C interrupts at once.

    A signal that the process was started to ignore stays ignored: `nohup` ignores SIGHUP.
    """

    received = None                    # the number of the signal

    def __enter__(self):
        self.received, self.before = None, {}
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self.before[number] = signal.signal(number, self.note)
        return self

    def note(self, number, frame):
        if self.received == signal.SIGINT == number:
            raise KeyboardInterrupt
        self.received = number

    def __exit__(self, *exception):
        for number, handler in self.before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
