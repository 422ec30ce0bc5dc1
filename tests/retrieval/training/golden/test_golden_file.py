"""A golden file is read strictly, checked against the repository, and grows without losing anything."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from fakes import git, repository, write

from retrieval.errors import ArgumentError
from retrieval.sync.repository import Repository
from retrieval.training.golden import edits, golden_file, lint, suggest
from retrieval.training.golden.golden_file import Expected

FIRST = """[
  {"_comment": "Questions of the first system", "_comment2": "all files that answer"},
  {"q": "Where is mail sent?", "repo": "house", "expect_paths": ["src/mail.py", "queue.py"]},
  {"q": "How are jobs run?", "repo": "house", "expect_paths": ["src/jobs"]}
]
"""
FILES = {
    "src/mail.py": "def send(address):\n    transport.push(address)\n",
    "src/queue.py": "def push(item):\n    items.append(item)\n",
    "src/jobs/run.py": "def run(job):\n    job.start()\n",
    "src/jobs/rate_limit.py": "def limit(job):\n    job.wait()\n",
}


def opened(tmp_path: Path, files: dict[str, str] | None = None) -> Repository:
    """Index a small repository."""
    return repository(write(tmp_path / "house", files or FILES), tmp_path / "cache")


def loaded(tmp_path: Path, *rows: object) -> golden_file.Golden:
    """Write rows and read them."""
    file = tmp_path / "golden.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    return golden_file.load(file)


def kinds(tmp_path: Path, there: Repository, *rows: object) -> dict[str, str]:
    """Name what lint finds, but for the file being short."""
    found = lint.lint(loaded(tmp_path, *rows), there.view())
    return {finding.kind: finding.text for finding in found if finding.kind != "few"}


def test_the_first_systems_file_is_read_with_its_loose_paths(tmp_path: Path) -> None:
    """Its users have such files; a comment is no question, an end of a path and a folder are answers."""
    (tmp_path / "golden.json").write_text(FIRST, encoding="utf-8")
    asked = golden_file.load(tmp_path / "golden.json")
    paths = opened(tmp_path).view().paths
    assert [question.text for question in asked.questions] == ["Where is mail sent?", "How are jobs run?"]
    assert [
        [target.path for target in golden_file.targets(question, paths)] for question in asked.questions
    ] == [
        ["src/mail.py", "src/queue.py"],
        ["src/jobs/rate_limit.py", "src/jobs/run.py"],
    ]


def test_ours_says_lines_grades_tags_and_dates(tmp_path: Path) -> None:
    """A better answer is worth more, and only some lines of a file answer."""
    row = {
        "id": "m", "q": "mail?", "expect_paths": ["src/mail.py:1-2", "src/queue.py"],
        "grades": {"src/mail.py:1-2": 3}, "tags": ["how"], "date": "2026-01-02",
    }  # fmt: skip
    (question,) = loaded(tmp_path, row).questions
    assert question.expected == (Expected("src/mail.py", 1, 2, 3.0), Expected("src/queue.py"))
    assert (question.question_id, question.tags, question.date) == ("m", ("how",), "2026-01-02")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a question", "is no object"),
        ({"q": " ", "expect_paths": ["a"]}, '"q" is " "; it takes a question'),
        ({"q": "x", "expect_paths": []}, '"expect_paths" is []; it takes a list of paths'),
        ({"q": "x", "expect_paths": "a"}, "it takes a list of paths"),
        ({"q": "x", "expected": ["a"], "expect_paths": ["a"]}, "unknown key expected; known are"),
        ({"q": "x", "expect_paths": ["a"], "grades": {"b": 1}}, "by expected path"),
        ({"q": "x", "expect_paths": ["a"], "grades": {"a": 0}}, "numbers above 0"),
        ({"q": "x", "expect_paths": 7, "grades": {"a": 1}}, '"expect_paths" is 7; it takes a list of paths'),
        ({"q": "x", "expect_paths": [["a"]], "grades": {"a": 1}}, "it takes a list of paths"),
        ({"q": "x", "expect_paths": ["a"], "grades": {"a": 10**400}}, "numbers above 0 and up to 1,000"),
        ({"q": "x", "expect_paths": ["a"], "date": "today"}, "it takes YYYY-MM-DD"),
        ({"q": "x", "expect_paths": ["a"], "date": "2026-02-30"}, "it takes YYYY-MM-DD"),
        ({"q": "half \ud800", "expect_paths": ["a"]}, "it takes a question"),
        ({"q": "x", "expect_paths": ["a"], "id": ["x"]}, '"id" is ["x"]; it takes a name'),
        ({"q": "x", "expect_paths": ["a"], "id": "feedback-1"}, 'does not begin with "feedback-"'),
        ({"q": "x", "expect_paths": ["a"], "repo": 1}, '"repo" is 1; it takes a name'),
        ({"q": None, "expect_paths": ["a"]}, '"q" is null; it takes a question'),
        ({"expect_paths": ["a"]}, '"q" is missing; it takes a question'),
        ({"question": "x", "paths": [True]}, '"paths" is [true]; it takes a list of paths'),
        ({"question": 7, "paths": ["a"]}, '"question" is 7; it takes a question'),
        ({"question": "x"}, '"paths" is missing; it takes a list of paths'),
        ({"question": "x", "expect_paths": None}, '"expect_paths" is null'),
        ({"q": "x", "expect_paths": ["a:9-3"]}, "the span ends before it starts"),
    ],
)
def test_a_wrong_row_is_named_with_what_is_accepted(tmp_path: Path, row: object, told: str) -> None:
    """Row 2 of 100 is quickly found when it is named."""
    with pytest.raises(ArgumentError) as caught:
        loaded(tmp_path, {"q": "first", "expect_paths": ["a"]}, row)
    assert "row 2" in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize("grade", ["NaN", "Infinity", "-1", "true", '"2"'])
def test_a_grade_is_a_finite_number(tmp_path: Path, grade: str) -> None:
    """JSON as Python reads it knows NaN, and a mean over it is NaN."""
    text = f'[{{"q": "x", "expect_paths": ["a"], "grades": {{"a": {grade}}}}}]'
    (tmp_path / "golden.json").write_text(text, encoding="utf-8")
    with pytest.raises(ArgumentError, match="numbers above 0"):
        golden_file.load(tmp_path / "golden.json")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", "line 1: no JSON"),
        (b'{"q": 1}', "holds no list"),
        (b'["\xff"]', "is not UTF-8"),
        ("[]".encode("utf-16"), "is not UTF-8"),
        (b"[" + b"9" * 5_000 + b"]", "no JSON that can be read"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_golden_file_says_so(tmp_path: Path, data: bytes, told: str) -> None:
    """The wrong file is the commonest mistake of all."""
    (tmp_path / "golden.json").write_bytes(data)
    with pytest.raises(ArgumentError, match=told):
        golden_file.load(tmp_path / "golden.json")


def test_grades_are_not_blamed_for_answers_that_are_no_list(tmp_path: Path) -> None:
    """One mistake is one error."""
    data = json.dumps([{"q": "x", "expect_paths": "a", "grades": {"a": 2}}]).encode()
    (fault,) = golden_file.check(tmp_path, data)[1]
    assert fault.text == '"expect_paths" is "a"'


def test_a_question_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """It would count twice."""
    rows = [{"q": "Mail?", "expect_paths": ["a"]}, {"q": " mail? ", "expect_paths": ["b"]}]
    with pytest.raises(ArgumentError, match="row 2: it has the same id or text as row 1"):
        loaded(tmp_path, *rows)


@pytest.mark.parametrize("before", [FIRST, "[]", "[\n]\n", FIRST.replace("\n", "\r\n")])
def test_adding_keeps_what_was_there(tmp_path: Path, before: str) -> None:
    """A person wrote it, and laid it out."""
    file = tmp_path / "golden.json"
    file.write_bytes(before.encode())
    edits.add(file, [golden_file.row_of("wo ist die Tür?", ["src/door.py"], tags=["de"])])
    text = file.read_bytes().decode()
    assert json.loads(text) == [
        *json.loads(before), {"q": "wo ist die Tür?", "expect_paths": ["src/door.py"], "tags": ["de"]},
    ]  # fmt: skip
    assert text.startswith(before.rstrip().removesuffix("]").rstrip())


def test_adding_keeps_links_and_modes_and_takes_any_file_name(tmp_path: Path) -> None:
    """A team may share its golden file by a link; a name from an old disk is still a file."""
    shared = write(tmp_path, {"shared/golden.json": FIRST}) / "shared/golden.json"
    shared.chmod(0o640)
    (tmp_path / "golden.json").symlink_to(shared)
    edits.add(tmp_path / "golden.json", [golden_file.row_of("who closes the caf\u00e9?", ["caf\udce9.py"])])
    assert (tmp_path / "golden.json").is_symlink()
    assert shared.stat().st_mode & 0o777 == 0o640
    assert golden_file.load(shared).questions[-1].expected == (Expected("caf\udce9.py"),)


def test_a_file_that_answers_twice_counts_once_with_its_best_grade(tmp_path: Path) -> None:
    """Counted twice, the best possible ranking would fall short of 1."""
    row = {"q": "mail?", "expect_paths": ["src", "src/a.py"], "grades": {"src/a.py": 2}}
    (question,) = loaded(tmp_path, row).questions
    assert golden_file.targets(question, ["src/a.py", "src/b.py"]) == (
        Expected("src/a.py", grade=2),
        Expected("src/b.py"),
    )


def test_lint_follows_renames_to_where_a_file_is_now(tmp_path: Path) -> None:
    """Files move; a question need not be lost for that."""
    root = write(tmp_path / "house", {**FILES, "src/post.py": "def post():\n    return letters\n" * 9})
    git(root, "init", "-q")
    for old, new in ((None, None), ("src/post.py", "src/letters.py"), ("src/letters.py", "lib/letters.py")):
        if old and new:
            (root / new).parent.mkdir(exist_ok=True)
            git(root, "mv", old, new)
        git(root, "add", ".")
        git(root, "commit", "-qm", "step")
    there = repository(root, tmp_path / "cache")
    found = kinds(tmp_path, there, {"q": "who posts?", "expect_paths": ["src/post.py"]})
    assert found == {"renamed": "src/post.py is now lib/letters.py; write that"}
    loose = kinds(tmp_path, there, {"q": "who posts?", "expect_paths": ["./post.py"]})
    assert loose == {"renamed": "./post.py is now lib/letters.py; write that"}


def test_lint_follows_a_folder_to_where_it_is_now(tmp_path: Path) -> None:
    """Whoever wrote the folder's name meant all that is in it."""
    root = write(tmp_path / "house", FILES)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "start")
    git(root, "mv", "src/jobs", "work")
    git(root, "commit", "-qm", "move")
    found = kinds(
        tmp_path, repository(root, tmp_path / "cache"), {"q": "jobs?", "expect_paths": ["src/jobs/"]}
    )
    assert found == {"renamed": "src/jobs/ is now work; write that"}


