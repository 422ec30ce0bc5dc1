"""On which lines definitions begin in languages without a grammar: one row of regular expressions each.

A rule matches from the start of a line and captures the `name`, perhaps the `kind` as a word of the language
and an `owner` that completes the name. It reads one line, so it sees no definition whose name is on the next,
and takes a line of a string or a comment for code. Each part of an expression is delimited by what it cannot
contain, so that every line takes linear time; longer lines than a person writes are not read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NESTED_DEPTH = 1_000

_KINDS = {
    "abstract contract": "class", "actor": "class", "annotation": "interface", "contract": "class", "def": "function",
    "event": "type", "error": "type", "extension": "class", "filter": "function", "input": "type",
    "library": "module", "message": "struct", "mixin": "class", "modifier": "function", "object": "class",
    "oneof": "struct", "package": "module", "primitive type": "type", "procedure": "function",
    "program": "module", "protocol": "interface", "scalar": "type", "service": "interface", "sub": "function",
    "submodule": "module", "subroutine": "function", "task": "function", "union": "type", "typedef": "type",
    "implementation": "class", "definition": "function", "fixpoint": "function", "theorem": "function", "lemma": "function",
    "rpc": "method", "fn": "function", "extend": "type",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of line on which a section begins.

    Attributes:
        regex: What such a line looks like.
        kind: The kind of the section, unless the line says it.
        level: How deep the section is; None for its indentation, or 0 in a language without nesting.
    """

    regex: re.Pattern[str]
    kind: str
    level: int | None = None

    def read(self, line: str) -> tuple[str, str, int | None] | None:
        """Return the name, kind and level of a section that begins on a line; None when none does."""
        match = self.regex.match(line)
        if not match:
            return None
        said = match.groupdict()
        owner = said.get("owner")
        name = (said.get("name") or "").strip(" \t\"'`[]")
        word = " ".join((said.get("kind") or "").lower().split())
        depth = said.get("depth")
        return (
            f"{owner}.{name}" if owner else name,
            _KINDS.get(word, word) or self.kind,
            len(depth) if depth else self.level,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """How sections begin in one language.

    Attributes:
        rules: Tried in order; the first that matches decides.
        is_nested: Whether indentation nests sections.
        has_locals: Whether what is defined inside a function is a definition too.
        depth: How many levels of sections are read.
        continued: Ends a line that belongs to the section below it; or "".
    """

    rules: tuple[Rule, ...]
    is_nested: bool = False
    has_locals: bool = True
    depth: int = NESTED_DEPTH
    continued: str = ""


def _rules(*texts: str, flags: int = 0) -> tuple[Rule, ...]:
    """Compile rules written as `kind regex`, or `kind@level regex`."""
    rules = []
    for text in texts:
        head, _, pattern = text.partition(" ")
        kind, _, level = head.partition("@")
        rules.append(
            Rule(re.compile(rf"\s*{pattern}", flags), kind.strip("-"), int(level) if level else None)
        )
    return tuple(rules)


def _row(*texts: str, flags: int = 0, continued: str = "") -> Row:
    return Row(_rules(*texts, flags=flags), continued=continued)


def _nested(*texts: str, flags: int = 0, has_locals: bool = True, depth: int = NESTED_DEPTH) -> Row:
    return Row(_rules(*texts, flags=flags), True, has_locals, depth)


_ANY_CASE = re.IGNORECASE
_NOT_A_CALL = (
    r"(?!(?:if|for|while|switch|catch|return|else|new|throw|assert|await|do|case|in|yield|try|when)\b)"
)
# A method as Java, Dart and C write it: words of a type, a name, parameters that may go on below, a body.
_METHOD = rf"{_NOT_A_CALL}(?:[\w<>?,.\[\]]+[*&]*[ \t]+[*&]*)+(?P<name>\w+)\s*\((?:[^;]*\)[^;()]*(?:\{{|=>).*|[^;()]*,?\s*)$"

TABLE: Mapping[str, Row] = {
    "asciidoc": _row(r"section (?P<depth>={1,6})[ \t]+(?P<name>\S.*)"),
    "clojure": _nested(
        r"module \(ns\s+(?:\^\S+\s+)*(?P<name>[^\s()\[\]{}]+)",
        r"macro \(defmacro\s+(?P<name>[^\s()\[\]{}]+)",
        r"interface \(defprotocol\s+(?P<name>[^\s()\[\]{}]+)",
        r"class \((?:defrecord|deftype)\s+(?P<name>[^\s()\[\]{}]+)",
        r"function \((?:defn-?|defmulti|defmethod|deftest|defui|defcomponent)\s+(?:\^\S+\s+)*(?P<name>[^\s()\[\]{}]+)",
        r"variable \((?:[\w.-]+/)?def[\w-]*\s+(?:\^\S+\s+)*(?P<name>[^\s()\[\]{}\"]+)",
        has_locals=False,
    ),
    "cmake": _nested(
        r"- (?P<kind>function|macro)\s*\(\s*(?P<name>[\w.-]+)",
        r"target add_(?:executable|library|custom_target)\s*\(\s*(?P<name>[^\s()]+)",
        r"variable (?:set|option)\s*\(\s*(?P<name>[\w.-]+)",
        r"section (?:project|find_package)\s*\(\s*(?P<name>[\w.-]+)",
        flags=_ANY_CASE,
        has_locals=False,
    ),
    "css": Row(
        _rules(
            r"function @(?:mixin|function)\s+(?P<name>[\w-]+)",
            r"rule (?P<name>@[\w-]+[^{};]*)\{",
            r"variable (?P<name>[$@][\w-]+)\s*:",
            r"rule (?P<name>[^{}@;/\s$\d][^{};]*)\{",
        ),
        is_nested=True,
        depth=3,
        continued=",",
    ),
    "dart": _nested(
        r"- (?:(?:abstract|base|final|sealed|interface|mixin)\s+)*(?P<kind>class|enum|mixin)\s+(?P<name>\w+)",
        r"- (?P<kind>extension)(?:\s+type)?\s+(?P<name>\w+)",
        r"type typedef\s+(?P<name>\w+)",
        r"method (?:factory|const)\s+(?P<name>[\w.]+)\s*\(",
        rf"method {_METHOD}",
        r"variable (?:[\w<>?,]+\s+)*get\s+(?P<name>\w+)\s*(?:=>|\{|async)",
        has_locals=False,
    ),
    "dockerfile": _row(
        r"stage@0 FROM\s.*\sAS\s+(?P<name>[\w.-]+)",
        r"-@0 FROM\s",
        r"-@1 (?:ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|RUN|SHELL|USER|VOLUME|WORKDIR)\s",
        flags=_ANY_CASE,
    ),
    "erlang": _row(
        r"module -module\(\s*(?P<name>[\w']+)",
        r"struct -record\(\s*(?P<name>[\w']+)",
        r"macro -define\(\s*(?P<name>\w+)",
        r"type -(?:type|opaque)\s+(?P<name>\w+)",
        r"function (?<!\s)(?P<name>[a-z][\w@]*)\(.*",
    ),
    "fortran": _row(
        r"-@0 (?P<kind>program|submodule)\b\s*(?:\([^)]*\))?\s*(?P<name>\w+)",
        r"module@0 module\s+(?!procedure\b|function\b|subroutine\b)(?P<name>\w+)\s*(?:!.*)?$",
        r"-@1 (?!end|c\s)(?:[a-z][^!'\";]*\s)?(?P<kind>subroutine|function)\s+(?P<name>\w+)",
        r"struct@1 type\b(?:\s*+,[^:!]*)?\s*+(?:::\s*+)?(?P<name>\w+)\s*+(?:!.*)?$",
        r"interface@1 (?:abstract\s+)?interface\s+(?P<name>\w+)",
        flags=_ANY_CASE,
    ),
    "fsharp": _nested(
        r"module (?:module|namespace)\s+(?:(?:rec|private|internal|public)\s+)*(?P<name>[\w.]+)",
        r"type (?:type|and)\s+(?:(?:private|internal|public)\s+)*(?P<name>[A-Z]\w*)",
        r"method (?:static\s+)?(?:member|override|default)\s+(?:(?:inline|private|internal|val)\s+)*(?:\w+\.)?(?P<name>\w+|``[^`]+``)",
        r"method abstract\s+(?:member\s+)?(?P<name>\w+)",
        r"function (?:let|and)\s++(?:(?:inline|rec|private|internal)\s++)*(?!mutable\b)(?P<name>\w+|``[^`]+``)\s*+(?:<[^>]*>\s*+)?(?<=[\s>])[\w(_'\"\[{`][^=]*=",
        r"variable let\s+(?:(?:mutable|private|internal)\s+)*(?P<name>\w+)\s*(?::[^=]*)?=",
        has_locals=False,
    ),
    "graphql": _nested(
        r"- (?:extend\s+)?(?P<kind>type|interface|enum|input|union|scalar)\s+(?P<name>\w+)",
        r"function (?:query|mutation|subscription|fragment)\s+(?P<name>\w+)",
        r"macro directive\s+@(?P<name>\w+)",
        r"section schema\b(?P<name>)",
        depth=1,
    ),
    "groovy": _nested(
        r"- (?:(?:public|private|protected|abstract|final|static|sealed)\s+)*(?P<kind>class|interface|trait|enum)\s+(?P<name>\w+)",
        r"section stage\s*\(\s*['\"](?P<name>[^'\"]+)",
        r"section (?:task\s+|tasks\.(?:register|create|named)\s*\(\s*['\"])(?P<name>[\w-]+)",
        r"section (?P<name>plugins|dependencies|repositories|android|buildscript|allprojects|subprojects|publishing|pipeline)\s*\{",
        r"function (?:(?:public|private|protected|static|final)\s+)*(?:def|void)\s+(?P<name>\w+|\"[^\"]+\"|'[^']+')\s*\(",
        rf"method {_METHOD}",
        has_locals=False,
    ),
    "hcl": _nested(
        r"resource (?:resource|ephemeral)\s+\"(?P<owner>[^\"]+)\"\s+\"(?P<name>[^\"]+)\"",
        r"data data\s+\"(?P<owner>[^\"]+)\"\s+\"(?P<name>[^\"]+)\"",
        r"- (?P<kind>variable|output|module|provider|job|group|task|source|check)\s+\"(?P<name>[^\"]+)\"",
        r"section (?P<name>locals|terraform|moved|import|removed)\s*\{",
        depth=1,
    ),
    "ini": _row(r"section \[(?P<name>[^\]]+)\]"),
    "julia": _nested(
        r"module (?:bare)?module\s+(?P<name>\w+)",
        r"struct (?:[\w.]*@[\w.]+\s+)*(?:mutable\s+)?struct\s+(?P<name>\w+)",
        r"type (?:abstract|primitive)\s+type\s+(?P<name>\w+)",
        r"macro macro\s+(?P<name>\w+)",
        r"function (?:@[\w.]+\s+)*function\s+(?P<name>[\w.!]+)",
        r"function (?:@[\w.]+\s+)*(?P<name>(?!if\b|for\b|while\b|return\b)[\w.!]+)\([^=]*\)(?:::[\w{}., ]+)?(?:\s*where\s+[^=]+)?\s*=(?!=)",
        r"constant const\s+(?P<name>\w+)",
        has_locals=False,
    ),
    "latex": _row(
        r"section@1 \\(?:part|chapter)\*?(?:\[[^\]]*\])?\{(?P<name>[^{}]*)",
        r"section@2 \\section\*?(?:\[[^\]]*\])?\{(?P<name>[^{}]*)",
        r"section@3 \\(?:subsection|subsubsection|paragraph)\*?(?:\[[^\]]*\])?\{(?P<name>[^{}]*)",
        r"macro@4 \\(?:new|renew|provide)command\*?\{?(?P<name>\\\w+)",
    ),
    "make": _row(
        r"function define\s+(?P<name>[\w.-]+)",
        r"variable (?<!\t)(?:(?:export|override)\s+)*(?P<name>[\w.-]+)\s*(?:[?+!]|:{1,3})?=",
        r"target (?<!\s)(?P<name>[^\s#:=\t.][^#:=]*?|\.[a-zA-Z][^#:=.]*?\.[^#:=]*?)\s*::?(?!=)",
    ),
    "nix": _nested(
        r"function (?P<name>[\w.-]+)\s*=\s*(?:\w+\s*:|\{[^}=]*\}?\s*:?\s*$|\{[^}=]*\}\s*:)",
        r"variable (?P<name>[\w.-]+)\s*=",
        has_locals=False,
        depth=2,
    ),
    # MATLAB has the suffix `.m` too, and its definitions look like no Objective-C.
    "objectivec": _row(
        r"- @(?P<kind>protocol)\s+(?P<name>\w+)(?!\w*\s*[;,])",
        r"class@0 @(?:interface|implementation)\s+(?P<name>\w+(?:\s*\([^)]*\))?)",
        r"method@1 [-+]\s*\([^)]*\)\s*(?P<name>\w+)",
        r"enum@0 typedef\s+NS_(?:ENUM|OPTIONS|CLOSED_ENUM)\s*\([^,]*,\s*(?P<name>\w+)",
        r"macro@0 #\s*define\s+(?P<name>\w+)",
        r"class@0 classdef\s+(?:\([^)]*\)\s*)?(?P<name>\w+)",
        r"function@1 function\s+(?:[^=]*=\s*)?(?P<name>[\w.]+)",
        rf"function@1 (?<!\s){_METHOD}",
    ),
    "ocaml": _nested(
        r"module module\s+(?:type\s+|rec\s+)?(?P<name>[A-Z]\w*)",
        r"type (?:type|and)\s+(?:nonrec\s+)?(?:\([^)]*\)\s+|'\w+\s+)?(?P<name>[a-z_]\w*)\s*=",
        r"class (?:class|class\s+type)\s+(?:virtual\s+)?(?P<name>[a-z_]\w*)",
        r"method method\s+(?:(?:private|virtual)\s+)*(?P<name>[a-z_]\w*)",
        r"constant exception\s+(?P<name>[A-Z]\w*)",
        r"function (?:val|external)\s+(?P<name>[a-z_][\w']*|\([^)]+\))\s*:",
        r"function (?:let|and)(?:\s+rec)?\s+(?P<name>[a-z_][\w']*)\s+[\w(~?'_][^=]*=(?!.*\bin\s*$)",
        r"variable (?:let|and)\s+(?P<name>[a-z_][\w']*)\s*(?::[^=]*)?=(?!.*\bin\s*$)",
        has_locals=False,
    ),
    "perl": _nested(
        r"module package\s+(?P<name>[\w:]+)",
        r"class class\s+(?P<name>[A-Z][\w:]*)",
        r"function (?:sub|method)\s+(?P<name>[\w:']+)",
        r"constant use\s+constant\s+(?P<name>[A-Z]\w*)",
        r"section =head[1-4]\s+(?P<name>\S.*)",
        has_locals=False,
    ),
    "powershell": _nested(
        r"- (?P<kind>function|filter)\s+(?:\w+:)?(?P<name>[\w.-]+)",
        r"- (?P<kind>class|enum)\s+(?P<name>\w+)",
        r"method (?:(?:static|hidden)\s+)*\[[\w.\[\]]+\]\s*(?P<name>\w+)\s*\(.*\{?\s*$",
        flags=_ANY_CASE,
        has_locals=False,
    ),
    "protobuf": _nested(
        r"- (?P<kind>message|enum|service|oneof|rpc|extend)\s+(?P<name>[\w.]+)",
    ),
    "r": _nested(
        r"function (?P<name>[\w.]+|`[^`]+`)\s*(?:<-|=)\s*(?:function\b|\\\()",
        r"class (?P<name>[\w.]+)\s*<-\s*(?:R6::)?(?:R6Class|setRefClass|setClass)\b",
        r"class setClass\(\s*[\"'](?P<name>[^\"']+)",
        r"function set(?:Generic|Method|Validity)\(\s*[\"'](?P<name>[^\"']+)",
        r"variable (?<!\s)(?P<name>[\w.]+)\s*<-\s*\S",
        has_locals=False,
    ),
    "solidity": _nested(
        r"- (?P<kind>abstract\s+contract|contract|library|interface|struct|enum|event|error)\s+(?P<name>\w+)",
        r"function (?:function|modifier)\s+(?P<name>\w+)",
        r"method (?P<name>constructor|receive|fallback)\s*\(",
        has_locals=False,
    ),
    "sql": _row(
        r"- create\s+(?:or\s+(?:replace|alter)\s+)?(?:(?:global|local|temp|temporary|unlogged|external|materialized"
        r"|unique|clustered|nonclustered|recursive|virtual|foreign|constraint|definer\s*=\s*\S+|force)\s+)*"
        r"(?P<kind>table|view|index|function|procedure|proc|trigger|type|sequence|schema|database|extension|policy|role"
        r"|domain|package(?:\s+body)?|materialized\s+view|event|macro|aggregate)\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?"
        r"(?:[\w\"`\[\]]+\.)*(?P<name>\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|[\w$#]+)",
        r"section alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?:[\w\"`\[\]]+\.)*(?P<name>\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|[\w$#]+)",
        r"section --\s*(?:name:|:name)\s*(?P<name>[\w-]+)",
        r"- (?<!\s)(?:insert|update|delete|merge|drop|grant|copy)\s",
        flags=_ANY_CASE,
    ),
    "toml": _row(r"section \[\[?\s*(?P<name>[^\[\]]+?)\s*\]"),
    # Coq has the suffix `.v` too, and so has V.
    "verilog": _row(
        r"-@0 (?P<kind>module|interface|package|program|class)\s+(?:(?:automatic|static)\s+)?(?P<name>\w+)",
        r"-@1 (?:(?:virtual|static|protected|local|pub)\s+)*(?P<kind>function|task|fn)\s++(?:(?:automatic|static)\s++)?(?:[^;(=]*[\s\]])?(?P<name>\w+)\s*(?:\(|;)",
        r"type@1 typedef\s.*?(?P<name>\w+)\s*;\s*$",
        r"macro@1 `define\s+(?P<name>\w+)",
        r"-@1 (?:always(?:_ff|_comb|_latch)?\b|initial\b)",
        r"-@0 (?P<kind>Theorem|Lemma|Definition|Fixpoint)\s+(?P<name>[\w']+)",
    ),
    "vim": _nested(
        r"function func?(?:tion)?!?\s+(?P<name>[\w:#.<>]+)", r"section command!?\s+(?:-\S+\s+)*(?P<name>\w+)"
    ),
}  # fmt: skip
