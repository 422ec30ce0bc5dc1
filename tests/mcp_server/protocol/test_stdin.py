"""Whatever comes over the wire, what goes back is of the protocol, and nothing hangs or ends."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest
import wire_harness
from hypothesis import given, settings
from wire_harness import ERAS, MODERN, Era, FaultError, Line, Server, judge, note, play
from wire_strategies import CASES

from mcp_server.protocol.stdin import refusal

pytestmark = pytest.mark.slow(reason="hundreds of random messages to real servers of each protocol version")


@pytest.fixture(params=ERAS)
def server(request: pytest.FixtureRequest, example: Path, tmp_path: Path) -> Iterator[Server]:
    """Start a server of each version of the protocol."""
    command = [
        "-m",
        "mcp_server",
        "serve",
        str(example),
        "--cache",
        str(tmp_path / "cache"),
        "--rerank-tool-weight",
        "0",
    ]
    server = Server(command, request.param, environment=os.environ)
    yield server
    assert server.end() == 0
    assert not [line for line in server.log if b"Traceback" in line]


def test_no_case_crashes_hangs_or_is_answered_out_of_spec(server: Server) -> None:
    """A share of what benchmarks/robustness/fuzz.py does 50,000 times, the same in every run."""

    @hypothesis.seed(7)
    @settings(
        max_examples=100,
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @given(CASES)
    def run(case: Sequence[Line]) -> None:
        play(server, case)

    run()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', "params must be an object"),
        ('{"jsonrpc":"2.0","id":"a","method":7}', "method must be a string"),
        ('{"jsonrpc":"1.0","id":1,"method":"ping"}', 'jsonrpc must be "2.0"'),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}', "no Unicode text"),
        (
            '{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":' + "[" * 300 + "]" * 300 + "}}",
            "nested too deep",
        ),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_by_its_id(line: str, said: str) -> None:
    """The library drops it in silence, and a client waits until its own time-out."""
    refused = refusal(line)
    assert refused is not None
    assert refused.id == json.loads(line)["id"]
    assert refused.error.code == -32600
    assert said in refused.error.message


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
        "",
        "no JSON",
        "[" * 5_000,
        '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
        '{"jsonrpc":"2.0","id":true,"method":"ping","params":[]}',
        '{"jsonrpc":"2.0","id":"\\ud800","method":"ping","params":[]}',
        '{"jsonrpc":"2.0","id":1,"result":7}',
    ],
)
def test_what_is_a_message_or_names_no_request_is_not_refused(line: str) -> None:
    """An answer that can be of nothing would be out of the specification itself."""
    assert refusal(line) is None


@pytest.mark.parametrize(
    "line",
    [
        b"Loading weights: 100%",
        b'{"jsonrpc":"2.0","id":2,"result":{}}',
        b'{"jsonrpc":"2.0","id":"1","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"tools":"none"}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"a","message":""}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"a":NaN}}',
        b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":9,"progress":1}}',
        b'{"jsonrpc":"2.0","method":"notifications/nonsense"}',
    ],
)
@pytest.mark.parametrize("era", ERAS)
def test_the_judge_sees_what_is_out_of_spec(era: Era, line: bytes) -> None:
    """A judge that lets everything pass would make of 50,000 cases none."""
    talk = wire_harness.Talk(era)
    note(talk, b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
    with pytest.raises(FaultError):
        judge(talk, line)


def test_the_judge_sees_a_second_answer() -> None:
    """Two answers to one request are taken for an answer to the next."""
    talk = wire_harness.Talk(MODERN)
    note(talk, b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    answer = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'
    judge(talk, answer)
    with pytest.raises(FaultError, match="second answer"):
        judge(talk, answer)
