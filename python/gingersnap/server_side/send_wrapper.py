"""One connection with its session in a store: what the application sends is held until the session is safe."""

import asyncio
import contextlib
import logging
from typing import Final

from ..cookies.handshake import drops_headers
from ..errors import SessionUnavailable
from ..lifecycle.changes import late_keys
from ..option_types import StoreErrorPolicy
from ..session.session import Session
from ..types import STARTS, Message, Scope, Send
from .context import ContextSession
from .error_policy import error_policy
from .parts import Parts

logger = logging.getLogger("gingersnap")

_MOST_DROPPED: Final = 10
"""How many messages of a response that a 503 replaced are dropped before ``send`` raises: a response in one piece has two."""
TRY_AGAIN_LATER = 1013
"""The close code of a WebSocket when its session could not be loaded (IANA's registry of RFC 6455)."""


class ResponseReplaced(OSError):  # noqa: N818 (as ASGI's servers, which raise OSError for a client that has gone)
    """A 503 was sent in place of the application's response, and nothing more of that reaches the client.

    ``send`` raises it, as the ASGI specification 2.4 has it for a client that has gone, once a response goes on and on. The
    middleware takes it back: an application that only passes it on is done.
    """

    def __str__(self) -> str:
        return "the session could not be saved and a 503 was sent in place of this response: stop sending it"


