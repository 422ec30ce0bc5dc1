"""What the first stage measures for a call: the question as asked, and read in English if it is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from retrieval.history.past import Touch
from retrieval.rank.features import Features, extract_features
from retrieval.rank.learned_order import SHIPPED, Order
from retrieval.rank.need import Need
from retrieval.rank.ranker import rank
from retrieval.rank.spelling import respelled
from retrieval.records import Candidate
from retrieval.search import interface_words
from retrieval.search.exact_names import READ_MOST, literal_first
from retrieval.search.interface_words import Reading
from retrieval.sync.view import View

POOL = 10_000  # more candidates than any pool has


@dataclass(frozen=True, slots=True)
class Measured:
    """The features of a need as a search measures them.

    Attributes:
        need: What the caller wants, with the question's reading in English if it has one.
        features: Its features.
        touches: The indexed files that the commits before HEAD suggest, and why.
        reading: The reading in English, if any.
        spelled: Words of the question that are read in the repository's spelling, with that spelling.
    """

    need: Need
    features: Features
    touches: Mapping[str, Touch]
    reading: Reading | None = None
    spelled: Mapping[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """How the question was read, one sentence each."""
        spelled = ", ".join(f'"{written}" as "{usual}"' for written, usual in self.spelled.items())
        in_english = (self.reading.note,) if self.reading else ()
        return (*in_english, f"This repository's spelling is used: {spelled}.") if spelled else in_english


def measure(view: View, need: Need, *, paths: Sequence[str] | None = None) -> Measured:
    """Measure the features of a need.

    Args:
        view: The view to search.
        need: What the caller wants.
        paths: If given, only chunks of these files.
    """
    need, spelled = respelled(need, partial(view.snapshot.df, "body"))
    asked = replace(_measure(view, need, paths), spelled=spelled)
    reading = interface_words.in_english(view, need, asked.features, is_filtered=paths is not None)
    if not reading:
        return asked
    read = _measure(view, interface_words.with_reading(need, reading), paths)
    return replace(read, reading=reading, spelled=spelled)


def in_order(view: View, measured: Measured, *, order: Order = SHIPPED, limit: int = POOL) -> list[Candidate]:
    """Return the best candidates in first-stage order; a name alone is looked up as it is written."""
    need = measured.need
    deep = max(limit, READ_MOST) if need.is_symbol else limit
    return literal_first(view, need, rank(measured.features, order.weights[need.kind], limit=deep))[:limit]


def features_of(view: View, need: Need, *, paths: Sequence[str] | None = None) -> Features:
    """Return the features of a need; `paths` as in `measure`."""
    return measure(view, need, paths=paths).features


def candidates_of(
    view: View,
    need: Need,
    *,
    order: Order = SHIPPED,
    limit: int = POOL,
    paths: Sequence[str] | None = None,
) -> list[Candidate]:
    """Return the first stage's best candidates for a need; `paths` as in `measure`."""
    return in_order(view, measure(view, need, paths=paths), order=order, limit=limit)


def evidence_of(view: View, need: Need) -> dict[str, Touch]:
    """Return the indexed files that the commits before HEAD suggest for a need, and why."""
    known = view.contents.records
    return {path: touch for path, touch in view.past.files(need.stems).items() if path in known}


def _measure(view: View, need: Need, paths: Sequence[str] | None) -> Measured:
    touches = evidence_of(view, need)
    past = {path: touch.score for path, touch in touches.items()}
    features = extract_features(need, view.snapshot, past=past, changes=view.changes, paths=paths)
    return Measured(need, features, touches)
