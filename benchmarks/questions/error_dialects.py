"""How each language throws, and how its runtime tells of it: one row a language, no code."""

from dataclasses import dataclass

_LITERAL = r'(?:[rbfuRBFUs@$]{0,2}(?:"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"))'
_LITERAL_OR_SINGLE = _LITERAL[:-1] + r"|[rbfuRBFU]{0,2}'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)"
_VALUE = r"[\w$\\]+(?:(?:\.|->|::|\?\.)[\w$]+)*(?:\([^()\n]*\))?"  # between literals: a.b, f(x), $this->x
_FORMATTED = (
    r"%[-+#0-9.*]*(?:hh?|ll?|z)?[a-oq-zA-Z]"  # of printf; nobody remembers the address that %p printed
)
# A call without brackets: an argument follows.
_BARE = r"(?:\s*\([^)\s]|[ \t]+(?!(?:if|unless|and|or|do|then|in)\b)(?:[\w'\"@\[$]|:(?!:)))"
_BRACES = r"\{[^{}\n]*\}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a language throws and how its runtime tells of it.

    Attributes:
        throws: Pattern of what comes before the message, up to where arguments begin; may capture `type`,
            or, as `log`, what writes a line and throws nothing.
        trace: The text of a trace of two frames; its fields are `type`, `message`, and of the frames `inner`
            and `outer` those of `Frame`.
        hole: Pattern of a placeholder inside a literal.
        join: Pattern of what puts two literals together.
        literal: Pattern of a literal.
        value: Pattern of what is no literal but may be joined to one; never matches where "(?!)".
        home: Where deployed code lies; `{repo}` is the repository's name.
        module: Pattern whose group is the module that a file says it is.
        glue: What stands between the parts of a qualified name.
        constructor: What a trace calls a constructor; "" where it has the name it is defined by.
        call: Pattern of what follows a function's name where it is called.
        untyped: The type shown for a throw that names none.
    """

    throws: str
    trace: str
    hole: str = _FORMATTED
    join: str = r"\+"
    literal: str = _LITERAL
    value: str = _VALUE
    home: str = "/usr/lib/app/{repo}/"
    module: str = r"(?!)()"
    glue: str = "."
    constructor: str = ""
    call: str = r"\s*\("
    untyped: str = "Error"


_JVM = (
    'Exception in thread "main" {type}: {message}\n'
    "\tat {inner.qualified}({inner.name}:{inner.line})\n\tat {outer.qualified}({outer.name}:{outer.line})"
)
_V8 = (
    "{type}: {message}\n    at {inner.function} ({inner.path}:{inner.line}:{inner.column})\n"
    "    at {outer.function} ({outer.path}:{outer.line}:{outer.column})"
)
_GDB = (
    "{message}\n\nThread 1 received signal SIGABRT, Aborted.\n"
    "#0  {inner.function} (...) at {inner.path}:{inner.line}\n"
    "#1  0x0000555555561a7f in {outer.function} (...) at {outer.path}:{outer.line}"
)

DIALECTS: dict[str, Dialect] = {
    "bash": Dialect(
        throws=r"\b(?:printf|echo|abort)\b(?=[^\n]*(?:>&2|abort))",
        trace="{inner.path}: line {inner.line}: {message}\n"
        "(from function `{inner.function}' in file {inner.path}, line {inner.line},\n"
        " from function `{outer.function}' in file {outer.path}, line {outer.line})",
        hole=r"%[sd]|\$\{[^{}\n]*\}|\$\w+",
        literal=_LITERAL_OR_SINGLE,
        value="(?!)",
        call=_BARE,
    ),
    "c": Dialect(throws=r"\bfailf\s*\(", trace=_GDB, join="", value=r"(?:FMT|CURL_FORMAT|PRI)\w+"),
    "cpp": Dialect(
        throws=r"\b(?:ABSL_RAW_LOG\((?:FATAL|ERROR)|ABSL_RAW_CHECK\(|\w*LOG\(FATAL\)|ThrowStd\w+\("
        r"|[A-Z]\w+Error\((?:absl::StrCat\()?|throw\s+std::(?P<type>\w+)\()",
        trace=_GDB,
        join=r"(?:<<|,)?",
        value=r"(?!)",
        glue="::",
    ),
    "csharp": Dialect(
        throws=r"\bthrow\s+(?:new\s+)?(?P<type>\w+)(?:\.\w+)?\(",
        trace="Unhandled exception. {type}: {message}\n"
        "   at {inner.qualified}() in {inner.path}:line {inner.line}\n"
        "   at {outer.qualified}() in {outer.path}:line {outer.line}",
        hole=_BRACES,
        module=r"(?m)^namespace\s+([\w.]+)",
        constructor=".ctor",
    ),
    "elixir": Dialect(
        throws=r"\braise\s*\(?(?:\s*(?P<type>[A-Z][\w.]*)\s*,\s*)?(?:message:\s*)?(?=\")",
        trace="** ({type}) {message}\n    (app 0.1.0) {inner.path}:{inner.line}: {inner.qualified}\n"
        "    (app 0.1.0) {outer.path}:{outer.line}: {outer.qualified}",
        hole=r"#\{[^{}\n]*\}",
        join="<>",
        home="",
        module=r"(?m)^defmodule\s+([\w.]+)",
        untyped="RuntimeError",
    ),
    "go": Dialect(
        throws=r"\b(?:panic|errors\.New|fmt\.Errorf)\(",
        trace="panic: {message}\n\ngoroutine 1 [running]:\n"
        "{inner.qualified}(...)\n\t{inner.path}:{inner.line} +0x1d8\n"
        "{outer.qualified}(...)\n\t{outer.path}:{outer.line} +0x5c",
        literal=_LITERAL_OR_SINGLE,
        home="/go/pkg/mod/github.com/{repo}@v1.4.0/",
        module=r"(?m)^package\s+(\w+)",
    ),
    "haskell": Dialect(
        throws=r"\b(?:error|fail|abort|userError|hPutStrLn\s+stderr|(?P<log>trace))\b",
        trace="app: {message}\nCallStack (from HasCallStack):\n"
        "  error, called at {inner.path}:{inner.line}:{inner.column} in main:{inner.module}\n"
        "  {inner.function}, called at {outer.path}:{outer.line}:{outer.column} in main:{outer.module}",
        join=r"(?:\+\+|<>)",
        value=r"(?:show\s+)?\w+",
        home="",
        module=r"(?m)^module\s+([\w.]+)",
        call=_BARE,
    ),
    "java": Dialect(
        throws=r"\bthrow\s+new\s+(?P<type>\w+)\(",
        trace=_JVM,
        module=r"(?m)^package\s+([\w.]+)",
        constructor="<init>",
    ),
    "javascript": Dialect(
        throws=r"\bnew\s+(?P<type>\w*Error)\(",
        trace=_V8,
        hole=r"\$\{[^{}\n]*\}|%[sdo]",
        literal=_LITERAL_OR_SINGLE,
        home="/srv/app/node_modules/{repo}/",
    ),
    "kotlin": Dialect(
        throws=r"(?:\bthrow\s+(?P<type>\w+)\(|\b(?:error|fail)\(|\b(?:require|check)\([^{}\n]*\)\s*\{"
        r"|(?P<made>\b\w+(?:Exception|Error))\()",
        trace=_JVM,
        hole=r"\$\{[^{}\n]*\}|\$\w+",
        module=r"(?m)^package\s+([\w.]+)",
        constructor="<init>",
        untyped="java.lang.IllegalStateException",
    ),
    "lua": Dialect(
        throws=r"\b(?:H\.)?error\(",
        trace="Error executing Lua callback: {inner.path}:{inner.line}: {message}\nstack traceback:\n"
        "\t[C]: in function 'error'\n\t{inner.path}:{inner.line}: in function '{inner.function}'\n"
        "\t{outer.path}:{outer.line}: in function '{outer.function}'",
        join=r"\.\.",
        literal=_LITERAL_OR_SINGLE.replace("|`(?:[^`\\\\]|\\\\.)*`", ""),
        home="/home/dev/.local/share/nvim/site/pack/deps/start/{repo}/",
    ),
    "php": Dialect(
        throws=r"\bthrow\s+new\s+\\?(?P<type>\w+)\(",
        trace="PHP Fatal error:  Uncaught {type}: {message} in {inner.path}:{inner.line}\nStack trace:\n"
        "#0 {outer.path}({outer.line}): {inner.qualified}()\n#1 {outer.path}(12): {outer.qualified}()\n"
        "  thrown in {inner.path} on line {inner.line}",
        hole=rf"\{{\$[^{{}}\n]*\}}|\$\w+(?:->\w+)?|{_FORMATTED}",
        join=r"\.",
        literal=_LITERAL_OR_SINGLE,
        home="/var/www/app/vendor/{repo}/",
        module=r"(?m)^namespace\s+([\w\\]+)",
        glue="\\",
    ),
    "python": Dialect(
        throws=r"\braise\s+(?P<type>[\w.]+)\((?:\s*_\()?",
        trace="Traceback (most recent call last):\n"
        '  File "{outer.path}", line {outer.line}, in {outer.function}\n    {outer.code}\n'
        '  File "{inner.path}", line {inner.line}, in {inner.function}\n    {inner.code}\n{type}: {message}',
        hole=rf"%(?:\(\w+\))?[srd]|{_BRACES}",
        join="",
        literal=_LITERAL_OR_SINGLE,
        value="(?!)",
        home="/usr/lib/python3.11/site-packages/",
    ),
    "ruby": Dialect(
        throws=r"\b(?:raise|fail)\b(?:\s+\(?(?P<type>[A-Z][\w:]*)\s*,)?(?:\s*format)?",
        trace="{inner.path}:{inner.line}:in '{inner.function}': {message} ({type})\n"
        "\tfrom {outer.path}:{outer.line}:in '{outer.function}'",
        hole=rf"#\{{[^{{}}\n]*\}}|%p|{_FORMATTED}",
        literal=_LITERAL_OR_SINGLE,
        home="/usr/lib/ruby/gems/3.3.0/gems/{repo}-4.1.1/",
        call=_BARE,
        untyped="RuntimeError",
    ),
    "rust": Dialect(
        throws=r"(?:\bpanic!\(|\bunreachable!\(|\bcustom\((?:\s*format_args!\()?|\.expect\("
        r"|\berror_spanned_by\(|\bError::new\(|\bsyn_error\()",
        trace="thread 'main' panicked at {inner.path}:{inner.line}:{inner.column}:\n{message}\n"
        "stack backtrace:\n"
        "   0: {inner.qualified}\n             at {inner.path}:{inner.line}:{inner.column}\n"
        "   1: {outer.qualified}\n             at {outer.path}:{outer.line}:{outer.column}",
        hole=_BRACES,
        value="(?!)",
        home="/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/",
        glue="::",
    ),
    "scala": Dialect(
        throws=r"(?:\bthrow\s+new\s+(?P<type>\w+)\(|\bsys\.error\(|\brequire\()",
        trace=_JVM,
        hole=r"\$\{[^{}\n]*\}|\$\w+(?:%[ds])?",
        module=r"(?m)^package\s+([\w.]+(?:\npackage\s+[\w.]+)*)",
        constructor="<init>",
        untyped="java.lang.IllegalArgumentException",
    ),
    "swift": Dialect(
        throws=r"\b(?:fatalError|precondition|preconditionFailure|assert|assertionFailure|Abort|\w*Error)\(",
        trace="Fatal error: {message}: file {inner.path}, line {inner.line}\n\nThread 0 crashed:\n\n"
        "0 {inner.function}(...) in App at {inner.path}:{inner.line}:{inner.column}\n"
        "1 {outer.function}(...) in App at {outer.path}:{outer.line}:{outer.column}",
        hole=r"\\\((?:[^()\n]|\([^()\n]*\))*\)",
        home="/build/.build/checkouts/{repo}/",
    ),
    "typescript": Dialect(
        throws=r"\bnew\s+(?:\w+\.)?(?P<type>\$?\w*Error)\(",
        trace=_V8,
        hole=r"\$\{[^{}\n]*\}",
        literal=_LITERAL_OR_SINGLE,
        home="/srv/app/node_modules/{repo}/",
    ),
    "zig": Dialect(
        throws=r"(?:@compileError\(|@panic\(|\bpanic\(|(?P<log>\bprint\())",
        trace="{inner.path}:{inner.line}:{inner.column}: error: {message}\n    {inner.code}\n    ^~~~~\n"
        "referenced by:\n    {inner.function}: {inner.path}:{inner.line}:{inner.column}\n"
        "    {outer.function}: {outer.path}:{outer.line}:{outer.column}",
        hole=_BRACES,
        join=r"\+\+",
        value="(?!)",
    ),
}