class SendWrapper:
    """A request and its response."""

    def __init__(self, parts: Parts, scope: Scope, session: Session, context: ContextSession, send: Send) -> None:
        self._parts = parts
        self._options = parts.policy.options
        self._scope = scope
        self._session = session
        self._context = context
        self._send = send
        # Whether a 503 went out in place of what the application sends.
        self._replaced = False
        self._dropped = 0
        # True while the commit of a response is under way, and after one that raised: the answer that follows carries what it did.
        self._update_pending = False
        # Whether the application has accepted a WebSocket, and closed it.
        self._accepted = self._closed = False

    async def send(self, message: Message) -> None:
        """Send what the application sends; before a response starts, commit.

        Raises: ResponseReplaced for a response that goes on and on after a 503 was sent in its place.
        """
        if self._replaced:
            await self._drop()
            return
        session = self._session
        self._closed = self._closed or message["type"] == "websocket.close"
        if session._started or message["type"] not in STARTS:
            if self._update_pending and message["type"] in STARTS:
                await self._send_pending(message)
            else:
                await self._pass_on(message)
            return
        # Noted first: if the commit fails, the error page must still get out, without a session.
        session._started = True
        reported = self._context.status.reported_error
        if reported is not None and self._is_error(message) and await error_policy(self._options, reported, self._scope) != "raise":
            await self.answer_unavailable(reported)
            return
        if self._needs_id_that_is_lost(message):
            # The id stays that the client has: what needs a new one is reported as any other late change.
            self._parts.handshake.check(self._scope, message)
            await self._pass_on(message)
            return
        self._update_pending, self._context.state.response = True, message
        error = await self._commit()
        self._update_pending = False
        if error is None:
            await self._pass_on(self._with_headers(message))
        else:
            await self.answer_unavailable(error)

    def _needs_id_that_is_lost(self, message: Message) -> bool:
        """Return whether the session needs a new id that this handshake's answer will not carry to the client."""
        return message["type"] == "websocket.accept" and drops_headers(self._scope) and self._context.is_stuck(self._session)

    async def _drop(self) -> None:
        """Drop a message that comes after the 503: a short response ends unnoticed, a long one as if the client had gone."""
        self._dropped += 1
        if self._dropped > _MOST_DROPPED:
            raise ResponseReplaced
        # An application that never waits for anything else must not hold the event loop.
        await asyncio.sleep(0)

    async def _send_pending(self, message: Message) -> None:
        """Send the answer that follows a failed commit, or a commit during which the task was cancelled.

        It waits for that commit, and carries what was done; where an end was asked for, and not carried out, that is done now.
        """
        self._update_pending = False
        context = self._context
        await context.wait_idle()
        error = context.status.reported_error
        try:
            await context.saver.end()
        except SessionUnavailable as failure:
            error = failure
        if error is not None and await self._policy_for(error) == "unavailable":
            await self.answer_unavailable(error)
        else:
            await self._pass_on(self._with_headers(message))

    async def _policy_for(self, error: SessionUnavailable) -> StoreErrorPolicy:
        """Return what becomes of a response after its commit failed; ``on_store_error`` is asked once at most."""
        # What was to end, and did not, is never reported as done; the policy "anonymous" is for loads alone.
        if self._context.status.ending or self._context.state.ends or self._options.on_store_error == "anonymous":
            return "unavailable"
        return await error_policy(self._options, error, self._scope)

    async def _pass_on(self, message: Message) -> None:
        await self._send(message)
        self._accepted = self._accepted or message["type"] == "websocket.accept"

    def _is_error(self, message: Message) -> bool:
        """Return whether a framework has made its own answer of an exception that was ours."""
        return int(message.get("status", 0)) >= 500

    async def _commit(self) -> SessionUnavailable | None:
        """Commit; return the error that the client must be told of."""
        context = self._context
        if not self._options.auto_commit:
            await context.wait_idle()
            return None
        try:
            session = self._parts.slot.current(self._scope, self._session)
            if self._options.before_save is not None:
                await context.saver.before_save(session)
            await context.saver.commit(session)
        except SessionUnavailable as error:
            policy = await self._policy_for(error)
            if policy == "unavailable":
                return error
            if policy == "raise":
                raise
            logger.error("the session was not saved, and the response goes out as the application made it")
        return None

    def _with_headers(self, message: Message) -> Message:
        context, session = self._context, self._session
        self._parts.slot.warn_of_shared_cookie(session, message)
        if context.record.id_update is not None:
            self._parts.handshake.check(self._scope, message)
        accessed, also = session.accessed, context.record.removals
        # koa: with a store each request reads the cookie, touched or not, and so drops what does not verify. With ``defer`` the
        # cookie counts as read once somebody asks for the session.
        if context.record.id_update is None and (accessed or not self._options.defer):
            also = [*context.state.signature_removal, *also]
        return self._parts.transport.respond(message, self._scope, context.record.id_update, also, accessed=accessed)

    async def answer_unavailable(self, error: SessionUnavailable) -> None:
        """Answer 503 in place of the application; a WebSocket that was accepted is closed.

        It carries what an earlier commit has done, if there was one: an id that is dead must be replaced.
        """
        self._replaced = self._session._started = True
        kind = "http.response"
        if self._scope["type"] == "websocket":
            kind = "websocket.http.response"
            if self._accepted or kind not in (self._scope.get("extensions") or ()):
                # Before it is accepted, a server that cannot say 503 makes 403 of this. The client may have gone.
                with contextlib.suppress(OSError, RuntimeError):
                    await self._send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
                return
        body = f"{error.detail}\n".encode("ascii")
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", str(error.retry_after).encode()),
            (b"cache-control", b"no-store"),
        ]
        await self._context.wait_idle()
        start = {"type": f"{kind}.start", "status": error.status_code, "headers": headers}
        await self._send(self._with_headers(start))
        await self._send({"type": f"{kind}.body", "body": body})

    async def failed(self, error: BaseException) -> bool:
        """Handle an exception of the application; return whether a response was made of it."""
        if self._replaced and _is_response_replaced(error):
            return True
        mine = _session_unavailable_in(error)
        if mine is None:
            if self._options.auto_commit:
                unended = await self._after_error()
                if unended is not None and self._can_answer():
                    # The exception goes on to the server, which logs it; the client hears that it is still logged in.
                    try:
                        await self.answer_unavailable(unended)
                    except Exception as failure:
                        logger.error("a request that failed could not be answered: %s", type(failure).__name__)
                    return False
        elif self._can_answer() and (
            self._context.status.ending or await error_policy(self._options, mine, self._scope) != "raise"
        ):
            await self.answer_unavailable(mine)
        return mine is not None and self._replaced

    def _can_answer(self) -> bool:
        """Return whether no response has started and no WebSocket was closed."""
        return not self._closed if self._scope["type"] == "websocket" else not self._session._started

    async def _after_error(self) -> SessionUnavailable | None:
        """Carry out ends that a failed application asked for, and its data if wanted; return the error by which an end failed."""
        try:
            session = self._parts.slot.current(self._scope, self._session)
            self._parts.slot.end_cleared(session)
            if self._options.commit_on_error:
                await self._commit_after_error(session)
        except Exception as error:
            # The application's own exception is the one to be seen.
            _log_uncommitted(error)
        try:
            await self._context.saver.end()
        except Exception as error:
            _log_uncommitted(error)
            return error if isinstance(error, SessionUnavailable) else None
        return None

    async def _commit_after_error(self, session: Session) -> None:
        """Commit what an application that failed has left. Source: koa-session, where the commit stands in a ``finally``."""
        if session._started:
            await self.finish()
            return
        if self._context.state.mark == "regenerate" and not self._options.dialect.accepts_any_name:
            # No response could tell the new id: the session would be out of its user's reach.
            logger.error("a failed request asked for a new session id: its session stays as it was, and its changes are lost")
            return
        # koa: what fails is committed all the same, though no response will tell of it.
        await self._context.saver.before_save(session)
        await self._context.saver.commit(session)

    async def finish(self) -> None:
        """Save what changed after the response had started, where that is still possible; report what is not."""
        if self._replaced or not self._options.auto_commit:
            return
        session = self._parts.slot.current(self._scope, self._session)
        await self._context.wait_idle()
        if not self._context.saver.is_late(session):
            await self._end()
            return
        if self._context.is_stuck(session):
            late = ", ".join(late_keys(self._context.state, session))
            await self._end()
            self._parts.slot.report(session, late)
            return
        try:
            await self._context.saver.before_save(session)
            await self._context.saver.commit(session)
        except SessionUnavailable as error:
            # The response has gone: only the log and the listeners can be told.
            logger.error("what a session changed after its response had started was not saved")
            self._options.events.emit("late_write", self._scope, str(error))

    async def _end(self) -> None:
        """End what was ended, though what was put in its place is lost."""
        try:
            await self._context.saver.end()
        except SessionUnavailable:
            logger.error("a session that was ended after its response had started is still there")


def _log_uncommitted(error: Exception) -> None:
    logger.error("the session of a request that failed could not be committed: %s", type(error).__name__)


def _session_unavailable_in(error: BaseException) -> SessionUnavailable | None:
    """Find our own exception, where a task group has wrapped it too, or several of the kind."""
    if isinstance(error, BaseExceptionGroup):
        found = [_session_unavailable_in(each) for each in error.exceptions]
        return found[0] if all(found) else None
    return error if isinstance(error, SessionUnavailable) else None


def _is_response_replaced(error: BaseException | None) -> bool:
    """Return whether an exception is what ``send`` raised, or what a framework makes of that: its own disconnect."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_response_replaced(each) for each in error.exceptions)
    if error is None or isinstance(error, ResponseReplaced):
        return error is not None
    if error.__cause__ is not None:
        # Litestar: raise LitestarException(...) from it.
        return _is_response_replaced(error.__cause__)
    # Starlette's ClientDisconnect and WebSocketDisconnect; any other exception is the application's own.
    return type(error).__name__.endswith("Disconnect") and _is_response_replaced(error.__context__)
