"""Names and spans of definitions decide what a chunk is called and whether a symbol query finds it."""

import doctest
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import definitions as module
from retrieval import languages
from retrieval.definitions import Definition, definitions, parse

# Each snippet with what it defines: name, kind, first and last line.
SNIPPETS = {
    "bash": (
        """
        readonly LIMIT=3
        greet() {
          local name=$1
          inner() { echo "$name"; }
        }
        function leave { LANG=C date; }
        """,
        ["LIMIT variable 1 1", "greet function 2 5", "inner function 4 4", "leave function 6 6"],
    ),
    "c": (
        """
        #ifndef POINT_H
        #define POINT_H
        #define SQUARE(x) \\
          ((x) * (x))
        typedef struct point {
          int x;
        } point_t;
        typedef struct { int y; } bare;
        typedef int (*visitor)(point_t *, void *);
        enum colour { RED, GREEN };
        static const int limit = 3, *other;
        int visit(visitor callback);
        static char **
        split(const char *text) {
          int local = 1;
          return 0;
        }
        #endif
        """,
        [
            "SQUARE macro 3 4",
            "point struct 5 7",
            "point_t type 5 7",
            "bare struct 8 8",
            "visitor type 9 9",
            "colour enum 10 10",
            "RED constant 10 10",
            "GREEN constant 10 10",
            "limit constant 11 11",
            "other variable 11 11",
            "visit function 12 12",
            "split function 13 17",
        ],
    ),
    "cpp": (
        """
        namespace shapes::flat {
        template <typename T>
        class Box : public Base {
         public:
          explicit Box(int side);
          ~Box() {}
          bool operator==(const Box& other) const { return true; }
          explicit operator bool() const;
          static constexpr int kSides = 4;
          using Side = T;
         private:
          int side_;
        };
        template <typename T>
        T Box<T>::area() const {
          auto square = [](T x) { return x * x; };
          return square(side_);
        }
        enum class Colour { kRed };
        constexpr int kLimit = 3;
        int count(const Box<int>& box);
        }
        TEST(BoxTest, HasAnArea) { int local = 1; }
        """,
        [
            "flat module 1 22",
            "Box class 2 13",
            "Box method 5 5",
            "~Box method 6 6",
            "operator== method 7 7",
            "operator bool method 8 8",
            "kSides constant 9 9",
            "Side type 10 10",
            "area method 14 18",
            "Colour enum 19 19",
            "kRed constant 19 19",
            "kLimit constant 20 20",
            "count function 21 21",
            "HasAnArea function 23 23",
        ],
    ),
    "csharp": (
        """
        namespace Shop.Orders
        {
            [Serializable]
            public class Order : IOrder
            {
                const int Limit = 3;
                private int _count;
                public int Total { get; set; }
                public Order() { }
                public T Find<T>(int id)
                {
                    int local = 1;
                    int Helper() => local;
                    return default;
                }
            }
            interface IOrder { void Pay(); }
            enum State { Open }
            record Line(int Id);
            delegate void Paid(int id);
        }
        """,
        [
            "Orders module 1 21",
            "Order class 3 16",
            "Limit constant 6 6",
            "_count variable 7 7",
            "Total variable 8 8",
            "Order method 9 9",
            "Find method 10 15",
            "Helper function 13 13",
            "IOrder interface 17 17",
            "Pay method 17 17",
            "State enum 18 18",
            "Open constant 18 18",
            "Line class 19 19",
            "Paid type 20 20",
        ],
    ),
    "elixir": (
        """
        defmodule Shop.Cart do
          @moduledoc "A cart."
          @limit 3
          @type item :: String.t()
          @callback init(opts :: list) :: t
          @spec add(t, item) :: t
          def add(cart, item) when is_list(cart) do
            [item | cart]
          end
          def add(cart, _), do: cart
          defp check(cart), do: cart
          defmacro trace(code), do: code
        end
        defprotocol Priced do
          def price(item)
        end
        """,
        [
            "Cart module 1 13",
            "limit constant 3 3",
            "item type 4 4",
            "init function 5 5",
            "add function 7 9",
            "add function 10 10",
            "check function 11 11",
            "trace macro 12 12",
            "Priced interface 14 16",
            "price method 15 15",
        ],
    ),
    "go": (
        """
        package shop

        const Limit = 3

        var (
            ErrEmpty = errors.New("empty")
            _ Store = (*Cart)(nil)
        )

        type Store interface {
            Add(item string) error
        }

        type Cart struct{ items []string }

        type Items = []string

        func (c *Cart) Add(item string) error {
            const local = 1
            return nil
        }

        func New[T any]() *Cart { return nil }
        """,
        [
            "Limit constant 3 3",
            "ErrEmpty variable 6 6",
            "Store interface 10 12",
            "Add method 11 11",
            "Cart struct 14 14",
            "Items type 16 16",
            "Add method 18 21",
            "New function 23 23",
        ],
    ),
    "haskell": (
        """
        module Shop.Cart (total) where

        data Item = Item { price :: Int } | Free
          deriving Show

        newtype Cart = Cart [Item]

        type Total = Int

        class Priced a where
          cost :: a -> Total

        instance Priced Item where
          cost Free = 0
          cost item = price item

        -- | The sum.
        total :: Cart -> Total
        total (Cart []) = 0
        total (Cart (x : xs)) = cost x + rest
          where rest = total (Cart xs)

        (<+>) :: Int -> Int -> Int
        a <+> b = a + b
        """,
        [
            "Cart module 1 1",
            "Item type 3 4",
            "Item constant 3 3",
            "price function 3 3",
            "Free constant 3 3",
            "Cart type 6 6",
            "Total type 8 8",
            "Priced class 10 11",
            "cost method 11 11",
            "cost method 14 15",
            "total function 18 21",
            "<+> function 23 24",
        ],
    ),
    "java": (
        """
        package shop;

        @Entity
        public class Order<T> extends Base {
            private static final int LIMIT = 3;
            private int count;
            public Order() {}
            @Override
            public T find(int id) {
                int local = 1;
                return null;
            }
            enum State { OPEN, CLOSED }
            interface Payable { void pay(); }
            record Line(int id) {}
        }
        """,
        [
            "Order class 3 16",
            "LIMIT constant 5 5",
            "count variable 6 6",
            "Order method 7 7",
            "find method 8 12",
            "State enum 13 13",
            "OPEN constant 13 13",
            "CLOSED constant 13 13",
            "Payable interface 14 14",
            "pay method 14 14",
            "Line class 15 15",
        ],
    ),
    "javascript": (
        """
        const http = require("http");
        const LIMIT = 3;
        let count = 0;
        export const add = (a, b) => {
          const local = 1;
          return a + b;
        };
        export default function main() {}
        exports.foo = function () {};
        exports.version = "1";
        Foo.prototype.bar = function () {};
        app.use = function use(fn) {
          return fn;
        };
        class Cart extends Base {
          #items = [];
          constructor() {}
          get size() { return 0; }
          onAdd = () => {};
        }
        const handlers = {
          open() {},
          close: () => {},
          name: "x",
        };
        """,
        [
            "LIMIT constant 2 2",
            "count variable 3 3",
            "add function 4 7",
            "main function 8 8",
            "foo function 9 9",
            "version variable 10 10",
            "bar method 11 11",
            "use method 12 14",
            "Cart class 15 20",
            "#items variable 16 16",
            "constructor method 17 17",
            "size method 18 18",
            "onAdd method 19 19",
            "handlers constant 21 25",
            "open method 22 22",
            "close method 23 23",
        ],
    ),
    "kotlin": (
        """
        package shop

        const val LIMIT = 3
        typealias Items = List<String>

        @Serializable
        class Cart(private val items: Items, size: Int) : Base() {
            val total: Int
                get() {
                    val local = 1
                    return local
                }
            constructor() : this(emptyList(), 0)
            fun add(item: String): Cart {
                val local = 1
                return this
            }
            companion object {
                fun empty() = Cart()
            }
        }

        interface Store {
            fun load(): Cart
        }

        object Registry

        enum class State {
            OPEN,
        }

        fun Cart.isEmpty() = total == 0
        """,
        [
            "LIMIT constant 3 3",
            "Items type 4 4",
            "Cart class 6 21",
            "items variable 7 7",
            "total variable 8 8",
            "constructor method 13 13",
            "add method 14 17",
            "empty method 19 19",
            "Store interface 23 25",
            "load method 24 24",
            "Registry class 27 27",
            "State enum 29 31",
            "OPEN constant 30 30",
            "isEmpty function 33 33",
        ],
    ),
    "lua": (
        """
        local json = require("json")
        local M = {}
        M.version = "1"
        function M.add(a, b)
          local sum = a + b
          return sum
        end
        function M:size() end
        M.remove = function(a)
          return a
        end
        local function helper() end
        local hooks = {
          open = function() end,
        }
        """,
        [
            "M variable 2 2",
            "version variable 3 3",
            "add function 4 7",
            "size method 8 8",
            "remove function 9 11",
            "helper function 12 12",
            "hooks variable 13 15",
            "open function 14 14",
        ],
    ),
    "php": (
        """
        <?php
        namespace Shop\\Orders;

        const LIMIT = 3;
        define('VERSION', '1');

        #[Entity]
        class Order extends Base
        {
            public const STATE = 'open';
            private int $count = 0;
            public function find(int $id): ?Order
            {
                $local = 1;
                return null;
            }
        }
        interface Payable { function pay(); }
        trait Timed { }
        enum State { case Open; }
        function total() { }
        """,
        [
            "Orders module 2 2",
            "LIMIT constant 4 4",
            "VERSION constant 5 5",
            "Order class 7 17",
            "STATE constant 10 10",
            "count variable 11 11",
            "find method 12 16",
            "Payable interface 18 18",
            "pay method 18 18",
            "Timed trait 19 19",
            "State enum 20 20",
            "Open constant 20 20",
            "total function 21 21",
        ],
    ),
    "python": (
        """
        LIMIT = 3
        logger: Logger = get_logger()
        a.b = 1
        type Pair = tuple[int, int]

        if TYPE_CHECKING:
            Alias = int

        @dataclass
        class Cart:
            size: int = 0

            @property
            async def total(self):
                local = 1

                def helper():
                    return local

                return helper

        def main():
            x: int = 1
            class Local:
                field = 1
        """,
        [
            "LIMIT constant 1 1",
            "logger variable 2 2",
            "Pair type 4 4",
            "Alias variable 7 7",
            "Cart class 9 20",
            "size variable 11 11",
            "total method 13 20",
            "helper function 17 18",
            "main function 22 25",
            "Local class 24 25",
            "field variable 25 25",
        ],
    ),
    "ruby": (
        """
        module Shop
          LIMIT = 3
          Line = Struct.new(:id) do
            def price; end
          end
          class Cart < Base
            attr_reader :items, :owner
            def add(item)
              local = 1
            end
            def self.load; end
            def ==(other); end
            alias_method :push, :add
            class << self
              def build; end
            end
          end
          def self.open; end
        end
        def main; end
        """,
        [
            "Shop module 1 19",
            "LIMIT constant 2 2",
            "Line class 3 5",
            "price method 4 4",
            "Cart class 6 17",
            "items method 7 7",
            "owner method 7 7",
            "add method 8 10",
            "load method 11 11",
            "== method 12 12",
            "push method 13 13",
            "build method 15 15",
            "open method 18 18",
            "main function 20 20",
        ],
    ),
    "rust": (
        """
        pub const LIMIT: u32 = 3;
        static mut COUNT: u32 = 0;
        const _: () = ();
        macro_rules! shout { () => {} }

        #[derive(Debug)]
        pub struct Cart<T> {
            items: Vec<T>,
        }

        pub enum State { Open, Closed(u32) }

        pub trait Store {
            type Key;
            fn load(&self);
        }

        impl<T> Store for Cart<T> {
            type Key = u32;
            fn load(&self) {
                const LOCAL: u32 = 1;
                fn inner() {}
            }
        }

        mod tests {
            fn helper() {}
        }
        mod elsewhere;
        type Items = Vec<u32>;
        """,
        [
            "LIMIT constant 1 1",
            "COUNT constant 2 2",
            "shout macro 4 4",
            "Cart struct 7 9",
            "State enum 11 11",
            "Open constant 11 11",
            "Closed constant 11 11",
            "Store trait 13 16",
            "Key type 14 14",
            "load method 15 15",
            "Key type 19 19",
            "load method 20 23",
            "inner function 22 22",
            "tests module 26 28",
            "helper function 27 27",
            "Items type 30 30",
        ],
    ),
    "scala": (
        """
        package shop

        @deprecated
        sealed abstract class Cart[T](val size: Int) extends Base {
          val limit = 3
          var count: Int = 0
          type Item = T
          def add(item: T): Cart[T] =
            this match {
              case other => other
            }

          /** The sum. */
          def total: Int = {
            val local = 1
            def helper = local
            helper
          }
        }

        object Cart {
          case class Line(id: Int)
        }

        trait Store {
          def load: Int
        }
        """,
        [
            "Cart class 3 19",
            "limit variable 5 5",
            "count variable 6 6",
            "Item type 7 7",
            "add method 8 11",
            "total method 14 18",
            "helper function 16 16",
            "Cart class 21 23",
            "Line class 22 22",
            "Store trait 25 27",
            "load method 26 26",
        ],
    ),
    "swift": (
        """
        typealias Items = [String]
        let limit = 3

        @available(iOS 13, *)
        public final class Cart: Base {
            static let shared = Cart()
            var total: Int {
                let local = 1
                return local
            }
            init(size: Int) {
                let local = size
            }
            func add(_ item: String) -> Cart {
                func inner() {}
                return self
            }
            static func == (lhs: Cart, rhs: Cart) -> Bool { true }
        }

        struct Line {}

        enum State {
            case open, closed
        }

        protocol Store {
            func load()
            var key: String { get }
        }

        extension Cart: Store {
            func load() {}
        }
        """,
        [
            "Items type 1 1",
            "limit variable 2 2",
            "Cart class 4 19",
            "shared variable 6 6",
            "total variable 7 10",
            "init method 11 13",
            "add method 14 17",
            "inner function 15 15",
            "== method 18 18",
            "Line struct 21 21",
            "State enum 23 25",
            "open constant 24 24",
            "closed constant 24 24",
            "Store interface 27 30",
            "load method 28 28",
            "key variable 29 29",
            "Cart class 32 34",
            "load method 33 33",
        ],
    ),
    "typescript": (
        """
        export interface Store<T> {
          load(id: string): T;
          name: string;
        }
        export type Id = string | number;
        enum State { Open, Closed = 2 }
        namespace shop.orders {
          export const limit = 3;
        }
        declare function boot(): void;
        @Component()
        export abstract class Cart<T> {
          private items: T[] = [];
          abstract total(): number;
          add(item: T): this;
          add(item: any) { const local = 1; return this; }
        }
        export const find = async <T,>(id: Id): Promise<T> => {
          return load(id);
        };
        """,
        [
            "Store interface 1 4",
            "load method 2 2",
            "Id type 5 5",
            "State enum 6 6",
            "Open constant 6 6",
            "Closed constant 6 6",
            "orders module 7 9",
            "limit constant 8 8",
            "boot function 10 10",
            "Cart class 11 17",
            "items variable 13 13",
            "total method 14 14",
            "add method 15 15",
            "add method 16 16",
            "find function 18 20",
        ],
    ),
    "zig": (
        """
        const std = @import("std");
        const print = @import("std").debug.print;
        pub const limit: u32 = 3;
        var count: u32 = 0;
        pub const Cart = struct {
            size: u32,
            const Self = @This();
            pub fn add(self: *Self) void {
                const local = 1;
                _ = local;
            }
        };
        const State = enum { open, closed };
        const Failure = error{Empty};
        pub fn List(comptime T: type) type {
            return struct {
                pub fn push(item: T) void {}
            };
        }
        extern fn getenv(name: [*]const u8) void;
        """,
        [
            "print constant 2 2",
            "limit constant 3 3",
            "count variable 4 4",
            "Cart struct 5 12",
            "Self constant 7 7",
            "add method 8 11",
            "State enum 13 13",
            "Failure enum 14 14",
            "List function 15 19",
            "push method 17 17",
            "getenv function 20 20",
        ],
    ),
}


