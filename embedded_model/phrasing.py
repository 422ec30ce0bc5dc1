"""How a comment is phrased as people ask: as a sentence, as a question, as keywords."""

import random
import re

from retrieval.chunks.tokenizer import query_terms

_VERB = re.compile(r"(?P<verb>[A-Z][a-z]+?)(?P<s>s|es)? (?P<rest>[a-z].*)")
_VERBS = frozenset(
    """
    add apply build calculate call check clean close compute convert copy create decode define delete
    determine draw emit encode ensure execute extract fetch filter find format generate get handle
    initialize insert iterate join load look make map match merge move normalize open parse perform
    prepare print process provide read receive register remove render replace represent resolve restore
    retrieve return run save scan schedule search select send serialize set start stop store test
    transform translate traverse try update validate verify wait walk wrap write
    """.split()
)
_DULL = frozenset({"return", "get", "set", "provide", "represent", "define", "perform"})


def ask(sentence: str, rng: random.Random) -> str:
    """Phrase a comment's sentence as a user would ask for it."""
    style = rng.random()
    if style < 0.25:
        return sentence
    if style < 0.45:
        return keywords(sentence)
    return question(sentence, rng)


def question(sentence: str, rng: random.Random) -> str:
    """Turn "Parses the header of x" into "how to parse the header of x" and similar questions."""
    found = _VERB.fullmatch(sentence)
    verb = found and _base(found["verb"].lower(), found["s"] or "")
    if found and verb in _VERBS:
        rest = found["rest"]
        choices = [
            f"how to {verb} {rest}",
            f"where does it {verb} {rest}",
            f"{verb} {rest}",
            f"how {rest} is handled",
        ]
        if verb in _DULL:
            choices = [rest, f"where is {rest}", f"how is {rest} determined", f"what gives {rest}"]
        return rng.choice(choices)
    low = sentence[:1].lower() + sentence[1:]
    return rng.choice([low, f"where is {low}", f"code for {low}", f"how does {low} work"])


def keywords(sentence: str) -> str:
    """Keep the words that carry the meaning, in order."""
    kept = set(query_terms(sentence))
    words = [word.strip("(),.;:'\"!?") for word in sentence.split()]
    chosen = [word.lower() for word in words if word.lower() in kept]
    return " ".join(chosen[:8]) if len(chosen) >= 3 else sentence


def words_of(name: str) -> str:
    """Write an identifier as words: test_retry_onTimeout -> test retry on timeout."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\W]+", " ", name)
    return " ".join(parted.lower().split())


def _base(stem: str, ending: str) -> str:
    """Find the verb of a third person: `parses` is matched as pars + es, `writes` as writ + es."""
    for verb in (stem, stem + "e", stem + ending[:1], stem + ending):
        if verb in _VERBS:
            return verb
    return stem
