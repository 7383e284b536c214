"""Stopping in good order: Ctrl-C and SIGTERM end a run after the step that is under way."""

import signal
import threading


class Stopped(Exception):
    """The run was asked to stop and has written its checkpoint."""

    def __init__(self, message, signal_number):
        super().__init__(message)
        self.exit_status = 128 + signal_number


class StopRequest:
    """Within the block, the first Ctrl-C or SIGTERM is only noted in `received`; a second Ctrl-C interrupts at once."""

    def __enter__(self):
        self.received, self.before = None, {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self.note)
        return self

    def note(self, number, frame):
        if self.received == signal.SIGINT == number:
            raise KeyboardInterrupt
        self.received = number

    def __exit__(self, *exception):
        for number, handler in self.before.items():
            signal.signal(number, handler)
