"""DNS messages: whatever the bytes, a reply or PacketError, and it ends."""

import contextlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.dns.message import (
    Question,
    Reply,
    decode_reply,
    encode_query,
    encode_reply,
)
from exporter.errors import PacketError
from tests.strategies import answers, questions, words

HEADER = 12


@given(answers(), words(16))
def test_a_reply_says_what_was_encoded(
    answer: tuple[Question, Reply], transaction: int
) -> None:
    """decode(encode(x)) == x."""
    question, reply = answer

    message = encode_reply(question, transaction, reply)

    assert reply == decode_reply(message, question, transaction)


@given(answers(), words(16), st.booleans())
def test_case_and_a_last_dot_make_no_difference(
    answer: tuple[Question, Reply], transaction: int, dotted: bool
) -> None:
    """A server may write the name as it likes (RFC 4343)."""
    question, reply = answer
    other = question.name.swapcase() + ("." if dotted else "")

    message = encode_reply(question._replace(name=other), transaction, reply)

    assert reply == decode_reply(message, question, transaction)


@given(answers(), questions, words(16), words(16))
def test_only_the_answer_to_our_question_is_taken(
    answer: tuple[Question, Reply], other: Question, transaction: int, wrong: int
) -> None:
    """Another transaction, another name, another type, a query: all refused."""
    question, reply = answer
    assume(wrong != transaction)
    assume(other.name.lower() != question.name.lower())
    message = encode_reply(question, transaction, reply)
    family = question._replace(ip_version=6 if question.ip_version == 4 else 4)

    for asked, number in (
        (question, wrong),
        (other, transaction),
        (family, transaction),
    ):
        with pytest.raises(PacketError):
            decode_reply(message, asked, number)
    with pytest.raises(PacketError):
        decode_reply(encode_query(question, transaction), question, transaction)


@given(questions, words(16), st.binary(max_size=600))
def test_any_bytes_are_a_reply_or_a_packet_error(
    question: Question, transaction: int, data: bytes
) -> None:
    """Nothing but PacketError comes of noise, also behind a right beginning."""
    start = encode_reply(question, transaction, Reply(rcode=0))
    many = start[:6] + b"\xff\xff" + start[8:]
    for message in (data, start[:HEADER] + data, many + data, start + data):
        with contextlib.suppress(PacketError):
            decode_reply(message, question, transaction)


@given(answers(), words(16), st.data())
def test_a_damaged_reply_is_a_reply_or_a_packet_error(
    answer: tuple[Question, Reply], transaction: int, data: st.DataObject
) -> None:
    """Bytes changed anywhere, pointers above all, never lead out of the message."""
    question, reply = answer
    message = bytearray(encode_reply(question, transaction, reply))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(message) - 1))
        message[place] = data.draw(st.sampled_from((0, 1, 63, 64, 0xC0, 0xFF)))

    with contextlib.suppress(PacketError):
        decode_reply(bytes(message), question, transaction)


@given(answers(), words(16), st.data())
def test_a_cut_reply_is_refused_or_says_less(
    answer: tuple[Question, Reply], transaction: int, data: st.DataObject
) -> None:
    """A message cut anywhere is never taken for a whole one."""
    question, reply = answer
    message = encode_reply(question, transaction, reply)
    length = data.draw(st.integers(0, len(message) - 1))

    with pytest.raises(PacketError):
        decode_reply(message[:length], question, transaction)


@given(st.text(max_size=300))
def test_any_name_is_encoded_or_refused(name: str) -> None:
    """A name that DNS cannot carry is a PacketError, whatever is in it."""
    with contextlib.suppress(PacketError):
        query = encode_query(Question(name, 4), 0)
        assert len(query) <= HEADER + 255 + 4
