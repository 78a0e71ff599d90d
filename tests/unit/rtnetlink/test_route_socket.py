"""What becomes of the answers, with the faults that no kernel can be made to show."""

import errno
import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from socket import AF_INET, AF_INET6

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import NetlinkError, PacketError
from exporter.model.topology import HostRoute
from exporter.rtnetlink import Route
from exporter.rtnetlink.message import (
    ADDRESS,
    DONE,
    DUMP_INTERRUPTED,
    ERROR,
    GET_LINK,
    LINK,
    NEW_ADDRESS,
    NEW_LINK,
    NEW_ROUTE,
    Message,
    encode_attribute,
    encode_message,
)
from tests.fakes.netlink import (
    DONE_MESSAGE,
    OUT_OF_3,
    U32,
    Answers,
    failure,
    link_body,
    message,
    route_body,
    socket_that,
)


class TestExchange:
    """What becomes of the kernel's answers."""

    def test_an_interrupted_list_is_read_again(self) -> None:
        """Tables that changed meanwhile (NLM_F_DUMP_INTR) give no list."""
        rounds = iter(
            [
                [message(NEW_LINK, link_body(3, "old"), flags=DUMP_INTERRUPTED)],
                [message(NEW_LINK, link_body(4, "new"))],
            ]
        )
        routes, channel = socket_that(lambda _: [*next(rounds), DONE_MESSAGE])

        assert ["new"] == [link.name for link in routes.links()]
        assert len(channel.requests) == 2

    def test_an_interruption_told_at_the_end_counts(self) -> None:
        """The closing message may be the one that says so."""
        rounds = iter([message(DONE, flags=DUMP_INTERRUPTED), DONE_MESSAGE])
        routes, channel = socket_that(lambda _: [next(rounds)])

        assert () == routes.links()
        assert len(channel.requests) == 2

    def test_tables_that_never_stand_still(self) -> None:
        """The attempts are bounded."""
        routes, channel = socket_that(lambda _: [message(DONE, flags=DUMP_INTERRUPTED)])

        with pytest.raises(NetlinkError) as caught:
            routes.links()
        assert caught.value.errno == errno.EINTR
        assert len(channel.requests) == 5

    def test_what_answers_an_earlier_request_is_left_out(self) -> None:
        """A list that was given up does not mix into the next one."""
        routes, _ = socket_that(
            lambda request: [
                message(NEW_LINK, link_body(8), sequence=request.sequence + 90),
                message(DONE, sequence=request.sequence + 90),
                message(NEW_LINK, link_body(3)),
                DONE_MESSAGE,
            ]
        )

        assert [3] == [link.index for link in routes.links()]

    @pytest.mark.parametrize(
        ("answers", "expected"),
        [
            pytest.param([], errno.ETIMEDOUT, id="silence"),
            pytest.param(
                [message(NEW_LINK, link_body())], errno.ETIMEDOUT, id="no end"
            ),
            pytest.param([failure(errno.EPERM)], errno.EPERM, id="an error"),
            pytest.param(
                [message(DONE, struct.pack("=i", -errno.ENOMEM))],
                errno.ENOMEM,
                id="an error at the end",
            ),
            pytest.param([OSError(errno.ENOBUFS, "x")], errno.ENOBUFS, id="overrun"),
        ],
    )
    def test_failures_carry_their_errno(self, answers: Answers, expected: int) -> None:
        """Whatever the kernel refuses is a NetlinkError with its number."""
        routes, _ = socket_that(lambda _: answers)

        with pytest.raises(NetlinkError) as caught:
            routes.links()
        assert expected == caught.value.errno

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(b"\x01", id="no header"),
            pytest.param(message(ERROR, b"\x01"), id="an error without a code"),
            pytest.param(message(NEW_LINK, b"\x01"), id="no link"),
            pytest.param(encode_message(DONE_MESSAGE)[:-1], id="cut off"),
        ],
    )
    def test_answers_that_do_not_parse(self, answer: Message | bytes) -> None:
        """Malformed answers are PacketErrors."""
        routes, _ = socket_that(lambda _: [answer, DONE_MESSAGE])

        with pytest.raises(PacketError):
            routes.links()

    @given(st.lists(st.binary(max_size=80), max_size=4), st.booleans())
    def test_any_answer(self, datagrams: list[bytes], dump: bool) -> None:
        """No datagram makes anything but NetlinkError or PacketError."""
        routes, _ = socket_that(lambda _: datagrams)
        try:
            if dump:
                routes.interfaces()
            else:
                routes.route_to(IPv4Address("10.0.0.1"))
        except (NetlinkError, PacketError):
            return

    def test_it_closes_its_channel(self) -> None:
        """The context manager lets go of the socket."""
        routes, channel = socket_that(lambda _: [])
        with routes:
            pass

        assert channel.closed


def kernel_of_routes(*bodies: bytes) -> Callable[[Message], Answers]:
    """Return a kernel with these routes, whose links are called after their index."""

    def answer(request: Message) -> Answers:
        if request.type == GET_LINK:
            index = LINK.unpack_from(request.body)[2]
            return [message(NEW_LINK, link_body(index, f"if{index}"))]
        return [*(message(NEW_ROUTE, body) for body in bodies), DONE_MESSAGE]

    return answer


