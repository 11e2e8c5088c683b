"""Bad input in bulk: so many of each kind, and what came of them. Bounded, in this process.

A fault is any exception but the ones that are promised, an answer of several lines, a second or longer spent on one
input, an error in the log, a thread that ended, or a neighbour that was changed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # helpers of the tests

from bnviz.charts.scene import View
from bnviz.cli import main as command
from bnviz.config import SETTINGS, RunConfig
from bnviz.config.forgiving import forgiving_config
from bnviz.data.own.mistake import Mistake
from bnviz.data.own.preparing import prepare
from bnviz.data.own.reading import read as read_table
from bnviz.lessons import HERE, ORDER, built_in
from bnviz.lessons import read as read_lesson
from bnviz.lessons.progress import restored
from bnviz.lessons.question import asked
from bnviz.recording import Note, Recording, StreamReader
from bnviz.serve import looking
from bnviz.serve.run import Run
from bnviz.serve.shared import Server
from bnviz.serve.sockets import _obey, _Seat, command_of_arms
from bnviz.serve.viewer import Viewer
from bnviz.serve.worker import Worker
from bnviz.source import Status
from tests.support.feeding import Row
from tests.support.hostile import Hostile
from tests.support.piped import CONFIG, Piped, begun, state, written


def links(bad: Hostile, count: int) -> Row:
    """Links, taken as far as they are right, as the page does, and read strictly; what is taken comes back the same."""

    def feed(link: dict[str, str]) -> bool:
        config, _ = forgiving_config({name: text for name, text in link.items() if name in SETTINGS})
        assert RunConfig.from_query(config.to_query()) == config
        query = urlencode(link, errors="surrogatepass")
        return RunConfig.from_query(bad.harmed(query) if bad.chance(0.2) else query) is not None

    return Row("links of settings").run((bad.settings() for _ in range(count)), feed, ValueError)


def lessons_in_links(bad: Hostile, count: int) -> Row:
    """The place in a lesson, predictions, and the question of a link."""

    def feed(link: dict[str, str]) -> bool:
        progress = restored(bad.rng.choice(found), link)
        assert restored(progress.lesson, progress.to_dict()) == progress
        return asked(link["answer"], progress.config, link["ask"]).options(progress.config) is not None

    found = [*built_in().values()]
    return Row("lessons in links").run((bad.lesson_link() for _ in range(count)), feed, ValueError)


def arguments(bad: Hostile, count: int, folder: Path) -> Row:
    """The command: status 0 or 2, and one line on stderr for what is refused. What is taken is written, not trained."""

    def feed(given: list[str]) -> bool:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = command(given)
        said = err.getvalue()
        assert status in (0, 2) or given[0] == "lessons", f"status {status}"  # 1: some are wrong
        assert status != 2 or (said.startswith("bnviz: ") and len(said.splitlines()) == 1), f"said {said!r}"
        return status == 0

    return Row("arguments of the command").run((bad.arguments(folder) for _ in range(count)), feed)


def messages(bad: Hostile, count: int) -> Row:
    """Control messages, as a socket hands them on; of each tenth the picture is made that its sender asked for."""
    server, run, neighbour = Server(), begun("me"), begun("somebody")
    seat, before = _Seat(server, run, Viewer(lambda: None), steers=True), state(neighbour)

    def feed(text: str) -> bool:
        _obey(json.loads(text), seat)
        if bad.chance(0.1):
            looking.attend(run, seat, [(seat.viewer.view, seat.viewer.key)])
            message = seat.stream._message(seat.viewer.view, seat.viewer.seek, [seat.viewer])
            assert message.scene is not None
            assert message.with_series.packed
        assert (run.status, state(neighbour)) == (Status.RUNNING, before)
        return True

    row = Row("control messages").run((json.dumps(bad.message(run.control, run.labels)) for _ in range(count)), feed)
    seat.leave()
    return row


def commands(bad: Hostile, count: int) -> Row:
    """Commands for arms, understood as a socket's, obeyed by a trainer, and heard of by its run."""
    now = [Piped()]

    def feed(message: dict[str, Any]) -> bool:
        if now[0].session.trainer.step_count > 60 or not now[0]._thread.is_alive():
            now.append(Piped())
            now.pop(0).close()
        found = command_of_arms(message)
        if found is not None:
            now[0].obey(*found)
        return found is not None

    texts = (json.loads(json.dumps(bad.of_arms(now[0].run.labels))) for _ in range(count))
    row = Row("commands, through trainer and pipe").run(texts, feed, slow=30)  # some train all the way again
    now[0].close()
    return row


