"""Reading the tables while the kernel refuses, changes them, or says nonsense."""

import errno

import pytest

from exporter.errors import FirewallUnreadable, PacketError
from exporter.model.firewall_rules import Chain
from exporter.netfilter.tables import TableSocket
from exporter.rtnetlink.message import DUMP_INTERRUPTED, Message
from tests.fakes.netfilter import recording, replay
from tests.fakes.netlink import DONE_MESSAGE, Answers, FakeChannel, failure

CHAINS_AND_RULES = recording("20.10.24-ipv4")


def read(channel: FakeChannel) -> tuple[Chain, ...]:
    """Return the chains that a kernel tells of."""
    return TableSocket(channel, timeout_s=1.0).chains(4, {})


def changed(message: Message, *, flags: int = 0, generation: int = 0) -> Message:
    """Return a message with other flags, or of another generation."""
    body = message.body
    if generation:
        body = body[:2] + generation.to_bytes(2, "big") + body[4:]
    return Message(
        type=message.type, flags=flags, sequence=message.sequence, port=0, body=body
    )


class TestChanges:
    """Rules that change while they are read."""

    @pytest.mark.parametrize("restless", [1, 4])
    def test_an_interrupted_list_is_read_again(self, restless: int) -> None:
        """NLM_F_DUMP_INTR: from the beginning, a few times."""
        seen: list[Message] = []

        def answer(request: Message) -> Answers:
            seen.append(request)
            answers = replay(request, CHAINS_AND_RULES)
            if len(seen) <= restless:
                first = answers[0]
                assert isinstance(first, Message)
                return [changed(first, flags=DUMP_INTERRUPTED), *answers[1:]]
            return answers

        assert read(FakeChannel(answer))
        assert restless + 2 == len(seen)

    def test_lists_of_two_generations_are_read_again(self) -> None:
        """Chains and rules must be of one moment."""
        seen: list[Message] = []

        def answer(request: Message) -> Answers:
            seen.append(request)
            answers = replay(request, CHAINS_AND_RULES)
            if len(seen) == 1:
                return [
                    changed(m, generation=7) if isinstance(m, Message) else m
                    for m in answers[:-1]
                ] + [answers[-1]]
            return answers

        assert read(FakeChannel(answer))
        assert 4 == len(seen)

    def test_rules_that_never_rest(self) -> None:
        """That is said, after a few attempts."""
        channel = FakeChannel(lambda _: [changed(DONE_MESSAGE, flags=DUMP_INTERRUPTED)])

        with pytest.raises(FirewallUnreadable, match="faster than"):
            read(channel)


class TestRefusals:
    """What the kernel may answer instead."""

    @pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
    def test_not_allowed(self, number: int) -> None:
        """The missing capability is named."""
        with pytest.raises(FirewallUnreadable, match="CAP_NET_ADMIN"):
            read(FakeChannel(lambda _: [failure(number)]))

    @pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
    def test_a_kernel_without_nftables(self, number: int) -> None:
        """It has none of its rules."""
        assert () == read(FakeChannel(lambda _: [failure(number)]))

    def test_another_error(self) -> None:
        """It is told by its number."""
        with pytest.raises(FirewallUnreadable, match=f"errno {errno.EIO}"):
            read(FakeChannel(lambda _: [failure(errno.EIO)]))

    def test_silence(self) -> None:
        """No answer within the bound."""
        with pytest.raises(FirewallUnreadable, match="in time"):
            read(FakeChannel(lambda _: []))

    def test_a_receive_that_fails(self) -> None:
        """An overrun buffer is no answer: it is asked again, a few times."""
        with pytest.raises(FirewallUnreadable, match="faster than"):
            read(FakeChannel(lambda _: [OSError(errno.ENOBUFS, "overrun")]))

    def test_nonsense(self) -> None:
        """Bytes that are no netlink are told as such."""
        with pytest.raises(PacketError):
            read(FakeChannel(lambda _: [b"nonsense"]))
