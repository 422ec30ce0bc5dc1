"""Which indexes machines share: how one is published, taken up, and collected when it is old."""