@pytest.mark.parametrize(
    ("rows", "kind", "told"),
    [
        ([{"q": "gone?", "expect_paths": ["lib/run.py"]}], "missing", "did you mean src/jobs/run.py?"),
        ([{"q": "secret?", "expect_paths": [".env"]}], "unindexed", ".env is not searched"),
        ([{"q": "lines?", "expect_paths": ["src/mail.py:1-9"]}], "lines", "src/mail.py has lines 1-2"),
        ([{"q": "all?", "expect_paths": ["many"]}], "broad", "11 files answer"),
        ([{"q": "where is the rate limit", "expect_paths": ["src/jobs/rate_limit.py"]}], "leak", "it spells"),
        ([{"q": "who sends mail", "expect_paths": ["src/mail.py"]},
          {"q": "mail: who sends it", "expect_paths": ["src/mail.py"]}], "duplicate", "asks what row 1 asks"),
        ([{"q": "who sends mail", "expect_paths": ["src/mail.py"]},
          {"q": "who sends the mail", "expect_paths": ["src/queue.py"]}], "contradiction", "expects no file"),
    ],
)  # fmt: skip
def test_lint_finds_each_kind_of_fault(tmp_path: Path, rows: list[object], kind: str, told: str) -> None:
    """A wrong question teaches, and proves, the wrong thing."""
    more = {f"many/f{number}.py": f"x = {number}\n" for number in range(11)}
    there = opened(tmp_path, {**FILES, **more, ".env": "TOKEN=1\n"})
    found = kinds(tmp_path, there, *rows)
    assert told in found[kind]
    assert len(found) == 1


