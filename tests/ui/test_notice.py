"""What the page says of a link, of a setting, and of its own doing; through AppTest."""

from __future__ import annotations

from bnviz.ui.markdown import escaped
from tests.ui.test_page import hub, opened  # noqa: F401  a fixture


def test_five_sentences_are_one_notice_that_stays_until_it_is_put_away(hub):  # noqa: F811
    page = opened("depth=99&width=many&seed=x&color=red&tab=weather")
    (notice,) = page.warning
    for word in ("depth must be", "width must be", "seed must be", "'color'", "tab must be"):
        assert escaped(word) in notice.value
    page.select_slider(key="field_learning_rate").set_value(0.1).run()
    assert page.warning[0].value == notice.value  # another look at the page takes nothing away
    page.button(key="put_away_notice").click().run()
    assert not page.warning
    page.run()
    assert not page.warning


def test_what_no_longer_holds_is_no_longer_said_and_said_anew_when_it_holds_again(hub):  # noqa: F811
    page = opened("depth=2")
    assert not page.warning
    batch = page.select_slider(key="field_batch_size")
    before = batch.value
    batch.set_value(1).run()
    assert escaped("batch_size must be at least 2") in page.warning[0].value
    page.button(key="put_away_notice").click().run()
    assert not page.warning
    page.select_slider(key="field_batch_size").set_value(before).run()
    page.select_slider(key="field_batch_size").set_value(1).run()
    assert escaped("batch_size must be at least 2") in page.warning[0].value


def test_a_row_of_the_sidebar_is_called_what_the_network_has(hub):  # noqa: F811
    page = opened("depth=2&arms=none,layer")
    assert [page.toggle(key=f"arm{place}_on").label for place in (0, 1)] == ["No normalization", "LayerNorm"]
    page.toggle(key="arm1_on").set_value(False).run()
    page.toggle(key="arm0_on").set_value(True).run()
    assert [page.toggle(key=f"arm{place}_on").label for place in (0, 1)] == ["BatchNorm", "No normalization"]


def test_text_of_others_is_no_markdown_and_no_link():
    assert escaped("*a* [b](c) <d> :e: $f$") == r"\*a\* \[b\]\(c\) \<d\> \:e\: \$f\$"
    assert escaped("batch@0.1") == r"batch\@0\.1"
    for address in ("https://a.example", "HTTP://a.example", "www.a.example", "WWW.a.example", "me@a.example"):
        shown = escaped(address).replace("\\", "")
        assert shown != address
        assert shown.replace("\N{WORD JOINER}", "") == address