def defined(language: str, source: str | bytes, *, path: str = "") -> list[Definition]:
    """Parse and list in one step; text is dedented and starts at line 1 after its first newline."""
    data = textwrap.dedent(source).removeprefix("\n").encode() if isinstance(source, str) else source
    tree = parse(language, data, path=path)
    assert tree is not None
    return definitions(language, tree)


def lines_of(found: list[Definition]) -> list[str]:
    """Write definitions as the tables here do."""
    return [f"{item.name} {item.kind} {item.start_line} {item.end_line}" for item in found]


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_file_defines_exactly_what_a_reader_would_look_for(language: str) -> None:
    """A missing name is a symbol that cannot be found; a local reported as one is noise in every search."""
    source, expected = SNIPPETS[language]
    assert lines_of(defined(language, source)) == expected


def test_every_language_with_a_grammar_has_a_snippet() -> None:
    """A language that is parsed and not tested here is one whose grammar may change unseen."""
    assert set(SNIPPETS) == {name for name in languages.names() if parse(name, b"") is not None}


@pytest.mark.parametrize("language", ["text", "markdown", "", "klingon"])
def test_a_language_without_a_grammar_has_no_tree(language: str) -> None:
    """Such files are cut by lines; asking for their tree is no mistake."""
    assert parse(language, b"# Title") is None


