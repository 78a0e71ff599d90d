"""Rules of who has to go: never who is being answered, never the smaller client."""

from exporter.web.crowd import Crowd, Seat, Use, client_of


class Room:
    """A crowd, and who was sent away."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self.crowd = Crowd(most, most_of_one)
        self.gone: list[str] = []

    def enter(self, client: str, name: str) -> Seat | None:
        """Let somebody in."""
        return self.crowd.enter(client, lambda: self.gone.append(name))


def test_the_one_that_waited_longest_goes() -> None:
    """Of the client with the most connections."""
    room = Room(4, 4)
    room.enter("prometheus", "p")
    for name in ("a", "b", "c"):
        room.enter("idler", name)

    assert room.enter("another", "n") is not None

    assert ["a"] == room.gone
    assert 4 == len(room.crowd)


def test_one_client_makes_room_for_itself() -> None:
    """Beyond its own bound nobody else has to go."""
    room = Room(10, 2)
    room.enter("other", "o")
    for name in ("a", "b", "c"):
        room.enter("idler", name)

    assert ["a"] == room.gone


def test_who_is_answered_stays() -> None:
    """A newcomer is refused rather."""
    room = Room(2, 2)
    for name in ("a", "b"):
        seat = room.enter("client", name)
        assert seat is not None
        room.crowd.turns(seat, Use.BUSY)

    assert room.enter("client", "c") is None
    assert room.enter("other", "d") is None
    assert [] == room.gone


def test_who_does_not_read_goes_before_who_does() -> None:
    """And after who has not asked."""
    room = Room(3, 3)
    for name, use in (
        ("busy", Use.BUSY),
        ("stalled", Use.STALLED),
        ("waiting", Use.WAITING),
    ):
        seat = room.enter("client", name)
        assert seat is not None
        room.crowd.turns(seat, use)

    for name in ("x", "y"):
        seat = room.enter("client", name)
        assert seat is not None
        room.crowd.turns(seat, Use.BUSY)

    assert room.enter("client", "z") is None
    assert ["waiting", "stalled"] == room.gone


def test_the_small_client_goes_where_the_large_one_is_busy() -> None:
    """Somebody who waits goes before anybody is refused."""
    room = Room(3, 3)
    for name in ("a", "b"):
        seat = room.enter("large", name)
        assert seat is not None
        room.crowd.turns(seat, Use.BUSY)
    room.enter("small", "s")

    assert room.enter("new", "n") is not None
    assert ["s"] == room.gone


def test_a_request_makes_it_young_again() -> None:
    """The time counts since the last answer."""
    room = Room(2, 2)
    first = room.enter("client", "first")
    room.enter("client", "second")
    assert first is not None
    room.crowd.turns(first, Use.BUSY)
    room.crowd.turns(first, Use.WAITING)

    room.enter("client", "third")

    assert ["second"] == room.gone


def test_the_first_word_makes_it_young_too() -> None:
    """It would have to go just when it asks."""
    room = Room(2, 2)
    first = room.enter("client", "first")
    room.enter("client", "second")
    assert first is not None
    room.crowd.heard(first)

    room.enter("client", "third")

    assert ["second"] == room.gone


def test_leaving_frees_the_seat() -> None:
    """Twice is as once."""
    room = Room(1, 1)
    seat = room.enter("a", "a")
    assert seat is not None
    room.crowd.left(seat)
    room.crowd.left(seat)

    assert room.enter("b", "b") is not None
    assert [] == room.gone


def test_mapped_addresses_are_those_of_ipv4() -> None:
    """However a socket shows them, and with a scope."""
    assert "192.0.2.1" == client_of(("::ffff:192.0.2.1", 1, 0, 0))
    assert "fe80::/64" == client_of(("fe80::1%eth0", 1, 0, 2))
    assert "loopback" == client_of(("::1", 1, 0, 0))
