"""Proves the uniffi binding against a real server: the generated Python, two people, one talk.

Finds the generated module on its path and the server's binary in PRESENTLY_BIN. Each step prints a
line; the last line is the count.
"""

import asyncio
import json
import os
import subprocess
import tempfile

import presently


class Server:
    """A demo server on free ports, in a data directory of its own."""

    def __init__(self, data):
        self.data = data
        self.process = None
        self.address = "127.0.0.1:0"

    def start(self):
        command = [os.environ["PRESENTLY_BIN"], "serve", "--demo", "--ready-json"]
        command += ["--listen", self.address, "--admin", "127.0.0.1:0", "--data", self.data]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = json.loads(self.process.stdout.readline())["listen"]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=10)


async def connect(server, user, password=None):
    options = presently.ConnectOptions(
        server=server.address, user=user, password=password or user
    )
    return await asyncio.wait_for(presently.Client.connect(options), 20)


# Events of each client that were taken and not looked at yet.
taken = {}


async def until(client, wanted):
    """The next event for which `wanted` holds; those before it are passed over."""

    async def look():
        events = taken.setdefault(client, [])
        while True:
            while events:
                event = events.pop(0)
                if wanted(event):
                    return event
            events.extend(await client.next_batch(64))
            assert events, "the client ended"

    return await asyncio.wait_for(look(), 30)


async def wrong_password(server):
    try:
        await connect(server, "alice", "not it")
    except presently.PresentlyError.Refused as refused:
        assert refused.code == "wrong_credentials", refused.code
    else:
        raise AssertionError("a wrong password signed in")


async def talk(server):
    alice, bob = await connect(server, "alice"), await connect(server, "bob")
    contacts = await alice.contacts()
    assert [item.user for item in contacts.list] == ["bob", "carol"], contacts
    await bob.set_message("tea?")
    seen = await until(alice, lambda e: e.is_presence() and e.message == "tea?")
    assert (seen.user, seen.status) == ("bob", "online")
    texts = [f"hello {n} \u2615" for n in range(50)]
    sent = [await alice.send("bob", text) for text in texts]
    assert [item.seq for item in sent] == sorted(item.seq for item in sent)
    got = []
    while len(got) < len(texts):
        event = await until(bob, lambda e: e.is_message())
        got.append(event.text)
    assert got == texts, got
    page = await bob.history("alice")
    assert [item.text for item in page.list] == texts
    return alice, bob


async def refusals(alice):
    for call, code in [
        (alice.send("nobody", "hi"), "not_a_contact"),
        (alice.send("bob", "x" * 8193), "too_large"),
        (alice.set_status("sleepy"), "invalid"),
    ]:
        try:
            await call
        except presently.PresentlyError.Refused as refused:
            assert refused.code == code, (refused.code, code)
        else:
            raise AssertionError(f"expected {code}")


async def restart(server, alice, bob):
    server.kill()
    pending = asyncio.create_task(alice.send("bob", "through the restart"))
    await asyncio.sleep(0.5)
    server.start()
    await asyncio.wait_for(pending, 30)
    await until(bob, lambda e: e.is_message() and e.text == "through the restart")


async def ends(alice, bob):
    waiting = asyncio.create_task(alice.next_batch(10))
    await alice.shutdown()
    await bob.shutdown()
    while await asyncio.wait_for(waiting, 5):
        waiting = asyncio.create_task(alice.next_batch(10))


async def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory(dir=os.getcwd() + "/target") as data:
        server = Server(data)
        server.start()
        alice = bob = None

        async def step(name, work):
            nonlocal passed, failed
            try:
                result = await work
                passed += 1
                print(f"ok   {name}")
                return result
            except Exception as error:
                failed += 1
                print(f"FAIL {name}: {error!r}")

        await step("a wrong password is refused, typed", wrong_password(server))
        pair = await step("two people see each other and talk", talk(server))
        if pair:
            alice, bob = pair
            await step("refusals are typed", refusals(alice))
            await step("a send goes through kill -9 and restart", restart(server, alice, bob))
            await step("shutdown ends every wait", ends(alice, bob))
        code = server.stop()
        await step("the server stops with 0", check(code == 0))
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed


async def check(holds):
    assert holds


raise SystemExit(1 if asyncio.run(main()) else 0)
