"""Which commits' subjects are fair questions about code, and how a subject reads as a question."""

import re

LEAST_WORDS = 4  # fewer words name a place or a chore, and rarely a need
MOST_CHARS = 200  # longer first lines are whole messages

_BOT = re.compile(
    r"\[bot\]|[-_ ]bot\b|\bbot[-_ ]|^bot\b|dependabot|renovate|pre-commit|github-actions|greenkeeper|snyk|"
    r"crowdin|weblate|scala[- ]steward|allcontributors|imgbot|mergify|copybara",
    re.IGNORECASE,
)
# Conventional commits, and the types that people write in the same form.
_TYPE = re.compile(r"(?P<type>[A-Za-z]+)(?:\((?P<scope>[^)]*)\))?!?:\s+(?=\S)")
_IDLE_TYPES = frozenset(
    "docs doc test tests testing chore ci build style deps release lint typo wip type types typing".split()
)
_WORK_TYPES = frozenset("feat feature fix bugfix hotfix perf refactor improvement enhancement".split())
_NUMBER = r"(?:(?:[\w.-]+/[\w.-]+)?#|GH-|gh-)\d+"
_BEFORE_NUMBER = (
    r"(?:fix(?:e[sd])?|close[sd]?|resolve[sd]?|refs?|see|issue|bug|PR|for|from|in|per|of|to)\b:?\s*"
)
_NUMBERS = rf"(?:{_BEFORE_NUMBER})*{_NUMBER}"
_TRAILING = re.compile(
    rf"\s*(?:[(\[]\s*{_NUMBERS}(?:\s*(?:,|and|&|/|;|\s)\s*{_NUMBERS})*\s*[)\]]|[,;.:-]?\s+{_NUMBERS})\s*\.?$",
    re.IGNORECASE,
)
_LEADING = re.compile(
    rf"(?:[(\[]\s*{_NUMBERS}(?:\s*[, ]\s*{_NUMBERS})*\s*[)\]]|{_NUMBERS})\s*[:.,-]*\s*", re.IGNORECASE
)
_CREDIT = re.compile(
    r"[,.;(]?\s*\b(?:from|reported by|pointed out by|based on .* by|by|noticed by|requested by|suggested by|"
    r"ok|in|see|GitHub)\s[^,;]*\b(?:GitHub issues?|GitHub PRs?|issue)\s+#?\d+.*$"
    r"|[,.;]\s*(?:from|reported by|pointed out by|noticed by|requested by|suggested by|prompted by|ok)\s+"
    r"[A-Z@][\w.@-]*(?:\s+[A-Z][\w.-]*)*(?:\s+and\s+[A-Z@].*)?\.?$"
    r"|[,.;]\s*GitHub issues?\s+#?\d+.*$"
)
_FIXED_NUMBER = re.compile(r"(?<=^Fix) \d{3,}(?= )|(?<=^Fixes) \d{3,}(?= )")
_BUMP = re.compile(r"[.,;]\s*(?:bump(?:ed)?|released?) (?:the )?(?:version|v?\d).*$", re.IGNORECASE)
_EMOJI = re.compile(r"^(?:[^\w\s`'\"(\[<$@.#/&*-]\ufe0f?\s*|:\w+:\s*)+")
# What a subject says that asks nothing of the code, by kind.
_REFUSED_WORDS = {
    "history": r"""
        ^(?:merged?|revert(?:ed|s|ing)?|reapply|backport|cherry[-\ ]pick)\b | ^(?:wip|sync|squash)\b
        | \bfollow-?ups?\b | \b(?:previous|last|this|prior)\ (?:commit|change|patch)\b | \b[0-9a-f]{8,40}\b
        | \b(?:code\ )?(?:review|pr)\ (?:comments?|feedback|suggestions?) | \bper\ review\b | \btouch\ up\b
        | ^address\w*\  | ^apply\  | ^amends?\b | \bamend(?:s|ment)?\b | \bone\ more\b""",
    "release": r"""
        ^(?:bump|releas|upgrade|downgrade|pin)\w*\b | \bversion\ bump | \brelease\ (?:\d|prep)
        | ^prepar(?:e|ing)\ (?:for\ )?(?:the\ )?(?:next|release|version|v?\d) | \bnext\ (?:dev|release)
        | ^(?:begin|start|set)\ .*\b(?:release|version|development)\b | ^(?:version|v)?\s*\d+(?:\.\d+)+
        | \b(?:increment|update|point|set|change)\b.*\bversions?\b | \bsigning\ for\b
        | \b(?:dependenc(?:y|ies)|dependabot|renovate|lock\ ?files?|flake\.lock|submodules?)\b""",
    "prose": r"""
        \b(?:typos?|spelling|misspell\w*|grammar|wording|docstrings?|javadocs?|kdocs?|rdocs?|phpdocs?)\b
        | \b(?:docblocks?|readme|change\ ?log|changes|release\ notes?|man\ ?page|documentation|documenting)\b
        | \b(?:documented|document|docs?|copyright|licen[cs]e|authors|contributors|code\ of\ conduct)\b
        | \b(?:sponsors?|comments?|todos?|fixme|translations?)\b""",
    "tests and automation": r"""
        \b(?:tests?|specs?|testing|unittests?|benchmark\w*|flaky|coverage|fuzz(?:er|ing)?|snapshots?)\b
        | \b(?:fixtures?|regress|github\ actions?|workflows?|travis|appveyor|circle\ ?ci|ci|codecov)\b
        | \b(?:pre-commit|makefile|dockerfile|gemspec|nightly|msrv|security\ advisor\w*)\b""",
    "style": r"""
        \b(?:reformat\w*|auto-?format\w*|clippy|pvs|baselined?|shenanigans|dead|readability)\b
        | \b(?:rustfmt|prettier|eslint|gofmt|golangci\S*|mypy|pyright|ruff|black|isort|flake8|phpstan|psalm
            |tslint|swiftlint|shellcheck|scalafix|sonar\w*|coverity|lints?|linters?|linting|linter's)\b
            (?=\W*(?:$|issues?|errors?|warnings?|fix\w*|rules?|config\w*|violations?|hook|check\w*
            |complaints?|update|run|version|new|false|the|on|for|over|to|all))
        | \b(?:white\ ?spaces?|indentation)\ (?:fix\w*|clean\w*|only|tweak\w*)
        | ^(?:trim|fix)\ .*white\ ?spaces? | \bwhite\ ?spaces?$ | \b(?:code|coding)\ style
        | \bcosmetics?\b | \bstyle\ fix | ^style\b | ^formatted\b
        | \bclean\ ?-?ups?\b | ^clean(?:ed|ing)?\ up | \bnits?\b | \btidy\b | ^tweaks?\b
        | \btweaks\.?$ | \bunused\ (?:imports?|includes?|variables?)\b | \bcompiler\ warning
        | ^fix\ warnings\b | \btype\ annotations?\b | \btyping\b | \btypedefs?\b
        | \bwarnings?\b.*\b(?:gcc|clang|msvc|compil\w*|msc|static\ analy\w*)\b
        | \b(?:gcc|clang|msvc)\b.*\b(?:warnings?\b|false)""",
    "nothing definite": r"""
        ^(?:minor|small|tiny|misc\w*|various|some|more)\b | \bas\ well$ | \ballocations?$
        | \b(?:for|from|in|with|to|of|and|or|by|see|using|the|a)$""",
}
_REFUSED = re.compile("|".join(_REFUSED_WORDS.values()), re.IGNORECASE | re.VERBOSE)
_WORD = re.compile(r"[^\W\d_]{2,}")
_PLACE = re.compile(r"[/\\]|\.\w{1,4}$|\d|^[-+*=<>|&]+$")


