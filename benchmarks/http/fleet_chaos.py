"""What becomes of a fleet's answers while its parts die.

    python -m benchmarks.http.fleet_chaos --list URLS --place PLACE --work DIR --questions people-dev.jsonl \
        [--nodes 4] [--sample 60] [--minutes 5] [--clients 16]

Clients ask without a pause while replicas, builders and nodes are killed (-9), a node is stopped (SIGSTOP),
and every tenth request to the place fails; in the end the head is killed, and the fleet is started
again. A reply is right when its places and scores are those of before; else it must say what is missing.
With `--joining URLS`, some of these join the list before each blow to the builders, so that builders are
killed among their builds; in the end all must be published. A question that names no repository may then be
asked of others than before.

Two people ask. One sees everything, the other every second repository: a reply that shows or names another
one is a LEAK, and a question to another one must be refused as if it were not served.
"""

import asyncio
import itertools
import json
import random
import re
import secrets
import shutil
import signal
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.http.fleet import READY_S, SEED, Fleet, arguments, ask, places, sampled, started
from mcp_server.serving import url_list
from retrieval.mirrors.source import Source
from retrieval.publishing.place import Place
from retrieval.publishing.shelf import Shelf
from retrieval.sync.sync import fingerprint

EVERY_S = 15.0  # between two blows, so that the fleet recovers from most of them
STALL_S = 20.0
HEADLESS_S = 20.0  # how long clients ask on after the head was killed
SHOWN_WRONG = 5
UNNAMED_SHARE = 4  # of the questions; one that names no repository costs several times as much
TOKENS, RIGHTS, LIST = "tokens", "rights.toml", "urls.txt"
JOIN = 6  # repositories at once
AMONG_BUILDS_S = (2.0, 6.0)  # how long after they joined the builders are killed
BLOWS = ("searchers", "readers", "gateways", "routers", "builders", "planner", "node", "stall")
MISSING = ("did not answer", "still loading or busy", "out of time", "being updated", "are not published yet")
SHOWN_CHARS = 600
GROWN = "not compared: the list is longer"
SAID = ("note: ", *MISSING)


