"""A thread with a connection of its own, which carries out what event loops ask of a SQLite file, many calls at a time."""

import asyncio
import os
import queue
import sqlite3
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

_Open: TypeAlias = Callable[[], sqlite3.Connection]
_Begin: TypeAlias = Callable[[sqlite3.Connection], object] | None

MOST: Final = 256
"""How many calls one turn answers: the first of them waits for the last, and so does every other process that would write."""


class _Job(NamedTuple):
    call: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]


class _Outcome(NamedTuple):
    future: asyncio.Future[Any]
    answer: Any
    error: Exception | None = None


# ``None``: end, once what came before is answered.
_Jobs: TypeAlias = "queue.SimpleQueue[_Job | None]"


class SQLiteThread:
    """Begins at the first call, ends at ``stop`` or with its holder, and begins again at the next call.

    ``open`` opens a connection, in the thread. ``begin`` begins a transaction, which all the calls of a turn share: they are
    answered once it is committed. ``None``: each call stands alone. Neither may hold what holds this object. Calls come from
    any event loop and thread, and each is answered in its own loop.
    """

    def __init__(self, open: _Open, begin: _Begin) -> None:
        self._given = open, begin
        self._thread: threading.Thread | None = None
        self._jobs: _Jobs
        with _lock:
            _threads.add(self)

    async def do(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Have a call carried out; one that is cancelled before its turn is not. Raises: what it raises, or the transaction."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with _lock:
            if self._thread is None:
                self._start()
            self._jobs.put(_Job(call, future))
        return await future

    def _start(self) -> None:
        jobs: _Jobs = queue.SimpleQueue()
        # A daemon: the interpreter does not wait for it, and loses nothing by that, for what was answered is in the file.
        thread = threading.Thread(target=_run, args=(jobs, *self._given), name="gingersnap-sqlite", daemon=True)
        thread.start()
        self._thread, self._jobs = thread, jobs
        # The thread knows nothing of this object, so that a store which is dropped unclosed ends its threads.
        self._end = weakref.finalize(self, jobs.put, None)

    def stop(self) -> threading.Thread | None:
        """End the thread once it has answered the calls that wait; return it, to be joined, if there was one."""
        with _lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._end()
        return thread


def _run(jobs: _Jobs, open: _Open, begin: _Begin) -> None:
    db, going = None, True
    while going:
        db, going = _exclusive(jobs, open, begin, db)
    if db is not None:
        db.close()


def _exclusive(jobs: _Jobs, open: _Open, begin: _Begin, db: sqlite3.Connection | None) -> tuple[sqlite3.Connection | None, bool]:
    """Answer what waits, or wait for it; give the connection, if it is still good, and whether to go on."""
    waiting = [jobs.get()]
    with suppress(queue.Empty):
        while waiting[-1] is not None and len(waiting) < MOST:
            waiting.append(jobs.get_nowait())
    batch = [job for job in waiting if job is not None and not job.future.cancelled()]
    try:
        if batch and db is None:
            db = open()
        outcomes = [] if db is None else _carry_out(db, batch, begin)
    except Exception as error:
        # Whatever it is, it is for those who wait for an answer: a thread can tell no other code.
        outcomes = [_Outcome(job.future, None, error) for job in batch]
    _tell(outcomes)
    if db is not None and any(isinstance(outcome.error, sqlite3.Error) for outcome in outcomes):
        # It may be the connection that is broken; another one is soon opened.
        db.close()
        db = None
    return db, waiting[-1] is not None


def _carry_out(db: sqlite3.Connection, batch: list[_Job], begin: _Begin) -> list[_Outcome]:
    """Carry out the calls, in one transaction if one begins. Raises: what fails them all; then nothing was written."""
    if begin is None or not batch:
        return [_attempt(db, job) for job in batch]
    begin(db)
    with db:
        outcomes = []
        for job in batch:
            outcome = _attempt(db, job)
            # A statement that fails undoes itself, and the others stand; unless SQLite gave up the transaction with it.
            if outcome.error is not None and not db.in_transaction:
                raise outcome.error
            outcomes.append(outcome)
    return outcomes


def _attempt(db: sqlite3.Connection, job: _Job) -> _Outcome:
    try:
        return _Outcome(job.future, job.call(db))
    except Exception as error:
        # As above.
        return _Outcome(job.future, None, error)


def _tell(outcomes: list[_Outcome]) -> None:
    """Answer in the loops that asked: each is woken once, however many of its calls are answered."""
    loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        loops.setdefault(outcome.future.get_loop(), []).append(outcome)
    for loop, told in loops.items():
        # A loop that has been closed waits for nothing.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, told)


def _settle(outcomes: list[_Outcome]) -> None:
    for future, answer, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)


# SQLite's locks are a process's: a child that inherits an open file would hold none, and believe that it does. So no thread of
# ours has the file open while its process forks; both sides open it again. The lock keeps others from beginning meanwhile.
_lock = threading.RLock()
_threads: "weakref.WeakSet[SQLiteThread]" = weakref.WeakSet()


def _before_fork() -> None:
    _lock.acquire()
    for thread in [each.stop() for each in [*_threads]]:
        if thread is not None:
            thread.join()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_lock.release, after_in_child=_lock.release)
