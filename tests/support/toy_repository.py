"""A small repository to learn from: files that are alike enough to be mistaken for one another."""

from retrieval.training.golden import golden_file

LICENCE = (
    "# Copyright the authors.\n# Licensed under the licence that is in LICENSE.\n# All rights reserved.\n\n"
)
IMPORTS = "import os\nimport sys\nfrom typing import (\n    Any,\n    Callable,\n    Iterator,\n)\n\n"
VERBS = "retry cancel schedule resume pause drain".split()
NOUNS = "job lease worker queue".split()


def house() -> dict[str, str]:
    """Write files that are alike enough to be mistaken for one another."""
    return {
        f"src/{noun}_{verb}.py": (
            f"{LICENCE}{IMPORTS}"
            f"def {verb}_{noun}({noun}):\n    '''Let a {noun} {verb}.'''\n    {noun}.{verb}()\n"
            f"    return {noun}\n\n\n"
            f"def check_{noun}({noun}):\n    log({noun}, 'before {verb}')\n    return {noun}.state\n"
        )
        for noun in NOUNS
        for verb in VERBS
    }


def rows() -> list[dict[str, object]]:
    """Ask for each file once, and for some in other words or with shared answers."""
    asked = [
        golden_file.row_of(f"what lets a {noun} {verb}", [f"src/{noun}_{verb}.py"], id=f"{noun}-{verb}")
        for noun in NOUNS
        for verb in VERBS
    ]
    again = golden_file.row_of("retry of a job: what lets it", ["src/job_retry.py"], id="paraphrase")
    shared = golden_file.row_of("who may start it over", ["src/lease_resume.py:10-14"], id="shared")
    return [*asked, again, shared]