def is_bot(author: str) -> bool:
    """Tell by name and address whether a program wrote a commit.

    >>> is_bot("dependabot[bot] <support@github.com>"), is_bot("Robert Abbott <robert@abbott.org>")
    (True, False)
    """
    return bool(_BOT.search(author))


def question(subject: str) -> str | None:
    """Return a subject as a question, without numbers of issues; None if it says no need of the code.

    >>> question("fix(parser): keep the order of keys (#123)")
    'parser: keep the order of keys'
    >>> question("[Fix #15589] Fix `--lsp` being ignored in server mode")
    'Fix `--lsp` being ignored in server mode'
    >>> question("chore(deps): update everything to the newest version") is None
    True
    """
    text = _without_numbers(_EMOJI.sub("", _FIXED_NUMBER.sub("", subject.strip())))
    match = _TYPE.match(text)
    while match:
        kind, scope = match["type"].lower(), (match["scope"] or "").lower()
        if kind in _IDLE_TYPES or not _IDLE_TYPES.isdisjoint(re.findall(r"\w+", scope)):
            return None
        if kind not in _WORK_TYPES:
            break
        kept = f"{match['scope']}: " if match["scope"] and _WORD.search(match["scope"]) else ""
        text = kept + text[match.end() :]
        match = None if kept else _TYPE.match(text)
    text = _without_numbers(_CREDIT.sub("", _BUMP.sub("", text))).strip(" .,;:-")
    return text if _is_fair(text) else None


def _without_numbers(text: str) -> str:
    """Strip numbers of issues from both ends; some subjects have several."""
    before = ""
    while before != text:
        before, text = text, _LEADING.sub("", _TRAILING.sub("", text), count=1) if text else ""
        if _LEADING.match(before) is None and before == _TRAILING.sub("", before):
            return before
    return text


def _is_fair(text: str) -> bool:
    if len(text) > MOST_CHARS or text.endswith(("...", "…")) or _REFUSED.search(text):
        return False
    tokens = text.split()
    places = sum(bool(_PLACE.search(token.strip("`'\"(),.:"))) for token in tokens)
    latin = sum(character.isascii() for character in text)
    return (
        sum(bool(_WORD.search(token)) for token in tokens) >= LEAST_WORDS
        and 2 * places < len(tokens)
        and latin >= 0.9 * len(text)  # a name may have an accent
    )
