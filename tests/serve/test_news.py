"""What a viewer takes out of its one place for news while the stream's thread puts it in."""

from __future__ import annotations

import sys

from bnviz.serve.texts import Text
from bnviz.serve.viewer import Viewer


def test_a_message_is_not_lost_at_whatever_moment_it_comes_in():
    first, second = Text.of("status", step=1), Text.of("status", step=2)

    def taken(moment):
        """What a viewer takes, and then takes again, where the second message comes in before some operation of the
        interpreter; whether there was such an operation."""
        viewer, done = Viewer(lambda: None), []
        viewer.news.append(first)

        def trace(frame, event, value):
            if frame.f_code is not Viewer._next.__code__:
                return None
            frame.f_trace_opcodes = True
            if event == "opcode":
                done.append(1)
                if len(done) == moment:
                    viewer.news.append(second)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            found = viewer.take()
        finally:
            sys.settrace(before)
        return [found, viewer.take()], len(done) >= moment

    moment = 1
    while (found := taken(moment))[1]:
        assert found[0] in ([first.plain, second.plain], [second.plain, None]), moment
        moment += 1
    assert moment > 5


def test_who_lacks_the_figures_of_a_message_says_so_and_is_sent_the_scene(run, seat):
    seat.until("scene")
    patch = seat.stream._message(seat.viewer.view, None, [seat.viewer])
    seat.viewer.drawn = None  # it asked anew, or a message of another view came in between
    seat.viewer.news.append(patch)
    assert seat.viewer.take() is None
    assert seat.viewer.lacks
    seat.stream.refresh(seat.viewer)
    seat.until("scene")
    assert not seat.viewer.lacks