def main() -> None:
    """Measure, and print it."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--joining", type=Path, help="a list of URLs that are not published yet")
    given = parser.parse_args()
    listed, given.list = given.list, Path(shutil.copy(given.list, given.work / LIST))  # it grows
    questions = sampled(given)
    everybody, half = people(given)
    given.token = everybody.token
    asked = Asked([Call(everybody, {"query": one.text, "repo": one.repo}) for one in questions])
    asked.calls += [Call(half, {"query": one.text, "repo": one.repo}) for one in questions]
    few = questions[: max(1, len(questions) // UNNAMED_SHARE)]
    asked.calls += [Call(person, {"query": one.text}) for one in few for person in (everybody, half)]
    entrance = ("--token-file", str(given.work / TOKENS), "--rights", str(given.work / RIGHTS))
    with started(given.nodes, given, "--every-tenth-fails", *entrance) as fleet:
        asyncio.run(chaos(fleet, asked, given))
    begun = time.monotonic()
    shutil.copy(listed, given.list)  # else who joined may answer too
    with started(given.nodes, given, *entrance) as fleet:
        asyncio.run(recovered(fleet, asked, begun, "started again"))


@dataclass(frozen=True)
class Person:
    """Somebody who asks.

    Attributes:
        token: Theirs.
        hidden: The URLs and names of the repositories that they may not see.
    """

    token: str
    hidden: frozenset[str]


@dataclass(frozen=True)
class Call:
    """What a person asks."""

    person: Person
    arguments: dict[str, Any]

    @property
    def is_to_hidden(self) -> bool:
        """Whether it names a repository that the person may not see."""
        return self.arguments.get("repo") in self.person.hidden

    async def ask(self, fleet: Fleet) -> tuple[bool, str]:
        """Ask the fleet."""
        return await ask(fleet.url, token=self.person.token, **self.arguments)


@dataclass
class Asked:
    """What clients ask, and what the right replies are."""

    calls: list[Call]
    expected: list[str] = field(default_factory=list)


def people(given: Namespace) -> tuple[Person, Person]:
    """Write the tokens and the rights of two people: one sees everything, one every second repository."""
    sources = url_list.read(given.list)
    seen, hidden = sources[::2], sources[1::2]
    names = {source.name for source in hidden} - {source.name for source in seen}
    tokens = {name: secrets.token_hex(32) for name in ("everybody", "half")}
    given.work.mkdir(parents=True, exist_ok=True)
    file = given.work / TOKENS
    file.touch(mode=0o600)
    file.write_text("".join(f"{name} {token}\n" for name, token in tokens.items()), encoding="utf-8")
    groups = {"everything": ["**"], "half": [source.url for source in seen]}
    (given.work / RIGHTS).write_text(
        '[people]\neverybody = ["everything"]\nhalf = ["half"]\n[groups]\n'
        + "".join(f"{name} = {json.dumps(patterns)}\n" for name, patterns in groups.items()),
        encoding="utf-8",
    )
    return (
        Person(tokens["everybody"], frozenset()),
        Person(tokens["half"], frozenset(names | {source.written for source in hidden})),
    )


@dataclass
class Tally:
    """What became of the calls during chaos."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def chaos(fleet: Fleet, asked: Asked, given: Namespace) -> None:
    """Ask while the parts of the fleet die, and count what becomes of the calls."""
    for _ in range(2):  # the second time, the commits of each repository have been read
        asked.expected = [await _whole(fleet, call) for call in asked.calls]
    print(
        f"{len(asked.calls)} calls, {sum(call.is_to_hidden for call in asked.calls)} to hidden repositories"
    )
    tally, ends = Tally(), time.monotonic() + 60 * given.minutes
    askers = [_keep_asking(fleet, asked, tally, ends, number) for number in range(given.clients)]
    joining = url_list.read(given.joining) if given.joining else []
    await asyncio.gather(_strike(fleet, ends, given.list, joining), *askers)
    _show(
        tally,
        f"{given.clients} clients for {given.minutes:g} minutes, every tenth request to the place fails",
    )
    await recovered(fleet, asked, time.monotonic(), "the last blow")
    if joining:
        await _joined(fleet, given, joining)
    for pid in (fleet.gcs, fleet.raylets[0]):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
    headless, ends = Tally(), time.monotonic() + HEADLESS_S
    await asyncio.gather(*(_keep_asking(fleet, asked, headless, ends, n) for n in range(given.clients)))
    _show(headless, f"{HEADLESS_S:g} seconds after the head was killed")


async def _whole(fleet: Fleet, call: Call) -> str:
    """Ask until the reply misses nothing: what was partial before would make a whole reply look wrong."""
    deadline = time.monotonic() + READY_S
    while True:
        _, text = await call.ask(fleet)
        if not any(mark in text for mark in MISSING):
            return text
        if time.monotonic() > deadline:
            raise SystemExit(f"{call.arguments} is never answered whole: {text[:SHOWN_CHARS]}")
        await asyncio.sleep(1)


def _show(tally: Tally, what: str) -> None:
    print(f"\n{what}")
    for kind, count in sorted(tally.counts.items()):
        print(f"  {kind}\t{count}")
    for told in tally.wrong[:SHOWN_WRONG]:
        print(f"  wrong: {told}", flush=True)


async def recovered(fleet: Fleet, asked: Asked, since: float, what: str) -> None:
    """Say how long it takes until every call that can be compared is answered as before."""
    while why := await _degraded(fleet, asked):
        if time.monotonic() - since > READY_S:
            print(f"  not back to full service {READY_S:g} s after {what}: {why}", flush=True)
            return
    print(f"  full service {time.monotonic() - since:.0f} s after {what}", flush=True)


async def _keep_asking(fleet: Fleet, asked: Asked, tally: Tally, ends: float, seed: int) -> None:
    choose = random.Random(SEED + seed)  # noqa: S311 - as above
    while time.monotonic() < ends:
        number = choose.randrange(len(asked.calls))
        try:
            is_error, text = await asked.calls[number].ask(fleet)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
                raise
            tally.counts["no reply: connection"] += 1
            await asyncio.sleep(0.2)
            continue
        kind = judged(is_error, text, asked.calls[number], asked.expected[number])
        tally.counts[kind] += 1
        if kind in {"WRONG", "LEAK"}:
            hidden = asked.calls[number].person.hidden & named(text)
            tally.wrong.append(f"{kind} {asked.calls[number].arguments} {sorted(hidden)}: {text[:300]}")


