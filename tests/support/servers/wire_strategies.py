"""What clients send: well-made calls, careless ones, and lines that are damaged or never were a message."""

import json
from typing import Any

from hypothesis import strategies as st
from wire_harness import MODERN, Line, Talk, envelope

TEXT = st.one_of(
    st.sampled_from(
        ["retry", "rate limit", "Client", "src/client.py", "src/client.py:3", "a.py:5-2", "", " "]
    ),
    st.sampled_from(
        ["\x00", "\ud800", "\u2028", "\r\n", "../../etc/passwd", "[", '["src/"]', "!", "é" * 300]
    ),
    st.text(st.characters(exclude_categories=()), max_size=40),
)
NUMBERS = st.one_of(
    st.integers(-3, 60), st.sampled_from([500, 40_000, 2**31, 2**63, 10**400, -(2**63)]), st.floats()
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
QUERY = st.one_of(TEXT, st.text(min_size=1, max_size=60), ANYTHING)
CANDIDATE = st.one_of(TEXT, st.fixed_dictionaries({"text": TEXT, "id": TEXT}), ANYTHING)
SEARCH = st.fixed_dictionaries(
    {},
    optional={
        "query": QUERY,
        "question": QUERY,
        "top_k": NUMBERS | ANYTHING,
        "path": st.lists(TEXT, max_size=3) | ANYTHING,
        "language": st.sampled_from(["python", "typescript", "klingon"]) | ANYTHING,
        "repo": st.just("example") | ANYTHING,
        "format": st.sampled_from(["code", "full", "paths"]) | ANYTHING,
        "max_chars": st.integers(500, 3_000) | ANYTHING,
        "rerank": st.booleans() | ANYTHING,
    },
)
RERANK = st.fixed_dictionaries(
    {"query": QUERY},
    optional={"candidates": st.lists(CANDIDATE, max_size=5) | ANYTHING, "top_k": NUMBERS, "k": NUMBERS},
)
WELL_ASKED = st.one_of(  # else hardly a case would get past the arguments
    st.sampled_from(
        ["retry", "how does the client retry a request", "rate limit", "src/client.py:7", "Client.send"]
    ),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.strip),
)
GOOD_SEARCH = st.fixed_dictionaries(
    {"query": WELL_ASKED},
    optional={
        "top_k": st.integers(1, 50),
        "path": st.lists(st.sampled_from(["src/", "*.py", "!tests/", "*.md"]), min_size=1, max_size=3),
        "language": st.sampled_from(["python", "typescript"]),
        "repo": st.just("example"),
        "format": st.sampled_from(["code", "full", "paths"]),
        "max_chars": st.integers(500, 40_000),
        "rerank": st.booleans(),
    },
)
GOOD_CANDIDATE = st.one_of(
    st.sampled_from(["src/client.py", "src/client.py:8", "src/limits.ts:1-2", "README.md", "nowhere.py"]),
    st.fixed_dictionaries({"text": st.text(st.characters(codec="utf-8"), min_size=1), "id": WELL_ASKED}),
)
GOOD_RERANK = st.fixed_dictionaries(
    {"query": WELL_ASKED, "candidates": st.lists(GOOD_CANDIDATE, min_size=1, max_size=8)},
    optional={"top_k": st.integers(1, 200), "repo": st.just("example")},
)
CALL = st.one_of(
    st.fixed_dictionaries({"name": st.just("rag_search"), "arguments": GOOD_SEARCH}),
    st.fixed_dictionaries({"name": st.just("rag_search"), "arguments": GOOD_SEARCH}),
    st.fixed_dictionaries({"name": st.just("rag_rerank"), "arguments": GOOD_RERANK}),
    st.fixed_dictionaries({"name": st.just("rag_search"), "arguments": SEARCH}),
    st.fixed_dictionaries({"name": st.just("rag_rerank"), "arguments": RERANK}),
    st.fixed_dictionaries({"name": TEXT | ANYTHING}, optional={"arguments": ANYTHING}),
)
METHODS = st.sampled_from(
    [
        "tools/list",
        "ping",
        "server/discover",
        "initialize",
        "prompts/list",
        "resources/read",
        "logging/setLevel",
        "completion/complete",
        "roots/list",
        "tools/call",
        "subscriptions/listen",
        "tasks/get",
        "",
    ]
)
NOTICES = st.sampled_from(["initialized", "cancelled", "progress", "roots/list_changed", "nonsense"])