def test_lint_names_the_files_that_quote_questions(tmp_path: Path) -> None:
    """The first golden file lay in eleven copies in its repository: hit@1 was .16 with them, .61 without."""
    row = {"q": "Where are jobs started?", "expect_paths": ["src/jobs/run.py"]}
    logged = json.dumps({"query": "where are  jobs started", "results": 3})
    there = opened(tmp_path, FILES | {"data/logs/queries.jsonl": f"{logged}\n"})
    found = kinds(tmp_path, there, row)
    assert found == {
        "quoted": "data/logs/queries.jsonl quotes 1 of the questions, so a search finds them there; "
        "leave it out with a line in .goldrankignore: /data/logs/queries.jsonl"
    }


def test_lint_lets_an_answer_quote_its_question(tmp_path: Path) -> None:
    """Who asks for the list of questions finds it in that list."""
    row = {"q": "Where are jobs started?", "expect_paths": ["data/asked.md"]}
    there = opened(tmp_path, FILES | {"data/asked.md": "# Where are jobs started?\n\nSee run.\n"})
    assert kinds(tmp_path, there, row) == {}


def test_lint_says_how_few_questions_there_are(tmp_path: Path) -> None:
    """A promotion wants twenty."""
    (finding,) = lint.lint(
        loaded(tmp_path, {"q": "who", "expect_paths": ["src/mail.py"]}), opened(tmp_path).view()
    )
    assert (finding.kind, finding.row) == ("few", 0)


