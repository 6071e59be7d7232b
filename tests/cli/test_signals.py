"""Signals that ask a command to stop."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from vosbench.cli.signals import Stopped, raise_on_stop_signal


def test_a_stop_signal_is_an_exception_once_and_its_handler_goes_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped), raise_on_stop_signal():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN  # a stopped process ends without another interruption
    signal.signal(signal.SIGTERM, before)
    with raise_on_stop_signal():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_command_line_works_where_a_signal_of_unix_is_missing() -> None:
    code = "import signal; del signal.SIGUSR1; import sys; sys.argv = ['vosbench', '--help']\n" + (
        "from vosbench.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
