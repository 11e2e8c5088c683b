"""Recordings through a real server: opened and overlaid by the command, kept past its end, taken along by their own."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from bnviz.cli import main
from bnviz.config import RunConfig
from bnviz.recording import Recording
from bnviz.serve.shelf import Shelf
from bnviz.serve.visitors import COOKIE, from_this_machine
from bnviz.training import train
from tests.support.server import ROOT, dashboard, messages, watch

CONFIG = RunConfig(depth=2, width=8, steps=30)
COMMAND = (sys.executable, "-m", "bnviz.cli", "--no-browser")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    file = tmp_path_factory.mktemp("made") / "one.arrow"
    Recording(CONFIG, tuple(train(CONFIG))).save(file)
    return file.read_bytes()


def asked(server, key, **headers):
    request = urllib.request.Request(f"{server.url}/bnviz/recordings/{key}.arrow", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), answer.headers["Content-Disposition"]
    except urllib.error.HTTPError as error:
        return error.code, error.read(), None


def test_two_files_are_overlaid_and_the_shelf_is_served_to_its_own(tmp_path, raw):
    one, two = tmp_path / "one.arrow", tmp_path / "two.arrow"
    one.write_bytes(raw)
    two.write_bytes(raw[: len(raw) * 3 // 4])
    subprocess.run(["touch", "-d", "yesterday", str(two)], check=True)
    mine = Shelf(tmp_path / "kept").add(raw, "mine; <b>.arrow", "me" * 12)
    with dashboard(*COMMAND, "--recordings", str(tmp_path / "kept"), "open", str(one), str(two), "--overlay") as server:
        said = server.log.read_text()
        assert f"{two}: It was cut short: what comes before the cut is shown." in said
        assert "anything beyond step" in said
        run = said.partition("bnviz: http")[2].partition("?run=")[2].split()[0]
        with watch(server, run) as socket:
            scene = messages(socket, lambda message: message["type"] == "scene")[-1]
        assert len(scene["colors"]) == 4
        assert "one: no normalization" in str(scene["grid"])
        assert "two: BatchNorm" in str(scene["grid"])
        clean = mine.file.read_bytes()
        assert asked(server, mine.key) == (200, clean, 'attachment; filename="mine-b.arrow"')
        through_a_proxy = {"X-Forwarded-For": "192.0.2.7"}  # so it may be anybody
        assert asked(server, mine.key, **through_a_proxy)[0] == 404
        assert asked(server, mine.key, Cookie=f"{COOKIE}={'you' * 8}", **through_a_proxy)[0] == 404
        assert asked(server, mine.key, Cookie=f"{COOKIE}={'me' * 12}", **through_a_proxy)[:2] == (200, clean)
        assert asked(server, mine.key, Cookie=f"{COOKIE}=", **through_a_proxy)[0] == 404
        assert asked(server, mine.key, Origin="http://elsewhere.example")[0] == 403
        assert asked(server, "..%2Fone")[0] in (400, 404)
        assert not server.children, "recordings cost no process"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["open", "a.arrow", "--overlay"], "bnviz: --overlay takes two recordings, got 1.\n"),
        (["open", "nothing.arrow"], "bnviz: nothing.arrow: No such file or directory.\n"),
        (["--recordings", "README.md"], "bnviz: --recordings must be a folder, got the file README.md.\n"),
    ],
)
def test_mistakes_are_one_sentence(arguments, text, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["--no-browser", *arguments]) == 2
    assert capsys.readouterr().err == text


@pytest.mark.parametrize(
    ("headers", "here"),
    [
        ({"Host": "localhost:8501"}, True),
        ({"host": "127.0.0.1:8501"}, True),
        ({"Host": "[::1]:8501"}, True),
        ({"Host": "192.168.1.7:8501"}, False),
        ({"Host": "bnviz.example.org"}, False),
        ({"Host": "localhost", "X-Forwarded-For": "192.0.2.7"}, False),
        ({"Host": "localhost", "forwarded": "for=192.0.2.7"}, False),
        ({"Host": "[bad"}, False),
        ({}, False),
    ],
)
def test_only_a_browser_on_this_machine_is_at_home(headers, here):
    assert from_this_machine(headers) is here