def judged(is_error: bool, text: str, call: Call, expected: str) -> str:
    """Say what a reply is."""
    if call.is_to_hidden:
        if not is_error:
            return "LEAK"
        return "refused, as if not served" if text == expected else "error, said"
    if call.person.hidden & named(text):
        return "LEAK"
    if is_error:
        return "error, said"
    if places(text) == places(expected):
        return "right"
    return "partial, said" if any(mark in text for mark in SAID) else _differing(text, expected)


def _differing(text: str, expected: str) -> str:
    """Say what a whole reply with other places is."""
    before, now = _listed(expected), _listed(text)
    return GROWN if before and now > before else "WRONG"


def _listed(text: str) -> int:
    """Return of how many repositories those that were asked are chosen, or 0."""
    found = re.match(r"searched \d+ of (\d+) ", text)
    return int(found[1]) if found else 0


def named(text: str) -> set[str]:
    """List the words by which a reply may name repositories: before places, in the header and the notes.

    Code is left out: that of one repository may speak of another.
    """
    shown = {line.split(". ", 1)[1].split("/")[0] for line in places(text)}
    head, *others = text.splitlines() or [""]
    notes = " ".join((head, *(line for line in others if line.startswith("note: "))))
    return shown | set(re.findall(r"[\w.+-]+", notes))


async def _joined(fleet: Fleet, given: Namespace, joining: Sequence[Source]) -> None:
    """Say how many of the repositories that joined are published, when no more of them are."""
    place = Place(str(given.place))
    listed = [source for source in joining if source.written in given.list.read_text("utf-8").split()]
    deadline = time.monotonic() + READY_S
    while True:
        missing = [one.written for one in listed if not Shelf(place, one.place, fingerprint()).has_profile()]
        if not missing or time.monotonic() > deadline:
            break
        await asyncio.sleep(1)
    print(f"  {len(listed) - len(missing)} of {len(listed)} repositories that joined are published")
    for source in listed[:SHOWN_WRONG]:
        is_error, text = await ask(fleet.url, token=given.token, query="README", repo=source.written)
        print(f"  asked of one: {'an error' if is_error else places(text)[:1]}", flush=True)


async def _strike(fleet: Fleet, ends: float, listed: Path, joining: Sequence[Source]) -> None:
    """Kill and stop one part after another, in an order that each run repeats."""
    choose = random.Random(SEED)  # noqa: S311 - as above
    number, waiting = 0, iter(joining)
    while time.monotonic() + EVERY_S < ends:
        await asyncio.sleep(EVERY_S)
        blow = BLOWS[number % len(BLOWS)]
        if blow == "builders" and (fresh := list(itertools.islice(waiting, JOIN))):
            with listed.open("a", encoding="utf-8") as file:
                file.writelines(f"{source.written}\n" for source in fresh)
            await asyncio.sleep(choose.uniform(*AMONG_BUILDS_S))
        number += 1
        print(f"  {blow}", flush=True)
        if blow in {"node", "stall"} and len(fleet.raylets) > 1:
            victim = choose.choice(fleet.raylets[1:])
            with suppress(psutil.NoSuchProcess):
                family = [psutil.Process(victim), *psutil.Process(victim).children(recursive=True)]
                for one in family:
                    one.send_signal(signal.SIGKILL if blow == "node" else signal.SIGSTOP)
                if blow == "stall":
                    await asyncio.sleep(STALL_S)
                    for one in family:
                        with suppress(psutil.NoSuchProcess):
                            one.send_signal(signal.SIGCONT)
                else:
                    fleet.raylets.remove(victim)
                    await asyncio.to_thread(fleet.add_node)
        elif found := fleet.replicas(blow):
            with suppress(psutil.NoSuchProcess):
                choose.choice(found).kill()


async def _degraded(fleet: Fleet, asked: Asked) -> str:
    """Ask every call; say which is the first that is not answered as before, or ""."""
    for call, expected in zip(asked.calls, asked.expected, strict=True):
        try:
            is_error, text = await call.ask(fleet)
        except Exception as error:  # noqa: BLE001 - as above
            return f"{call.arguments}: {error!r}"
        verdict = judged(is_error, text, call, expected)
        if verdict not in {"right", "refused, as if not served", GROWN}:
            return f"{call.arguments}, {verdict}:\n{text[:SHOWN_CHARS]}\nexpected: {expected}"
    return ""


if __name__ == "__main__":
    main()
