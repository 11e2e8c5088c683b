"""`bnviz doctor`: what a bug report needs, and whether all is well."""

from __future__ import annotations

from pathlib import Path

from bnviz.cli import doctor, main


def test_it_says_what_is_there(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("BNVIZ_RECORDINGS", str(tmp_path / "not" / "yet"))
    monkeypatch.setenv("STREAMLIT_SECRET", "hush")
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for words in ("torch 2.", "cores", "first frame after", "STREAMLIT_SECRET", "on 127.0.0.1 is free", "All is well."):
        assert words in told
    assert "hush" not in told
    assert " NO " not in told
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_is_a_line_each_and_status_1(capsys, monkeypatch):
    monkeypatch.setenv("BNVIZ_RECORDINGS", "/proc/nothing")
    monkeypatch.setattr(doctor, "PATIENCE", 0.01)
    monkeypatch.setattr(doctor, "PACKAGES", ("bnviz", "nowhere-to-be-found"))
    assert main(["doctor"]) == 1
    captured = capsys.readouterr()
    wrong = [line.split()[0] for line in captured.out.splitlines() if " NO  " in line]
    assert wrong == ["versions", "recordings", "worker"]
    assert "nowhere-to-be-found" in captured.out
    assert "Traceback" not in captured.out + captured.err


def test_the_users_name_is_left_out():
    assert doctor._at_home(f"{Path.home()}/x can be written to") == "~/x can be written to"
