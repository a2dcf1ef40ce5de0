"""The module can be imported and says its version."""

import re

import plate_deploy


def test_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", plate_deploy.__version__)
