"""What the commits before HEAD say about files: read from git, stored beside the index, asked by a search."""
