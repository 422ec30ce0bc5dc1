"""A piece of code in every language that is parsed, with what it defines."""

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