@pytest.mark.parametrize("language", SNIPPETS)
@pytest.mark.parametrize(
    "source",
    [b"", b"\n\n", b"\x00", b"\xff\xfe\xfa", b"(" * 300, b"}" * 300, b"\xef\xbb\xbf"],
    ids=["empty", "blank", "nul", "no utf-8", "opened", "closed", "bom"],
)
def test_a_file_with_nothing_to_find_gives_nothing(language: str, source: bytes) -> None:
    """Generated, damaged and mislabelled files are in every repository, and one must not stop an index."""
    assert defined(language, source) == []


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_file_cut_off_anywhere_is_still_read(language: str) -> None:
    """People search while they type: half a file is what the index sees then."""
    data = textwrap.dedent(SNIPPETS[language][0]).encode()
    for end in range(0, len(data), 17):
        for item in defined(language, data[:end] + b"\x00\xff"):
            assert item.name
            assert 1 <= item.start_line <= item.name_line <= item.end_line <= data.count(b"\n") + 1


@settings(deadline=None)  # the first file of a language compiles its query
@given(st.sampled_from(sorted(SNIPPETS)), st.data())
def test_shuffled_lines_never_raise(language: str, data: st.DataObject) -> None:
    """Broken syntax in the tokens of the language itself reaches corners that random bytes do not."""
    lines = data.draw(st.permutations(textwrap.dedent(SNIPPETS[language][0]).splitlines()))
    found = defined(language, "\n".join(lines).encode())
    assert found == sorted(found, key=lambda item: (item.start_line, -item.end_line, item.name_line))
    assert len({(item.name, item.start_line, item.end_line) for item in found}) == len(found)


