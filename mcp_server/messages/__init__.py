"""What callers write and read: arguments, replies, and the explanation of a ranking."""
