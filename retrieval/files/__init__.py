"""Which files of a repository are searched, and how each is read: confined, decoded and masked."""
