"""Rules of passwords: right ones are cheap, wrong ones bounded, nobody locked out."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable

import bcrypt
import pytest

from exporter.web.passwords import (
    WAITING_OF_ONE_MAX,
    Passwords,
    TooManyGuesses,
    credentials,
)
from tests.fakes.certificates import HASH

USERS = {"prometheus": HASH.encode(), "other": HASH.encode()}


def basic(user: str, password: str) -> str:
    """Return the header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def during(scenario: Callable[[Passwords], Awaitable[object]]) -> object:
    """Return what a scenario comes to."""

    async def main() -> object:
        passwords = Passwords()
        try:
            return await scenario(passwords)
        finally:
            passwords.stop()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (basic("prometheus", "secret"), True),
        (basic("prometheus", "secret ").replace("Basic", "basic"), False),
        (basic("prometheus", "secret").replace("Basic", "bAsIc"), True),
        (basic("nobody", "secret"), False),
        (basic("prometheus", ""), False),
        (basic("prometheus", "a\0b"), False),
        (basic("", ""), False),
        ("", False),
        ("Bearer secret", False),
        ("Basic !!!!", False),
        ("Basic //79/A==", False),
        ("Basic cHJvbWV0aGV1cw==", False),
    ],
)
def test_who_is_let_in(header: str, expected: bool) -> None:
    """The right password of a user that exists, and nothing else."""
    assert expected is during(lambda one: one.admit(USERS, header, "c"))


def test_long_passwords() -> None:
    """What bcrypt looks at is 72 bytes, as where the hash was made."""
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))
    header = basic("a", "x" * 100)

    assert during(lambda one: one.admit({"a": hashed}, header, "c"))


def test_a_right_one_is_remembered() -> None:
    """The second time costs no bcrypt; a changed hash is asked again."""
    expensive = bcrypt.hashpw(b"secret", bcrypt.gensalt(10))
    header = basic("a", "secret")

    async def scenario(passwords: Passwords) -> object:
        await passwords.admit({"a": expensive}, header, "c")
        began = time.perf_counter()
        for _ in range(100):
            assert await passwords.admit({"a": expensive}, header, "c")
        took_s = time.perf_counter() - began
        other = bcrypt.hashpw(b"changed", bcrypt.gensalt(4))
        return took_s < 0.05, await passwords.admit({"a": other}, header, "c")

    assert (True, False) == during(scenario)


def test_the_same_question_is_asked_once() -> None:
    """A browser asks for a page and its parts at once."""
    header = basic("a", "secret")
    users = {"a": bcrypt.hashpw(b"secret", bcrypt.gensalt(8))}

    async def scenario(passwords: Passwords) -> object:
        asked = [passwords.admit(users, header, "c") for _ in range(20)]
        return await asyncio.gather(*asked)

    assert [True] * 20 == during(scenario)


def test_guesses_are_bounded() -> None:
    """Who guesses waits; another client, and another user, is let in meanwhile."""
    users = {"a": bcrypt.hashpw(b"secret", bcrypt.gensalt(8)), **USERS}

    async def scenario(passwords: Passwords) -> object:
        guesses = [
            asyncio.create_task(passwords.admit(users, basic("a", str(n)), "guesser"))
            for n in range(20)
        ]
        await asyncio.sleep(0)
        neighbour = passwords.admit(users, basic("a", "secret"), "neighbour")
        other = passwords.admit(users, basic("prometheus", "secret"), "guesser")
        let_in = await asyncio.gather(neighbour, other)
        found = await asyncio.gather(*guesses, return_exceptions=True)
        refused = [one for one in found if isinstance(one, TooManyGuesses)]
        return let_in, len(refused), [one for one in found if one is True]

    assert ([True, True], 20 - WAITING_OF_ONE_MAX, []) == during(scenario)


def test_guesses_take_a_quarter_of_a_core() -> None:
    """After each the thread rests three times as long."""
    users = {"a": bcrypt.hashpw(b"secret", bcrypt.gensalt(9))}

    async def scenario(passwords: Passwords) -> object:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        for n in range(6):
            await passwords.admit(users, basic("a", str(n)), "guesser")
        cpu_s = time.process_time() - began_cpu_s
        return cpu_s / (time.perf_counter() - began_s)

    share = during(scenario)
    assert isinstance(share, float)
    assert share < 0.5


def test_who_hangs_up_takes_nothing_from_others() -> None:
    """The check goes on, and is remembered."""
    users = {"a": bcrypt.hashpw(b"secret", bcrypt.gensalt(8))}
    header = basic("a", "secret")

    async def scenario(passwords: Passwords) -> object:
        first = asyncio.create_task(passwords.admit(users, header, "c"))
        await asyncio.sleep(0)
        second = asyncio.create_task(passwords.admit(users, header, "c"))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert during(scenario) is True


def test_stopping_does_not_wait_for_the_rest() -> None:
    """A thread that rests ends at once."""
    users = {"a": bcrypt.hashpw(b"secret", bcrypt.gensalt(11))}

    async def scenario(passwords: Passwords) -> object:
        await passwords.admit(users, basic("a", "1"), "c")
        waiting = asyncio.create_task(passwords.admit(users, basic("a", "2"), "c"))
        await asyncio.sleep(0.01)
        began_s = time.perf_counter()
        passwords.stop()
        await asyncio.gather(waiting, return_exceptions=True)
        return time.perf_counter() - began_s

    took_s = during(scenario)
    assert isinstance(took_s, float)
    assert took_s < 1


def test_credentials_have_a_colon() -> None:
    """A user without a password is nobody."""
    assert credentials("Basic YQ==") is None
