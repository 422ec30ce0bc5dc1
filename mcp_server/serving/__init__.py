"""What a running server keeps: open repositories, their background indexing, and the model of each."""
