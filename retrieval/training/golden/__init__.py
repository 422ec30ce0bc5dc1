"""The golden file: the questions of a repository and the lines that answer them."""