def test_a_deeply_nested_file_is_read() -> None:
    """A minified or generated file nests deeper than any stack."""
    assert lines_of(defined("python", b"a = " * 3000 + b"1")) == ["a variable 1 1"]
    assert lines_of(defined("javascript", b"(" * 3000 + b"1" + b")" * 3000)) == []


@pytest.mark.parametrize(
    "source", [b"(" * 100_000, b"x = {" * 20_000, b"()" + b"f(" * 50_000 + b")" * 50_000]
)
def test_a_file_that_would_take_minutes_has_no_tree(source: bytes) -> None:
    """Errors inside deep nesting cost quadratic time: such a file is cut by lines instead."""
    assert parse("python", source) is None
    assert parse("python", b"()" * 100_000) is not None


def test_the_line_of_a_name_is_told_apart_from_the_first_line() -> None:
    """A decorated function starts above its name, and jumping to a symbol should land on the name."""
    source = b"@cache\n@typed(\n    int,\n)\ndef total():\n    pass\n"
    assert defined("python", source) == [Definition("total", "function", 1, 6, 5)]


def test_typescript_with_markup_needs_its_path() -> None:
    """In a .tsx file `<div>` is markup; in a .ts file it is a type assertion."""
    source = "export function App() {\n  return <div>{items.map((item) => <Row key={item} />)}</div>;\n}\n"
    tree = parse("typescript", source.encode(), path="src/App.tsx")
    assert tree is not None
    assert not tree.root_node.has_error
    assert lines_of(definitions("typescript", tree)) == ["App function 1 3"]


