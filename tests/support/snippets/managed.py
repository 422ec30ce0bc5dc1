"""Code in languages of virtual machines, and in Haskell."""

# Each snippet with what it defines: name, kind, first and last line.
MANAGED = {
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
            "total variable 8 12",
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
}
