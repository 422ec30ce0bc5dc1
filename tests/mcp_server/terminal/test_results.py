"""What a search prints: for people, and with stable keys for scripts."""

import json
import subprocess
from pathlib import Path

import pytest
from fakes import write
from terminal import piped


def search(*words: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `goldrank search`; it must end as expected."""
    return piped("search", *words, cwd=cwd, code=code)


def body(shown: str) -> list[str]:
    """Return a reply without its head, which counts milliseconds."""
    return shown.splitlines()[1:]


def test_all_words_are_one_question(example: Path) -> None:
    """Quotes are what people forget; options may stand anywhere."""
    quoted = body(search("how does the client retry", "-k", "2", cwd=example).stdout)
    assert body(search("-k", "2", "how", "does", "the", "client", "retry", cwd=example).stdout) == quoted
    assert body(search("how", "does", "-k2", "the", "client", "retry", cwd=example).stdout) == quoted
    assert (
        body(search("--top-k=2", "--", "how", "does", "the", "client", "retry", cwd=example).stdout) == quoted
    )
    assert "2 places" in quoted[0]


def test_a_guess_has_a_short_option(example: Path) -> None:
    """`-e` as grep's, `-k` as in top-k."""
    shown = search("what", "waits", "-e", "backoff", "-e", "not_there_at_all", cwd=example).stdout
    assert "of your guesses not here: not_there_at_all" in shown


def test_the_next_page_is_named_as_it_is_typed(example: Path) -> None:
    """What a hint says can be pasted; the numbers go on."""
    files = {f"src/part_{i}.py": f"def handle_order_{i}(order):\n    return order\n" for i in range(6)}
    write(example, files)
    first = search("handle", "order", "-k", "3", "--format", "paths", cwd=example).stdout
    assert "[--offset 3 shows the next]" in first
    second = search("handle", "order", "-k", "3", "--offset", "3", "--format", "paths", cwd=example).stdout
    places = [
        line.split()[1] for line in (first + second).splitlines() if line[:1].isdigit() and ". " in line
    ]
    assert len(set(places)) == len(places) == 6
    assert [line[:2] for line in second.splitlines() if ". src/" in line] == ["4.", "5.", "6."]
    past = search("handle", "order", "--offset", "100", cwd=example, code=1).stdout
    assert "No place after the first 100: use a smaller --offset" in past


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--max-chars", "500", "--format", "full"), "--max-chars 1000 shows more"),
        (("--max-chars", "4000"), "shown in part: --format full shows all lines"),
    ],
)
def test_a_person_is_told_the_options_of_the_command(
    example: Path, options: tuple[str, ...], said: str
) -> None:
    """A shell knows no `rag_search` to call again."""
    for verb in ("pack", "send", "bill", "refund"):  # apart enough not to be one another's copies
        body = "".join(f"    {verb}_{i} = {verb}(order, {verb}_option_{i})\n" for i in range(12))
        write(example, {f"src/{verb}.py": f"def handle_order_{verb}(order):\n{body}"})
    shown = search("handle", "order", *options, cwd=example).stdout
    assert said in shown
    assert "rag_search" not in shown


KEYS = {
    *("source", "chunks", "stages", "milliseconds", "notes", "guesses", "names_near", "confidence"),
    *("seems_to_answer", "places", "results"),
}
RESULT_KEYS = {
    *("path", "start_line", "end_line", "kind", "symbol", "scope", "score", "logit", "first_stage"),
    *("is_current", "text"),
}
PLACE_KEYS = {"number", "path", "start_line", "end_line", "results"}
LINE_KEYS = {
    *("number", "path", "start_line", "end_line", "kind", "symbol", "scope", "score", "is_current", "text"),
}


def test_json_holds_the_places_of_the_text_and_the_chunks_in_them(example: Path) -> None:
    """A script that reads places must see what a person sees; one that reads chunks goes on as before."""
    one = "def handle_order(order):\n    return order\n\n\n"
    write(example, {"src/orders.py": one + one.replace("order(", "order_later(")})
    text = search("handle order", "--format", "paths", cwd=example).stdout
    answer = json.loads(search("handle order", "--json", cwd=example).stdout)
    assert answer.keys() == KEYS
    spans = [
        f"{place['number']}. {place['path']}:{place['start_line']}-{place['end_line']}"
        for place in answer["places"]
    ]
    assert spans == [" ".join(line.split()[:2]) for line in text.splitlines() if ". src/" in line]
    assert all(place.keys() == PLACE_KEYS for place in answer["places"])
    assert all(result.keys() == RESULT_KEYS for result in answer["results"])
    assert sorted(number for place in answer["places"] for number in place["results"]) == [
        *range(1, len(answer["results"]) + 1)
    ]
    for place in answer["places"]:
        for number in place["results"]:
            chunk = answer["results"][number - 1]
            assert chunk["path"] == place["path"]
            assert place["start_line"] <= chunk["start_line"] <= chunk["end_line"] <= place["end_line"]


def test_jsonl_is_a_place_a_line(example: Path) -> None:
    """`| head -1`, `| jq -r .path`: the tools of a shell read lines."""
    shown = search("how does the client retry", "--jsonl", "--offset", "1", cwd=example).stdout
    places = [json.loads(line) for line in shown.splitlines()]
    assert [place["number"] for place in places] == [2, 3]
    assert all(place.keys() == LINE_KEYS for place in places)
    assert places[0]["path"] == "tests/test_client.py"
    assert places[0]["text"].splitlines()[1] == "    assert Client().retry(1)"


def test_a_folder_with_nothing_to_search_says_so(tmp_path: Path) -> None:
    """Other words for the same thing find nothing in a folder of pictures either."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\0")
    shown = search("retry", cwd=folder, code=1).stdout
    assert "There is nothing to search here: no file is indexed." in shown
    write(folder, {"a.py": "x = 1\n"})
    assert "matches any word" in search("retry", cwd=folder, code=1).stdout


def test_nothing_found_is_said_by_the_exit_code(example: Path) -> None:
    """Scripts test it as they test grep's."""
    assert search("zzyzx_nowhere", "--jsonl", cwd=example, code=1).stdout == ""
    assert json.loads(search("zzyzx_nowhere", "--json", cwd=example, code=1).stdout)["places"] == []


@pytest.mark.parametrize(
    "options", [("--json", "--jsonl"), ("--jsonl", "--explain"), ("--jsonl", "--explain-line", "a.py:1")]
)
def test_outputs_that_exclude_each_other_are_refused(example: Path, options: tuple[str, ...]) -> None:
    """One of the two would be lost in silence."""
    assert "Usage: goldrank search" in search("client", *options, cwd=example, code=2).stderr


def test_every_key_is_in_the_manual() -> None:
    """docs/commands.md is the promise that scripts rely on."""
    manual = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
    for key in KEYS | RESULT_KEYS | PLACE_KEYS | LINE_KEYS:
        assert f"`{key}`" in manual