def test_macros_do_not_hide_a_cpp_class() -> None:
    """Libraries export their classes with a macro, and those are the ones that people look for."""
    source = """
        LIB_NAMESPACE_BEGIN
        class LIB_API Cart final : public Base {
          Q_OBJECT
         public:
          int total() const;
        };
        LIB_NAMESPACE_END
        }  // namespace lib
        enum Flag {
          FIRST,
          LAST
        };
        """
    assert lines_of(defined("cpp", source)) == [
        "Cart class 2 6",
        "total method 5 5",
        "Flag enum 9 12",
        "FIRST constant 10 10",
        "LAST constant 11 11",
    ]


def test_a_function_split_by_the_preprocessor_keeps_its_name() -> None:
    """The grammar sees two halves of a statement; the function is still the one that people look for."""
    source = """
        static int choose(int a)
        {
        #ifdef FAST
          if(a) {
        #else
          if(!a) {
        #endif
            return 1;
          }
          return 0;
        }
        """
    assert [item.name for item in defined("c", source)] == ["choose"]


def test_a_typedef_that_repeats_its_tag_is_one_definition() -> None:
    """The two names of one struct would be the same answer twice."""
    source = "typedef struct node {\n  int value;\n} node;\ntypedef struct other other;\n"
    assert lines_of(defined("c", source)) == ["node struct 1 3", "other type 4 4"]


def test_methods_of_two_haskell_instances_stay_apart() -> None:
    """Only the equations of one function belong together."""
    source = 'instance Show A where\n  show _ = "a"\ninstance Show B where\n  show _ = "b"\n'
    assert lines_of(defined("haskell", source)) == ["show method 2 2", "show method 4 4"]


def test_both_names_of_a_chained_assignment_are_found() -> None:
    """Express and its like publish one function under two names."""
    source = "res.set =\nres.header = function header(field) {\n  return this;\n};\n"
    assert lines_of(defined("javascript", source)) == [
        "set method 1 4",
        "header method 2 4",
    ]


def test_a_comment_after_a_function_is_not_part_of_it() -> None:
    """It documents what follows, and a span that swallows it hides the next definition's words."""
    source = "object A {\n  def one: Int =\n    1\n\n  // about two\n  def two: Int = 2\n}\n"
    assert lines_of(defined("scala", source)) == ["A class 1 7", "one method 2 3", "two method 6 6"]


def test_the_example_in_the_docstring_holds() -> None:
    """Whoever reads the module learns it from there."""
    assert doctest.testmod(module).failed == 0
