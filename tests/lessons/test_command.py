"""`bnviz lessons`, and `bnviz --lessons DIR`: what is usable is offered, what is not is named."""

from __future__ import annotations

import pytest

from bnviz.cli import main
from bnviz.lessons import HERE, built_in
from bnviz.lessons.kinds import KINDS
from bnviz.serve.shared import Server, server, use

GOOD = (HERE / "shift.md").read_text()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.md").write_text(GOOD)
    (tmp_path / "shift.md").write_text(GOOD.replace("title: The shift", "title: My shift"))
    (tmp_path / "broken.md").write_text(GOOD.replace("steps: 260", "steps: none"))
    return tmp_path


def test_lessons_and_questions_are_listed(capsys):
    assert main(["lessons"]) == 0
    said = capsys.readouterr().out
    assert all(f"{name}\n    {each.title}" in said for name, each in built_in().items())
    assert all(f"{name}\n    {kind.title}" in said for name, kind in KINDS.items())


def test_a_folder_is_checked(folder, capsys):
    assert main(["lessons", str(folder)]) == 1
    said = capsys.readouterr()
    assert said.err == f"{folder / 'broken.md'}, line 4: steps must be a whole number from 1 to 1000000, got 'none'.\n"
    assert said.out.startswith("mine\n")
    assert "My shift" in said.out
    (folder / "broken.md").unlink()
    assert main(["lessons", str(folder)]) == 0


def test_the_dashboard_offers_the_good_ones_first_and_names_the_others(folder, capsys, monkeypatch):
    started = []
    monkeypatch.setattr("bnviz.serve.launch.serve", lambda app, **options: started.append(options))
    use(Server())
    assert main(["--lessons", str(folder), "--no-browser"]) == 0
    assert len(started) == 1
    assert list(server().lessons)[:2] == ["mine", "shift"]
    assert set(server().lessons) == {"mine", *built_in()}
    assert server().lessons["shift"].title.startswith("My shift")
    assert "broken.md, line 4: steps must" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["lessons"], ["--no-browser", "--lessons"]])
def test_a_folder_without_lessons_is_a_mistake(command, tmp_path, capsys):
    for given in (tmp_path, tmp_path / "nowhere"):
        assert main([*command, str(given)]) == 2
        said = capsys.readouterr().err
        assert str(given) in said
        assert said.count("\n") == 1
