"""Who may train now, and who waits: by the memory that is there, and by the cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from bnviz import awake
from bnviz.config import CATALOG, MAX_ARMS, RunConfig
from bnviz.serve.admission import memory
from bnviz.serve.admission.limits import Limits
from bnviz.serve.admission.size import estimate
from bnviz.serve.admission.turns import shares
from bnviz.serve.run import Run
from bnviz.serve.worker import Worker
from bnviz.source import Status

LONGEST_QUEUE = 200
"""Runs that wait, at most."""
HEAVIEST = 4
"""A run with more viewers gets no larger share: everybody's picture is to move."""
GIVES_WAY_SECONDS = 10.0
"""Where others wait, a run that nobody has watched for so long gives way: long enough for a page to load."""
LEAVES_SECONDS = 30.0
"""A waiting run that nobody has looked at for so long loses its place."""

FOLDED_SECONDS = 20.0
"""A run without a worker that nobody has watched for so long takes as little memory as it can."""


class TooManyRuns(RuntimeError):
    """More than the queue takes."""


class TooLarge(RuntimeError):
    """Networks that would need more memory than a run may take."""


class Admission:
    """The queue, and what runs take. The hub's lock guards it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.queue: list[Run] = []
        """Those that wait for room, the first first."""
        self.meanwhile: dict[str, str] = {}
        """What the owners of those that wait watch, by the ids of both: it does not keep a run from giving way."""
        self._idle_since: dict[Run, float] = {}
        self._taken: dict[Worker, int] = {}  # bytes, as measured last
        self._known = 0  # runs

    def check(self, config: RunConfig) -> None:
        """Whether a run may be as large as this. Errors: TooLarge, in one sentence."""
        needs, most = estimate(config), self.limits.one_run
        if needs > most:
            raise TooLarge(
                f"These networks would need about {needs / 1e9:.1f} GB of memory, and a run may take "
                f"{most / 1e9:.1f} GB here: choose a smaller width, depth or batch size, or fewer networks."
            )

    def check_fork(self, run: Run) -> None:
        """Whether a run may have one network more. Errors: TooLarge."""
        arms = run.config.arms
        if len(arms) < MAX_ARMS:  # that there are no more is said by the run
            self.check(replace(run.config, arms=(*arms, arms[-1])))

    def enter(self, run: Run, runs: Iterable[Run], instead_of: Run | None = None) -> bool:
        """Whether a run may begin now; if not, it waits in the queue from now on.

        runs: all there are. instead_of: whose place in the queue, or whose memory, it takes over.
        """
        if instead_of in self.queue:
            self.queue[self.queue.index(instead_of)] = run
        elif len(self.queue) >= LONGEST_QUEUE:
            raise TooManyRuns(f"{LONGEST_QUEUE} runs wait here already, as many as can; please try again in a minute.")
        else:
            given_up = 0 if instead_of is None or instead_of.worker is None else self._claim(instead_of)
            if (given_up or not self.queue) and self._fits(run, runs, given_up):
                return True
            self.queue.append(run)
        self._tell_places()
        return False

    def measure(self, runs: Iterable[Run]) -> None:
        """See what one of the workers takes, in turn, as that takes over 10 ms; no lock has to be held for that.

        Frames are many small pieces of memory: those of runs that nobody looks at are folded, and what they and those
        of runs that are forgotten by now took is given back.
        """
        known_before, self._known = self._known, len(runs := tuple(runs))
        left = [run for run in runs if run.worker is None and run.alone_for > FOLDED_SECONDS]
        if sum(run.history.fold() for run in left) or self._known < known_before:
            memory.give_back()
        workers = {worker for run in runs if (worker := run.worker) is not None}
        known = {worker: taken for worker, taken in self._taken.items() if worker in workers}  # the oldest first
        if workers:
            worker = next(iter([*(workers - known.keys()), *known]))
            known.pop(worker, None)
            with suppress(ProcessLookupError):  # it is still being born
                known[worker] = memory.taken_by(worker.pid)
        self._taken = known

    def tick(self, runs: Iterable[Run]) -> Run | None:
        """A second has passed: drop who has left the queue, and return the first if there is room for it by now."""
        for run in [run for run in self.queue if run.status is not Status.WAITING or run.alone_for > LEAVES_SECONDS]:
            self.queue.remove(run)
            run.wait("It has lost its place, as nobody was looking. It starts once its owner is back.")
        self.meanwhile = {run.id: self.meanwhile[run.id] for run in self.queue if run.id in self.meanwhile}
        first = self.queue.pop(0) if self.queue and self._fits(self.queue[0], runs) else None
        self._tell_places()
        return first

    def share_cores(self, runs: Iterable[Run]) -> None:
        """Let all that train do so for their share of the time, which is all of it while there are enough cores."""
        running = [run for run in runs if run.status is Status.RUNNING]
        cores = self.limits.cores
        crowded = len(running) > cores
        busy = f"{len(running)} runs share {cores} core{'s' if cores > 1 else ''}" if crowded else ""
        weights = [min(max(1, run.watchers), HEAVIEST) for run in running]
        for run, share in zip(running, shares(weights, cores), strict=True):
            run.share(share if crowded else 1.0, busy)

    def who_gives_way(self, runs: Iterable[Run]) -> Run | None:
        """The run that for longest nobody has watched but those who wait, if somebody waits for its room."""
        now, waiting = awake.now(), Counter(self.meanwhile.get(run.id) for run in self.queue)
        idle = [run for run in runs if run.worker is not None and run.watchers <= waiting[run.id]]
        self._idle_since = {run: self._idle_since.get(run, now) for run in idle}
        long = [run for run, since in self._idle_since.items() if now - since > GIVES_WAY_SECONDS]
        return min(long, key=self._idle_since.__getitem__, default=None) if self.queue else None

    def shown_to_all(self, runs: Iterable[Run]) -> Run | None:
        """The run that most watch, for those who wait for their own; never on somebody's own data or model."""
        ours = (run for run in runs if run.config.dataset in CATALOG and run.config.model != "own")
        trained = (run for run in ours if run.worker is not None and run.history.latest is not None)
        return max(trained, key=lambda run: run.watchers, default=None)

    def _fits(self, run: Run, runs: Iterable[Run], given_up: int = 0) -> bool:
        """Whether there is memory for a run; the only one always begins."""
        claims = [(self._claim(each), self._taken.get(each.worker, 0)) for each in runs if each.worker is not None]
        own = self.limits.all_runs - sum(claim for claim, _ in claims)
        if self.limits.elsewhere:
            return not claims or estimate(run.started_with) <= own + given_up
        reserve = 0 if self.limits.memory else memory.total() - self.limits.all_runs
        of_machine = memory.available() - reserve - sum(claim - taken for claim, taken in claims)
        return not claims or estimate(run.started_with) <= min(own, of_machine) + given_up

    def _claim(self, run: Run) -> int:
        """What a run with a worker takes, or is going to."""
        taken = self._taken.get(run.worker, 0) if run.worker is not None else 0
        return max(taken, estimate(run.config))

    def _tell_places(self) -> None:
        for place, run in enumerate(self.queue, 1):
            run.wait(f"This server is full: number {place} in the queue …")
