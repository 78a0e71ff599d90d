"""Batches against the messages that `packet` encodes one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.icmp.batch import MOST, EchoBatch, Pass, number_of, pairs_of
from exporter.icmp.packet import (
    REPLY_KIND,
    REQUEST_KIND,
    Echo,
    Identity,
    encode_reply,
    encode_request,
)

WORD = st.integers(0, 2**32 - 1)
IDENTITIES = st.builds(Identity, st.integers(0, 0xFFFF), st.integers(0, 2**64 - 1))
PASSES = st.builds(Pass, st.just(REQUEST_KIND[4]), IDENTITIES, WORD, WORD, WORD)
COMMON = Pass(REPLY_KIND[4], Identity(1, 2), 3, 4, 100)


def echo(common: Pass, pair: int) -> Echo:
    """Return what a message of a pass says."""
    _, (identifier, cookie), cycle, number, first = common
    return Echo(identifier, (first - pair) % 0xFFFF, cookie, cycle, pair, number)


def filled(common: Pass, pairs: list[int]) -> bytes:
    """Return the messages of some pairs, as a batch makes them."""
    batch = EchoBatch()
    batch.fill(common, pairs)
    return b"".join(batch.messages[: len(pairs)])


@given(PASSES, st.lists(WORD, min_size=1, max_size=MOST))
def test_a_batch_is_what_is_encoded_one_by_one(common: Pass, pairs: list[int]) -> None:
    """Byte by byte, checksums included, for any pairs in any order."""
    one_by_one = [encode_request(echo(common, pair), 4) for pair in pairs]

    assert b"".join(one_by_one) == filled(common, pairs)


@given(st.lists(WORD, min_size=1, max_size=MOST))
def test_pairs_and_number_are_read_back(pairs: list[int]) -> None:
    """Those of a batch are those it was filled with."""
    messages = filled(COMMON, pairs)

    assert pairs == list(pairs_of(messages))
    assert COMMON.number == number_of(messages[:28])


def test_sequence_numbers_go_around() -> None:
    """They differ within 65535 pairs, also where they pass 0."""
    sequences = {echo(COMMON, pair).sequence for pair in range(0xFFFF)}

    assert set(range(0xFFFF)) == sequences


def test_a_batch_is_used_again() -> None:
    """What was in it before leaves no trace in a shorter one."""
    batch = EchoBatch()
    batch.fill(COMMON._replace(cycle=9), list(range(MOST)))
    batch.fill(COMMON, [7, 5])

    assert filled(COMMON, [7, 5]) == b"".join(batch.messages[:2])
    assert batch.is_equal(filled(COMMON, [7, 5]), checksums=True)


@pytest.mark.parametrize("place", range(2 * 28))
def test_one_wrong_byte_is_another_batch(place: int) -> None:
    """Wherever it is; of a checksum only where checksums are compared."""
    batch = EchoBatch()
    batch.fill(COMMON, [0, 1])
    spoilt = bytearray(filled(COMMON, [0, 1]))
    spoilt[place] ^= 0x10

    assert not batch.is_equal(bytes(spoilt), checksums=True)
    assert (place % 28 in {2, 3}) is batch.is_equal(bytes(spoilt), checksums=False)


def test_replies_of_this_kind_are_those_that_hosts_send() -> None:
    """A batch of replies is what a host makes of a batch of requests."""
    assert encode_reply(echo(COMMON, 9), 4) == filled(COMMON, [9])
