"""The websocket layer by itself: a sequence of bytes and hooks in, bytes out."""

from __future__ import annotations

import secrets

import pytest
import wsproto.events as ws
from mitmproxy import http, options
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers import websocket as core
from mitmproxy.test import tflow
from mitmproxy.websocket import WebSocketData, WebSocketMessage
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.frame_protocol import Opcode

from addons.websocket import Websockets
from addons.websocket_layer import CHANNEL, GuardedWebsocketLayer
from addons.websocket_session import Passing


class Channel:
    def __init__(self):
        self.verdict = None
        self.client_limit = self.server_limit = 100
        self.too_big = False

    def tail(self):
        return ["held back"]


class Play:
    """The layer between two ends; ``judge`` stands for the hook, and may leave a verdict."""

    def __init__(self, judge):
        self.judge = judge
        self.channel = Channel()
        self.flow = tflow.tflow()
        self.flow.response = http.Response.make(101)
        self.flow.websocket = WebSocketData()
        self.flow.metadata[CHANNEL] = self.channel
        ctx = context.Context(tflow.tclient_conn(), options.Options())
        ctx.client.state = ctx.server.state = ConnectionState.OPEN
        self.context = ctx
        self.layer = GuardedWebsocketLayer(ctx, self.flow)
        self.client, self.server = Connection(ConnectionType.CLIENT), Connection(ConnectionType.SERVER)
        self.hooks = []
        self.drive(events.Start())

    def drive(self, event):
        for command in self.layer.handle_event(event):
            if isinstance(command, commands.SendData):
                side = self.client if command.connection == self.context.client else self.server
                side.receive_data(command.data)
            elif isinstance(command, commands.StartHook):
                self.hooks.append(command.name)
                if command.name == "websocket_message":
                    self.judge(self.channel, self.flow.websocket.messages[-1])
                self.drive(events.HookCompleted(command))

    def from_client(self, *sent):
        for one in sent:
            self.drive(events.DataReceived(self.context.client, self.client.send(one)))
        return list(self.server.events()), list(self.client.events())

    def from_server(self, *sent):
        for one in sent:
            self.drive(events.DataReceived(self.context.server, self.server.send(one)))
        return list(self.client.events()), list(self.server.events())


def passes(channel, message):
    channel.verdict = Passing([message.content.decode().upper()])


def fails(channel, message):
    """A hook that raised has left nothing."""


def test_a_message_leaves_as_the_hook_has_left_it_in_one_frame():
    got, _ = Play(passes).from_client(ws.TextMessage("a", message_finished=False), ws.TextMessage("é"))
    assert got == [ws.TextMessage("AÉ")]


@pytest.mark.parametrize("way", ["from_client", "from_server"])
def test_without_a_verdict_nothing_leaves_and_both_sides_are_closed(way):
    play = Play(fails)
    there, here = getattr(play, way)(ws.TextMessage("secret"))
    assert [type(one) for one in (*there, *here)] == [ws.CloseConnection] * 2
    assert {one.code for one in (*there, *here)} == {1011}
    assert play.hooks[-1] == "websocket_end"


def test_an_error_event_goes_back_and_the_connection_goes_on():
    play = Play(lambda channel, _: setattr(channel, "verdict", Passing((), ["error"])))
    assert play.from_client(ws.TextMessage("x")) == ([], [ws.TextMessage("error")])
    play.judge = passes
    assert play.from_client(ws.TextMessage("x")) == ([ws.TextMessage("X")], [])


def test_a_verdict_holds_for_one_message_only():
    play = Play(passes)
    play.from_client(ws.TextMessage("x"))
    play.judge = fails
    there, _ = play.from_client(ws.TextMessage("y"))
    assert [one.code for one in there] == [1011]


def test_a_message_beyond_the_limit_is_not_kept_until_its_end():
    seen = []

    def judge(channel, message):
        seen.append((channel.too_big, message.content))
        channel.verdict = Passing((), ["too big"], 1009)

    play = Play(judge)
    there, here = play.from_client(*[ws.TextMessage("x" * 60, message_finished=False)] * 2)
    assert seen == [(True, b"")]
    assert [one.code for one in there] == [1009]
    assert here[0] == ws.TextMessage("too big")


def test_pings_go_on_with_payloads_of_ours_and_pongs_come_back_with_theirs():
    play = Play(passes)
    (ping,), _ = play.from_client(ws.Ping(payload=b"Maria"))
    assert ping.payload != b"Maria"
    assert play.from_server(ping.response())[0] == [ws.Pong(payload=b"Maria")]
    assert play.from_client(ws.Pong(payload=b"unasked")) == ([], [])
    for _ in range(200):
        play.from_client(ws.Ping(payload=secrets.token_bytes(4)))
    assert len(play.layer._pings[True]) == 64


def test_a_client_s_reason_stays_here_and_what_was_held_back_comes_before_the_server_s():
    there, _ = Play(passes).from_client(ws.CloseConnection(1000, "bye Maria"))
    assert [(one.code, one.reason) for one in there] == [(1000, "")]
    got, _ = Play(passes).from_server(ws.CloseConnection(1001, "restart"))
    assert got[0] == ws.TextMessage("held back")
    assert (got[1].code, got[1].reason) == (1001, "restart")


def test_nothing_is_injected():
    play = Play(passes)
    play.drive(core.WebSocketMessageInjected(play.flow, WebSocketMessage(Opcode.TEXT, True, b"x")))
    assert play.hooks == ["websocket_start"]


def test_a_protocol_error_ends_the_connection():
    play = Play(passes)
    play.drive(events.DataReceived(play.context.client, b"\xff\xff\xff\xff"))
    assert [one.code for one in play.server.events()] == [1002]


def test_a_side_that_is_gone_ends_the_other():
    play = Play(passes)
    play.drive(events.ConnectionClosed(play.context.client))
    assert play.hooks[-1] == "websocket_end"
    assert [type(one) for one in play.server.events()] == [ws.CloseConnection]


def test_what_nobody_inspects_passes_and_is_not_kept():
    play = Play(fails)
    del play.flow.metadata[CHANNEL]
    play.judge = lambda *_: None
    assert play.from_client(ws.TextMessage("x"))[0] == [ws.TextMessage("x")]
    assert play.flow.websocket.messages == []


def test_a_gateway_puts_the_layer_in_place_however_it_is_started():
    Websockets(None)
    assert core.WebsocketLayer is GuardedWebsocketLayer
