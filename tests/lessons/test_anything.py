"""Whatever a link says of a lesson, and whatever stands in a lesson's file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bnviz.config import RunConfig
from bnviz.lessons import built_in, read
from bnviz.lessons.kinds import KINDS
from bnviz.lessons.progress import restored
from bnviz.lessons.question import asked, from_code
from bnviz.lessons.reading import HEAD, IN_STEP
from tests.support.anything import ANY, refused_in_one_line, texts

LESSON = next(iter(built_in().values()))
said = st.from_regex(r"(\d{1,3}[a-z-]){0,6}", fullmatch=True) | texts
question = st.lists(st.sampled_from([*KINDS, "none", "batch", "0", "1", ",", ""]) | texts, max_size=4).map(" ".join)
named = st.builds("{}: {}".format, st.sampled_from([*HEAD, *IN_STEP]), question | texts)


@ANY
@given(said, texts | st.integers(-9, 99).map(str))
def test_any_place_in_a_lesson_is_one_of_its_steps(said, at):
    found = restored(LESSON, {"said": said, "at": at})
    assert found.step in LESSON.steps
    assert restored(LESSON, found.to_dict()) == found


@ANY
@given(question)
def test_any_question_is_asked_or_refused_in_one_line(text):
    from_code(text)
    with refused_in_one_line():
        found = asked(text, RunConfig())
        assert found.options(RunConfig())
        assert from_code(found.code).arms == found.arms


@ANY
@given(st.lists(named | texts | texts.map("## {}".format), max_size=12).map("\n".join))
def test_any_file_is_a_lesson_or_its_mistakes(text):
    lesson, problems = read("any", text)
    assert (lesson is None) == bool(problems)
    assert all(each.reason and len(each.reason.splitlines()) == 1 for each in problems)