class TestRoutes:
    """The main table and single lookups."""

    def test_only_configured_routes_of_the_main_table(self) -> None:
        """Other tables and cached exceptions are no routes of the host."""
        elsewhere = encode_attribute(15, U32.pack(255))
        cached = bytearray(route_body(OUT_OF_3))
        cached[8:12] = U32.pack(0x200)
        routes, _ = socket_that(
            kernel_of_routes(
                route_body(OUT_OF_3, elsewhere),
                bytes(cached),
                route_body(OUT_OF_3, family=AF_INET6),
            )
        )

        assert (
            HostRoute(prefix=IPv6Network("fd00::/8"), interface="if3"),
        ) == routes.routes()

    @pytest.mark.parametrize("kind", [6, 7, 8])
    def test_routes_to_nowhere_claim_their_prefix(self, kind: int) -> None:
        """They have no interface, though IPv6 shows them on lo."""
        routes, _ = socket_that(kernel_of_routes(route_body(OUT_OF_3, kind=kind)))

        assert (
            HostRoute(prefix=IPv4Network("10.0.0.0/8"), interface=""),
        ) == routes.routes()

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            pytest.param(1, "unicast", id="unicast"),
            pytest.param(2, "local", id="local"),
            pytest.param(3, "unicast", id="broadcast goes out by an interface"),
            pytest.param(4, "local", id="anycast is ours"),
        ],
    )
    def test_kinds_that_lead_somewhere(self, kind: int, expected: str) -> None:
        """They carry their interface, gateway and source."""
        source = encode_attribute(7, bytes([10, 0, 0, 1]))
        gateway = encode_attribute(5, bytes([10, 0, 0, 9]))
        body = route_body(OUT_OF_3, source, gateway, kind=kind)
        routes, _ = socket_that(kernel_of_routes(body))

        found = routes.route_to(IPv4Address("10.0.0.7"))

        assert expected == found.kind
        assert (3, "if3") == (found.interface_index, found.interface)
        assert IPv4Address("10.0.0.9") == found.gateway
        assert IPv4Address("10.0.0.1") == found.source

    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            pytest.param(errno.EINVAL, "blackhole", id="EINVAL"),
            pytest.param(errno.EHOSTUNREACH, "unreachable", id="EHOSTUNREACH"),
            pytest.param(errno.EACCES, "prohibit", id="EACCES"),
            pytest.param(errno.ENETUNREACH, "none", id="ENETUNREACH"),
            pytest.param(errno.ENETDOWN, "none", id="ENETDOWN"),
            pytest.param(errno.ENODEV, "none", id="ENODEV"),
        ],
    )
    def test_refusals_are_routes_too(self, number: int, expected: str) -> None:
        """How the kernel would refuse a packet is a value, not an exception."""
        routes, _ = socket_that(lambda _: [failure(number)])

        assert expected == routes.route_to(IPv4Address("10.0.0.7")).kind

    @pytest.mark.parametrize(
        ("kind", "expected"), [(6, "blackhole"), (7, "unreachable"), (8, "prohibit")]
    )
    def test_refusals_told_by_type(self, kind: int, expected: str) -> None:
        """Some kernels answer with the route itself; it leads nowhere."""
        routes, _ = socket_that(kernel_of_routes(route_body(OUT_OF_3, kind=kind)))

        found = routes.route_to(IPv4Address("10.0.0.7"))

        assert expected == found.kind
        assert found.interface_index is None

    def test_other_errors_are_errors(self) -> None:
        """A kernel that cannot answer says nothing of the route."""
        routes, _ = socket_that(lambda _: [failure(errno.ENOMEM)])

        with pytest.raises(NetlinkError):
            routes.route_to(IPv4Address("10.0.0.7"))

    def test_an_interface_that_went_meanwhile(self) -> None:
        """Its index is known still, its name is not."""

        def answer(request: Message) -> Answers:
            if request.type == GET_LINK:
                return [failure(errno.ENODEV)]
            return [message(NEW_ROUTE, route_body(OUT_OF_3))]

        routes, _ = socket_that(answer)

        assert Route(kind="unicast", interface_index=3) == routes.route_to(
            IPv4Address("10.0.0.7")
        )


def test_interfaces_get_their_addresses() -> None:
    """IPv4 before IPv6, each to its interface, by index."""

    def answer(request: Message) -> Answers:
        if request.type == GET_LINK:
            links = [link_body(5, "b"), link_body(2, "a")]
            return [*(message(NEW_LINK, body) for body in links), DONE_MESSAGE]
        six = ADDRESS.pack(AF_INET6, 64, 0, 0, 5) + encode_attribute(
            1, IPv6Address("fd00::1").packed
        )
        four = ADDRESS.pack(AF_INET, 24, 0, 0, 5) + encode_attribute(
            2, IPv4Address("10.0.0.1").packed
        )
        return [message(NEW_ADDRESS, six), message(NEW_ADDRESS, four), DONE_MESSAGE]

    routes, _ = socket_that(answer)

    found = routes.interfaces()

    assert ["a", "b"] == [interface.name for interface in found]
    assert () == found[0].addresses
    assert (
        (IPv4Address("10.0.0.1"), 24),
        (IPv6Address("fd00::1"), 64),
    ) == found[1].addresses
