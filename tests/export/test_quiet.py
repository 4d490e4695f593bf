"""What other libraries say reaches our log and not the terminal."""

import logging
import subprocess
import sys

import pytest

from tessella.export.quiet import diverted

logger = logging.getLogger("tessella.export.test_quiet")
other = logging.getLogger("other_library")


def test_a_log_message_of_a_source_becomes_a_debug_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, logger=logger.name), diverted([other], to=logger):
        other.error("bias of %s", "conv")
    assert caplog.record_tuples == [(logger.name, logging.DEBUG, "bias of conv")]


def test_printed_lines_become_debug_messages(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, logger=logger.name), diverted([other], to=logger):
        sys.stdout.write("Collecting 50 %\n")
    assert capsys.readouterr().out == ""
    assert [record.getMessage() for record in caplog.records] == ["Collecting 50 %"]


def test_afterwards_the_source_speaks_for_itself_again(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError), diverted([other], to=logger):
        raise KeyError("inside")
    other.warning("again")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        (other.name, "again")
    ]


def test_other_loggers_are_not_touched(caplog: pytest.LogCaptureFixture) -> None:
    with diverted([logging.getLogger()], to=logger):
        other.warning("still here")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        (other.name, "still here")
    ]


def test_the_root_logger_gets_no_handler_for_good() -> None:
    program = (
        "import logging\n"
        "from tessella.export.quiet import diverted\n"
        "with diverted([logging.getLogger()], to=logging.getLogger('ours')):\n"
        "    logging.warning('please consider')\n"
        "print(logging.getLogger().handlers)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