def test_a_repository_suggests_questions_with_evidence_and_dates(tmp_path: Path) -> None:
    """Commits, tests, docstrings and changelogs already say what answers what."""
    files = {
        **FILES,
        "src/lease.py": 'def renew(lease):\n    """Renew a lease before it ends."""\n    lease.extend()\n',
        "tests/test_queue.py": "def test_an_item_is_pushed_only_once():\n    assert True\n",
        "CHANGELOG.md": "# Changes\n\n- Items are counted when `push` is called twice.\n",
    }
    root = write(tmp_path / "house", files)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Start")
    write(root, {"src/mail.py": FILES["src/mail.py"] + "\n\ndef bounce(address):\n    return address\n"})
    git(root, "commit", "-qam", "fix(mail): letters to nobody are sent back (#12)")
    found = {draft.source: draft for draft in suggest.suggest(repository(root, tmp_path / "cache").view())}
    assert {source: (draft.text, draft.answers) for source, draft in found.items()} == {
        "commit": ("letters to nobody are sent back", ("src/mail.py",)),
        "docstring": ("Renew a lease before it ends", ("src/lease.py:1-3",)),
        "test": ("an item is pushed only once", ("src/queue.py",)),
        "changelog": ("Items are counted when `push` is called twice.", ("src/queue.py",)),
    }
    assert re.fullmatch(r"[0-9a-f]{7,}", found["commit"].evidence)
    assert found["commit"].date
    assert found["test"].evidence == "tests/test_queue.py:1"


def test_a_commit_that_changed_a_file_with_a_foreign_name_is_a_draft(tmp_path: Path) -> None:
    """Git quotes such names unless it is asked not to."""
    root = write(tmp_path / "house", {"src/t\u00fcr.py": "def open(door):\n    door.swing()\n"})
    write(root, {"src/caf\udce9.py": "def close(door):\n    door.shut()\n"})
    git(root, "init", "-q")
    for name, subject in (
        ("t\u00fcr", "Doors swing open slowly"),
        ("caf\udce9", "Caf\u00e9 doors shut by themselves"),
    ):
        git(root, "add", f"src/{name}.py")
        git(root, "commit", "-qm", subject)
    drafts = suggest.suggest(repository(root, tmp_path / "cache").view())
    assert {draft.text: draft.answers for draft in drafts} == {
        "Doors swing open slowly": ("src/t\u00fcr.py",),
        "Caf\u00e9 doors shut by themselves": ("src/caf\udce9.py",),
    }


