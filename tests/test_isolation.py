"""The safety nets of conftest.py hold: a net that catches nothing would never be noticed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from medview.core import paths

OUTCOMES = """
import logging
import pytest

def test_logs_a_warning():
    logging.getLogger("medview.imaging.open").warning("half a file")

@pytest.mark.expected_logs
def test_says_that_it_logs():
    logging.getLogger("training.fit").error("as it should be")

def test_reads_the_log(caplog):
    logging.getLogger("medview").error("as it should be")
    assert caplog.records

def test_other_people_warn():
    logging.getLogger("matplotlib").warning("not ours")
"""


def test_settings_and_logs_go_into_a_folder_of_the_test(own_home: Path) -> None:
    for folder in (paths.config_dir(), paths.data_dir(), paths.log_dir()):
        assert folder.is_relative_to(own_home)


def test_no_test_opens_a_window() -> None:
    assert os.environ["QT_QPA_PLATFORM"]


def test_the_network_is_out_of_reach() -> None:
    # 192.0.2.0/24 belongs to nobody (RFC 5737)
    with socket.socket() as line, pytest.raises(AssertionError, match="offline program"):
        line.connect(("192.0.2.1", 9))


def test_only_unexpected_logs_of_our_own_fail(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_outcomes.py").write_text(OUTCOMES, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "."]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "4 passed" in result.stdout, result.stdout  # the error comes after the test itself, in its teardown
    assert "1 error" in result.stdout
    assert "half a file" in result.stdout
    assert "as it should be" not in result.stdout
