"""Code in scripting languages."""

# Each snippet with what it defines: name, kind, first and last line.
SCRIPTS = {
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
            "local constant 5 5",
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
            "local constant 16 16",
            "find function 18 20",
        ],
    ),
}
