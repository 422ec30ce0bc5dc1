"""Which files a repository holds and how one is read: listed, decoded, confined to its root, masked."""
