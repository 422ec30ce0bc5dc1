"""Which language a file is written in, according to its name."""

from functools import cache

# A suffix listed for two languages belongs to the first. So `.h` is C++, whose grammar parses C headers too,
# while the C grammar does not parse classes.
_WITH_GRAMMAR: dict[str, str] = {
    "bash": ".sh .bash .bats .zsh .ksh .bashrc .zshrc .profile .envrc",
    "cpp": ".cpp .cc .cxx .c++ .hpp .hh .hxx .h++ .h .inl .ipp .tpp .inc .cu .cuh",
    "c": ".c .h",
    "csharp": ".cs .csx",
    "elixir": ".ex .exs",
    "go": ".go",
    "haskell": ".hs .hsc",
    "java": ".java",
    "javascript": ".js .jsx .mjs .cjs",
    "kotlin": ".kt .kts",
    "lua": ".lua",
    "php": ".php .phtml",
    "python": ".py .pyi .pyw",
    "ruby": ".rb .rake .gemspec .ru rakefile gemfile",
    "rust": ".rs",
    "scala": ".scala .sc .sbt",
    "swift": ".swift",
    "typescript": ".ts .tsx .mts .cts",
    "zig": ".zig .zon",
}
# Files with several languages in them: each part is parsed with the grammar of its own.
_WITH_PARTS: dict[str, str] = {
    "astro": ".astro",
    "html": ".html .htm .xhtml",
    "jupyter": ".ipynb",
    "svelte": ".svelte",
    "vue": ".vue",
}
# Languages without a grammar: split between their sections, or at blank lines. Where two share a suffix, the
# first names the file, and a filter for either finds it: `.m` is Objective-C or MATLAB, `.v` Verilog or Coq,
# and the line patterns of the first recognise the definitions of both.
_WITHOUT_GRAMMAR: dict[str, str] = {
    "asciidoc": ".adoc .asciidoc .asc",
    "clojure": ".clj .cljs .cljc .edn .bb",
    "cmake": ".cmake cmakelists.txt",
    "css": ".css .scss .sass .less",
    "dart": ".dart",
    "dockerfile": ".dockerfile dockerfile containerfile",
    "erlang": ".erl .hrl .escript",
    "fortran": ".f90 .f95 .f03 .f08 .for .f .f77",
    "fsharp": ".fs .fsi .fsx",
    "graphql": ".graphql .gql .graphqls",
    "groovy": ".groovy .gradle jenkinsfile",
    "hcl": ".tf .hcl .tofu .nomad",
    "ini": ".ini .cfg .conf .properties .editorconfig",
    "json": ".json .jsonc .json5 .jsonl",
    "julia": ".jl",
    "latex": ".tex .sty",
    "make": ".mk .mak makefile gnumakefile",
    "markdown": ".md .mdx .markdown .rmd .qmd",
    "nix": ".nix",
    "objectivec": ".m .mm",
    "matlab": ".m",
    "ocaml": ".ml .mli",
    "perl": ".pl .pm .t cpanfile",
    "powershell": ".ps1 .psm1 .psd1",
    "protobuf": ".proto",
    "r": ".r .rmd .qmd",
    "rst": ".rst",
    "solidity": ".sol",
    "sql": ".sql .psql .pgsql .ddl .pks .pkb",
    "text": ".txt",
    "toml": ".toml pipfile",
    "verilog": ".v .vh .sv .svh",
    "coq": ".v",
    "vim": ".vim .vimrc",
    "xml": ".xml .xsd .xsl .svg .csproj .props .targets",
    "yaml": ".yaml .yml",
}
_LANGUAGES = _WITH_GRAMMAR | _WITH_PARTS | _WITHOUT_GRAMMAR

_ALIASES = dict(
    pair.split("=")
    for pair in (
        "c#=csharp cs=csharp f#=fsharp c++=cpp cxx=cpp ex=elixir golang=go hs=haskell js=javascript "
        "jsx=javascript node=javascript kt=kotlin py=python rb=ruby rs=rust sh=bash shell=bash zsh=bash "
        "ts=typescript tsx=typescript docker=dockerfile makefile=make md=markdown objective-c=objectivec "
        "proto=protobuf scss=css terraform=hcl tex=latex yml=yaml "
        "clj=clojure clojurescript=clojure containerfile=dockerfile erl=erlang f90=fortran fs=fsharp "
        "gql=graphql gradle=groovy htm=html ipynb=jupyter jl=julia jupyter-notebook=jupyter mdx=markdown "
        "ml=ocaml notebook=jupyter obj-c=objectivec objc=objectivec opentofu=hcl pl=perl plaintext=text "
        "plpgsql=sql plsql=sql postgres=sql postgresql=sql ps1=powershell pwsh=powershell "
        "restructuredtext=rst rlang=r rmd=r sol=solidity sv=verilog systemverilog=verilog tf=hcl tsql=sql "
        "txt=text viml=vim vimscript=vim"
    ).split()
)


def names() -> tuple[str, ...]:
    """List all languages, sorted."""
    return tuple(sorted(_LANGUAGES))


def language_of(path: str) -> str:
    """Return the language that a file is parsed and shown as; "text" for an unknown name.

    >>> language_of("src/client.hpp"), language_of("Makefile"), language_of("LICENSE")
    ('cpp', 'make', 'text')
    """
    return _by_suffix().get(suffix_of(path), "text")


def has_grammar(path: str) -> bool:
    """Return whether a file, or a part of it, is parsed with a grammar."""
    language = language_of(path)
    return language in _WITH_GRAMMAR or language in _WITH_PARTS


def grammar_of(language: str, path: str) -> str:
    """Return the grammar that a file is parsed with: its language, or the dialect of its suffix.

    >>> grammar_of("typescript", "a.ts"), grammar_of("typescript", "a.tsx")
    ('typescript', 'tsx')
    """
    return "tsx" if language == "typescript" and path.endswith(".tsx") else language


def suffix_of(path: str) -> str:
    """Return the part of a name that decides the language: last suffix or whole name, in lower case.

    >>> suffix_of("a.test.TS"), suffix_of("CMakeLists.txt"), suffix_of(".bashrc"), suffix_of("Dockerfile.ci")
    ('.ts', 'cmakelists.txt', '.bashrc', 'dockerfile')
    """
    name = path.rpartition("/")[2].lower()
    if name in _by_suffix():
        return name
    stem, dot, ending = name.rpartition(".")
    is_variant = not stem.startswith(".") and stem in _by_suffix() and dot + ending not in _by_suffix()
    if is_variant:  # Dockerfile.dev, Makefile.in
        return stem
    return dot + ending if dot and stem else name


def suffixes(language: str) -> tuple[str, ...]:
    """List the values of `suffix_of` for a language, sorted; common aliases are accepted.

    >>> suffixes("C++") == suffixes("cpp")
    True

    Raises:
        KeyError: The language is unknown.
    """
    name = language.strip().lower()
    return tuple(sorted(_LANGUAGES[_ALIASES.get(name, name)].split()))


@cache
def _by_suffix() -> dict[str, str]:
    found: dict[str, str] = {}
    for language, endings in _LANGUAGES.items():
        for ending in endings.split():
            found.setdefault(ending, language)
    return found
