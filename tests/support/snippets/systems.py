"""Code in languages that compile to machines."""

# Each snippet with what it defines: name, kind, first and last line.
SYSTEMS = {
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
