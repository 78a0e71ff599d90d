"""DNS messages against bytes written down by hand (RFC 1035 §4)."""

from ipaddress import ip_address

import pytest

from exporter.dns.message import Question, Reply, decode_reply, encode_query
from exporter.errors import PacketError

A, AAAA = Question("web.n1", 4), Question("web.n1", 6)
NAME = b"\3web\2n1\0"
ASKED = NAME + bytes.fromhex("0001 0001")
POINTER = b"\xc0\x0c"  # to the question's name
V4 = bytes.fromhex("0001 0001 00000258 0004 ac120002")


def message(*records: bytes, flags: int = 0x8580, question: bytes = ASKED) -> bytes:
    """Return a response of transaction 0x1234 with these answers."""
    counts = b"\0\1" + len(records).to_bytes(2, "big") + bytes(4)
    header = b"\x12\x34" + flags.to_bytes(2, "big") + counts
    return header + question + b"".join(records)


def alias(name: bytes, target: bytes) -> bytes:
    """Return a CNAME record."""
    return (
        name
        + bytes.fromhex("0005 0001 00000258")
        + len(target).to_bytes(2, "big")
        + target
    )


@pytest.mark.parametrize(
    ("question", "kind"),
    [pytest.param(A, "0001", id="A"), pytest.param(AAAA, "001c", id="AAAA")],
)
def test_encode_query(question: Question, kind: str) -> None:
    """One question, recursion desired, class IN."""
    header = bytes.fromhex("1234 0100 0001 0000 0000 0000")

    assert header + NAME + bytes.fromhex(f"{kind} 0001") == encode_query(
        question, 0x1234
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param(".", id="the root"),
        pytest.param("a..b", id="empty label"),
        pytest.param("a" * 64, id="long label"),
        pytest.param(".".join(["a" * 49] * 6), id="long name"),
        pytest.param("ä" * 32, id="long label in bytes"),
    ],
)
def test_encode_query_refuses(name: str) -> None:
    """What no server can be asked is a PacketError."""
    with pytest.raises(PacketError):
        encode_query(Question(name, 4), 0)


def test_the_longest_name() -> None:
    """63 bytes a label and 255 in all are allowed."""
    name = ".".join(["a" * 63] * 3 + ["a" * 61])

    assert 12 + 255 + 4 == len(encode_query(Question(name, 4), 0))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(message(POINTER + V4), ["172.18.0.2"], id="pointer"),
        pytest.param(message(NAME + V4), ["172.18.0.2"], id="name in full"),
        pytest.param(
            message(b"\3WEB\xc0\x10" + V4), ["172.18.0.2"], id="half and half, case"
        ),
        pytest.param(
            message(POINTER + V4, POINTER + V4[:-1] + b"\3"),
            ["172.18.0.2", "172.18.0.3"],
            id="two",
        ),
        pytest.param(
            message(b"\5other\0" + V4), [], id="address of a name not asked for"
        ),
        pytest.param(
            message(alias(POINTER, b"\1x\0"), b"\1x\0" + V4),
            ["172.18.0.2"],
            id="alias",
        ),
        pytest.param(
            message(b"\1y\0" + V4, alias(b"\1x\0", b"\1y\0"), alias(POINTER, b"\1x\0")),
            ["172.18.0.2"],
            id="chain of aliases, backwards",
        ),
        pytest.param(
            message(alias(POINTER, b"\1x\0"), alias(b"\1x\0", POINTER)),
            [],
            id="aliases in a circle",
        ),
        pytest.param(
            message(POINTER + b"\0\1\0\3" + V4[4:]), [], id="address of class CHAOS"
        ),
        pytest.param(
            message(POINTER + b"\0\x10\0\1\0\0\0\0\0\2\1x", POINTER + V4),
            ["172.18.0.2"],
            id="TXT first",
        ),
    ],
)
def test_addresses(reply: bytes, expected: list[str]) -> None:
    """Addresses count at the name asked for and at what it is an alias of."""
    found = decode_reply(reply, A, 0x1234)

    assert [ip_address(address) for address in expected] == list(found.addresses)


def test_an_ipv6_address() -> None:
    """AAAA is type 28 with 16 bytes (RFC 3596)."""
    record = POINTER + bytes.fromhex("001c 0001 00000258 0010") + b"\xfd" + bytes(15)
    question = NAME + bytes.fromhex("001c 0001")

    reply = decode_reply(message(record, question=question), AAAA, 0x1234)

    assert (ip_address("fd00::"),) == reply.addresses


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(0x8183, Reply(rcode=3), id="no such name"),
        pytest.param(0x8182, Reply(rcode=2), id="server failure"),
        pytest.param(0x8380, Reply(rcode=0, truncated=True), id="truncated"),
    ],
)
def test_flags(flags: int, expected: Reply) -> None:
    """The answer code and the mark of more over TCP are told."""
    assert expected == decode_reply(message(flags=flags), A, 0x1234)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(message()[:11], id="half a header"),
        pytest.param(b"\0" + message()[1:], id="another transaction"),
        pytest.param(message(flags=0x0580), id="a query"),
        pytest.param(message(flags=0x8D80), id="another opcode"),
        pytest.param(message(question=b""), id="no question"),
        pytest.param(
            message()[:4] + b"\0\2" + message()[6:] + ASKED, id="two questions"
        ),
        pytest.param(message(question=b"\3wed\2n1\0\0\1\0\1"), id="another name"),
        pytest.param(message(question=NAME + b"\0\x1c\0\1"), id="another type"),
        pytest.param(message(question=NAME + b"\0\1\0\3"), id="another class"),
        pytest.param(message(question=NAME + b"\0\1"), id="half a question"),
        pytest.param(message(question=b"\xc0\x0c\0\1\0\1"), id="pointer to itself"),
        pytest.param(
            message(question=b"\3web\xc0\x0c\0\1\0\1"), id="pointer to its own start"
        ),
        pytest.param(message(question=b"\xc0"), id="half a pointer"),
        pytest.param(message(question=b"\x80abc"), id="reserved kind of label"),
        pytest.param(message(question=b"\3we"), id="cut label"),
        pytest.param(message(question=b"\3web\2n1"), id="no end of the name"),
        pytest.param(message(question=(b"\x3f" + b"a" * 63) * 5), id="endless name"),
        pytest.param(message(POINTER), id="no record behind a name"),
        pytest.param(message(POINTER + V4[:-1]), id="cut address"),
        pytest.param(
            message(POINTER + V4[:9] + b"\3" + V4[10:13]), id="address of 3 bytes"
        ),
        pytest.param(message(b"\xc0\xff" + V4), id="pointer forward"),
        pytest.param(
            message(alias(POINTER, b"\1x\0\0")), id="alias shorter than its record"
        ),
        pytest.param(message(alias(POINTER, b"\1")), id="alias longer than its record"),
    ],
)
def test_decode_reply_refuses(reply: bytes) -> None:
    """Whatever is not the whole answer to our question is a PacketError."""
    with pytest.raises(PacketError):
        decode_reply(reply, A, 0x1234)


def test_pointers_cost_no_time() -> None:
    """Names that point at one another end: each pointer must point further back."""
    ladder = b"".join(
        (0xC000 | (12 + len(ASKED) + 2 * max(step - 1, 0))).to_bytes(2, "big")
        for step in range(1000)
    )

    with pytest.raises(PacketError):
        decode_reply(message(ladder), A, 0x1234)
