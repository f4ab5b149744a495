"""The device flow on a network: asks for a code, shows it, and polls until the person has decided."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from headroom_wrap.auth import device_flow
from headroom_wrap.auth.device_flow import DeviceCode, Done, Waiting
from headroom_wrap.auth.hosts import Hosts
from headroom_wrap.auth.http import Answer, NoAnswerError, Request, Transport

Pause = Callable[[float, DeviceCode], Awaitable[None]]
"""Lets some seconds pass, and shows meanwhile how long the code still lives."""

_START_ATTEMPTS = 3
_BETWEEN_S = 2.0


@dataclass(frozen=True, slots=True)
class Flow:
    """What a sign-in needs.

    Attributes:
        clock: Unix time in seconds.
        show: is told the code once.
        pause: lets time pass between two polls.
        sleep: lets time pass before the code is there.
    """

    hosts: Hosts
    client_id: str
    transport: Transport
    clock: Callable[[], float]
    show: Callable[[DeviceCode], None]
    pause: Pause
    sleep: Callable[[float], Awaitable[None]]


async def sign_in(flow: Flow) -> str:
    """Sign in; gives GitHub's token.

    Raises:
        HeadroomError: `AUTH_FAILED` for every other end: expired, denied, the network, words that we do not know.
    """
    code = await _begin(flow)
    flow.show(code)
    state: Waiting | Done = Waiting(code.interval_s)
    while isinstance(state, Waiting):
        left_s = code.expires_at - flow.clock()
        await flow.pause(min(state.wait_s, max(left_s, 0.0)), code)
        if left_s <= 0:
            raise device_flow.expired()
        answer, why = await _ask(flow, device_flow.poll_request(flow.hosts, flow.client_id, code))
        if answer is None and state.n_failures + 1 >= device_flow.MAX_FAILURES:
            raise device_flow.unreachable(flow.hosts, None, why)
        state = device_flow.polled(state, answer, flow.hosts)
    return state.token


async def _begin(flow: Flow) -> DeviceCode:
    why = ""
    for attempt in range(_START_ATTEMPTS):
        if attempt:
            await flow.sleep(_BETWEEN_S * attempt)
        answer, why = await _ask(flow, device_flow.code_request(flow.hosts, flow.client_id))
        if answer is not None and not answer.is_server_error:
            return device_flow.begun(answer, flow.hosts, flow.clock())
    raise device_flow.unreachable(flow.hosts, answer, why)


async def _ask(flow: Flow, request: Request) -> tuple[Answer | None, str]:
    try:
        return await flow.transport(request), ""
    except NoAnswerError as problem:
        return None, str(problem)