def test_what_is_asked_already_is_not_suggested_and_no_more_than_asked_for(tmp_path: Path) -> None:
    """Whoever accepts drafts every month wants new ones."""
    says = "def f():\n    '''x'''\n"
    files = {
        f"src/m{n}.py": f'def f{n}():\n    """Say the number {n} to everybody here."""\n' for n in range(9)
    }
    there = opened(tmp_path, {**files, "src/n.py": says})
    drafts = suggest.suggest(there.view(), most=4)
    assert len(drafts) == 4
    known = loaded(tmp_path, *(golden_file.row_of(draft.text, draft.answers) for draft in drafts))
    others = suggest.suggest(there.view(), known=known, most=40)
    assert len(others) == 5
    assert {draft.text for draft in drafts}.isdisjoint(draft.text for draft in others)


def test_only_prose_is_a_changelog(tmp_path: Path) -> None:
    """A component that is called Changesets has lists in its code, and they announce nothing."""
    item = "- Items are counted when `push` is called twice.\n"
    code, prose = ("Changesets.tsx", "history.py", "news.json"), ("CHANGES-2.0.rst", "NEWS", "change_log.txt")
    for name in (*code, *prose):
        root = write(tmp_path / name.replace("/", "-"), {**FILES, name: item})
        drafts = suggest.suggest(repository(root, tmp_path / "cache").view())
        sources = [draft.source for draft in drafts]
        assert sources == (["changelog"] if name in prose else []), name


def test_a_folder_without_git_suggests_what_its_files_say(tmp_path: Path) -> None:
    """Not everybody has a history."""
    assert suggest.suggest(opened(tmp_path).view()) == []


def test_plain_keys_and_a_named_schema_are_read_and_edited(tmp_path: Path) -> None:
    """Who writes a first row guesses its keys; an editor that knows the schema checks them."""
    row = '{"question": "Mail?", "paths": ["a.py"]}'
    before = f'{{"$schema": "golden.schema.json",\n "questions": [\n  {row}\n ]\n}}\n'
    file = tmp_path / "golden.json"
    file.write_text(before, encoding="utf-8")
    assert [item.text for item in golden_file.load(file).questions] == ["Mail?"]
    asked = edits.add(file, [golden_file.row_of("Jobs?", ["b.py"])])
    assert [item.text for item in asked.questions] == ["Mail?", "Jobs?"]
    edits.remove(file, asked.questions[1:])
    assert json.loads(file.read_text(encoding="utf-8")) == json.loads(before)
    with pytest.raises(ArgumentError, match='"question" and "q" mean the same'):
        loaded(tmp_path, {"question": "a", "q": "a", "paths": ["b"]})


def test_the_schema_says_what_the_reader_says(tmp_path: Path) -> None:
    """Two descriptions of one format drift apart unless they are held against each other."""
    schema = json.loads(golden_file.SCHEMA.read_text(encoding="utf-8"))
    rows: list[object] = [
        *json.loads(FIRST),
        {"question": "a", "paths": ["b"], "grades": {"b": 2}, "tags": ["x"], "date": "2026-01-02", "id": 7},
        {"q": ""},
        {"q": "a", "expect_paths": []},
        {"q": "a", "expect_paths": ["b"], "grade": 2},
        {"q": "a", "expect_paths": ["b"], "date": "May"},
        {"q": "a", "expect_paths": ["b"], "grades": {"b": 0}},
        "text",
    ]
    for row in rows:
        is_valid = jsonschema.Draft202012Validator(schema).is_valid([row])
        try:
            loaded(tmp_path, row)
        except ArgumentError:
            assert not is_valid, row
        else:
            assert is_valid, row
    assert jsonschema.Draft202012Validator(schema).is_valid({"$schema": "x", "questions": rows[:4]})