def from_workers(bad: Hostile, count: int) -> Row:
    """What a worker's pipe brings, with bytes changed, or whole and senseless: the run takes it, or hears no more."""
    run, neighbour = begun("me"), begun("somebody")
    before = state(neighbour)
    good = [*run.recording.items(), Note("closeup", "{}"), Note("paused")]

    def feed(data: bytes) -> bool:
        heard = Run(CONFIG, "me")
        reader = StreamReader(io.BytesIO(data))  # type: ignore[arg-type]
        for item in reader:
            heard.take(item)
        assert state(neighbour) == before
        return not reader.damage

    def data() -> bytes:
        return bad.harmed_bytes(whole) if bad.chance(0.5) else written([bad.rng.choice(good), bad.note(), bad.event()])

    whole = written(good)
    return Row("bytes from a worker").run((data() for _ in range(count)), feed, ValueError)


def to_workers(bad: Hostile, count: int) -> Row:
    """Lines to a real worker, before its run and during it, a hundred at a time; it goes on, and stops when told."""
    workers = [Worker()]

    def feed(lines: list[bytes]) -> bool:
        if not workers[-1].alive:
            workers.append(Worker())
        worker, stopped = workers[-1], False
        worker.stdin.write(b"".join(lines[:50]))
        for item in worker.run(CONFIG):
            if isinstance(item, tuple) and lines:
                worker.stdin.write(b"".join(lines[50:]))
                worker.send("stop")
                lines = []
            stopped = isinstance(item, Note) and item.kind == "stopped"
        assert stopped, worker.last_words()
        return True

    hundreds = ([bad.line() for _ in range(100)] for _ in range(max(1, count // 100)))
    row = Row("hundreds of lines to a worker").run(hundreds, feed, slow=30)  # it starts, and trains a little
    workers[-1].close()
    return row


def recordings(bad: Hostile, count: int) -> Row:
    """Recordings with bytes changed, missing or put in, and whole ones that tell of what cannot have been."""
    good = [*begun("me").recording.items()]
    whole = written(good)

    def feed(data: bytes) -> bool:
        found = Recording.read(io.BytesIO(data))
        found.write(io.BytesIO())
        return not found.damage

    def data() -> bytes:
        if bad.chance(0.5):
            return bad.harmed_bytes(whole)
        return written([*good[:2], *(bad.event() for _ in range(3)), *good[2:]])

    return Row("recordings").run((data() for _ in range(count)), feed, ValueError)


def views(bad: Hostile, count: int) -> Row:
    def feed(given: object) -> bool:
        return hash(View.from_dict(given)) is not None

    return Row("views").run((bad.view() if bad.chance(0.9) else bad.value() for _ in range(count)), feed)


def lesson_files(bad: Hostile, count: int) -> Row:
    """Built-in lessons with letters changed: a lesson, or all that is wrong, a line each."""

    def feed(text: str) -> bool:
        lesson, problems = read_lesson("any", text)
        assert (lesson is None) == bool(problems)
        assert all(len(each.reason.splitlines()) == 1 for each in problems)
        return lesson is not None

    whole = [(HERE / f"{name}.md").read_text() for name in ORDER]
    return Row("files of lessons").run((bad.harmed(bad.rng.choice(whole)) for _ in range(count)), feed)


def tables(bad: Hostile, count: int) -> Row:
    """Files of one's own with bytes changed, as the process that prepares them reads them."""

    def feed(given: tuple[str, bytes]) -> bool:
        with tempfile.NamedTemporaryFile(suffix=given[0]) as file:
            Path(file.name).write_bytes(given[1])
            prepare(read_table(Path(file.name), "a file"))
        return True

    arrays = partial(np.savez, x=np.ones((30, 2)), y=np.arange(30) % 2)
    table, whole = pd.DataFrame({"x": range(30), "sort": list("ab" * 15), "y": [0.5, 1.5, None] * 10}), {}
    for end, write in ((".csv", partial(table.to_csv, index=False)), (".parquet", table.to_parquet), (".npz", arrays)):
        write(sink := io.BytesIO())
        whole[end] = sink.getvalue()
    ends = (bad.rng.choice([*whole]) for _ in range(count))
    return Row("tables").run(((end, bad.harmed_bytes(whole[end])) for end in ends), feed, Mistake)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="inputs of each kind (default: 10000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="the kinds whose name has this in it")
    chosen = parser.parse_args()
    print(f"{'kind':34} {'tried':>7} {'taken':>7} {'refused':>7} {'max ms':>9} {'faults':>7}")
    with tempfile.TemporaryDirectory() as name:
        (folder := Path(name)).joinpath("file").touch()
        kinds: tuple[Callable[[Hostile, int], Row], ...] = (
            links, lessons_in_links, partial(arguments, folder=folder), messages, commands, from_workers, to_workers,
            recordings, views, lesson_files, tables,
        )  # fmt: skip
        for kind in kinds:
            if chosen.only in getattr(kind, "__name__", "arguments"):
                kind(Hostile(chosen.seed), chosen.count).show()


if __name__ == "__main__":
    main()