def _dump(message: object) -> bytes:
    return json.dumps(message).encode("utf-8", "surrogatepass")


@st.composite
def requests(draw: st.DrawFn) -> Line:
    """Draw a request, well made or nearly so."""
    method, params = draw(
        st.one_of(
            st.tuples(st.just("tools/call"), CALL),
            st.tuples(st.just("tools/call"), CALL),
            st.tuples(METHODS | TEXT, st.dictionaries(TEXT, ANYTHING, max_size=2)),
            st.tuples(METHODS | ANYTHING, ANYTHING),
        )
    )
    tokens = st.fixed_dictionaries({"progressToken": TEXT | NUMBERS})
    meta = draw(st.one_of(st.just({}), st.just({}), tokens, tokens, ANYTHING))
    is_enveloped = draw(st.integers(0, 9)) > 0
    extra = draw(st.one_of(st.just({}), st.just({}), st.dictionaries(TEXT, ANYTHING, max_size=2)))
    flavour = draw(st.sampled_from(["int", "int", "int", "text", "text", "big", "same", "wrong"]))
    wrong = draw(ANYTHING)

    def write(talk: Talk) -> bytes:
        number = talk.number()
        ids = {
            "int": number,
            "text": f"r{number}",
            "big": 2**70 + number,
            "same": talk.count - 1,
            "wrong": wrong,
        }
        given: Any = params
        if isinstance(params, dict) and is_enveloped and talk.era == MODERN:
            given = {**params, "_meta": {**envelope(talk.era), **(meta if isinstance(meta, dict) else {})}}
        elif isinstance(params, dict) and meta != {}:
            given = {**params, "_meta": meta}
        return _dump({"jsonrpc": "2.0", "id": ids[flavour], "method": method, "params": given, **extra})

    return write


@st.composite
def notices(draw: st.DrawFn) -> Line:
    """Draw a notification, or an answer that nobody asked for."""
    method, params, is_recent = draw(st.tuples(NOTICES, ANYTHING, st.booleans()))
    answer: dict[str, Any] | None = draw(
        st.sampled_from([None, None, {"result": {}}, {"error": {"code": 1, "message": ""}}])
    )

    def write(talk: Talk) -> bytes:
        if answer:
            return _dump({"jsonrpc": "2.0", "id": talk.count, **answer})
        given = {"requestId": talk.count, "progressToken": talk.count, "progress": 1} if is_recent else params
        return _dump({"jsonrpc": "2.0", "method": f"notifications/{method}", "params": given})

    return write


@st.composite
def broken(draw: st.DrawFn) -> Line:
    """Draw a line that was damaged, or never was a message."""
    line = draw(requests())
    how = draw(st.sampled_from(["cut", "flip", "twice", "batch", "deep", "bytes", "space", "mark", "nul"]))
    place, byte, noise = draw(st.tuples(st.floats(0, 1), st.integers(0, 255), st.binary(max_size=40)))

    def write(talk: Talk) -> bytes:
        whole = line(talk)
        at = int(place * (len(whole) - 1))
        return {
            "cut": whole[:at],
            "flip": whole[:at] + bytes([byte]) + whole[at + 1 :],
            "twice": whole + whole,
            "batch": b"[" + whole + b"," + whole + b"]",
            "mark": b"\xef\xbb\xbf" + whole + b"\r",
            "nul": whole[:at] + b"\0" + whole[at:],
            "deep": b"[" * 3_000,
            "bytes": noise,
            "space": b"\xef\xbb\xbf" + whole if byte % 2 else b" \t" + whole + b"\r",
        }[how].replace(b"\n", b" ")

    return write


CASES = st.lists(st.one_of(requests(), requests(), requests(), notices(), broken()), min_size=1, max_size=4)
